"""Embedding: the objective that keeps hidden states."""
