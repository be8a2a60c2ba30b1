"""The figures of the evaluators."""
