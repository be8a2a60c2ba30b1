"""Options of the evaluators."""
