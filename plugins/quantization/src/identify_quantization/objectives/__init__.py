"""Losses and trainings."""
