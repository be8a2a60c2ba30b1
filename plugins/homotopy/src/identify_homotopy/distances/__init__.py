"""Directed distances between encoders."""
