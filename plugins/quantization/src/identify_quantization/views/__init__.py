"""Figures, drawn from findings alone."""
