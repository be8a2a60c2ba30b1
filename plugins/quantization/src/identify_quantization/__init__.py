"""Latent quantization: images encoded by latents that take few values each, after Hsu et al., NeurIPS 2023."""
