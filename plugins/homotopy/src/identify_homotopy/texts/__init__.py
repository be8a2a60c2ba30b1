"""Sentences: generated, or read from files."""
