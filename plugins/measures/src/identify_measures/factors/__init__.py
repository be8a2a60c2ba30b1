"""Measures of one representation against ground-truth factors."""
