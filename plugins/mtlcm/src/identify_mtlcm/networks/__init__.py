"""Encoders, and the linear heads of the tasks."""
