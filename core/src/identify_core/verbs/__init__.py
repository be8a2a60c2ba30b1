"""The verbs: what `identify run`, `compare`, `evaluate` and the others do, as functions for Python and notebooks."""
