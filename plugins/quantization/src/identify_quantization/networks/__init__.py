"""Encoders, latents and decoders."""
