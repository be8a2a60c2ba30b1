"""Polishing: methods that carry trained replicates down to a minimum to float64 accuracy."""
