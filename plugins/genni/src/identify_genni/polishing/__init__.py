"""Polishing: Levenberg-Marquardt steps that carry trained replicates down to a minimum to float64 accuracy."""
