"""The measures as evaluators of `identify compare`."""
