"""Evaluation: representations and subjects, and evaluators called on them, one at a time or over all pairs."""
