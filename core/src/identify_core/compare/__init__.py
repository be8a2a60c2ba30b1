"""Comparing representations: naming them, lining up their rows, and running pair evaluators over all pairs."""
