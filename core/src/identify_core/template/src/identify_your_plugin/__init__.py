"""A plugin of identify: autoencoders of mixed sources, and how well their latents agree."""
