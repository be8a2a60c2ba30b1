"""Measures of similarity, identifiability and disentanglement, on two arrays or on stored runs."""
