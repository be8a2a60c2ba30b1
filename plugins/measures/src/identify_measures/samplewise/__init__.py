"""Measures that look at samples: kernels, distances, neighbours, ranks, and matchings of single latents."""
