"""Classifiers on embeddings: whether two encoders say the same of the same sentences."""
