"""The architectures: every network is a chain of named layers, in the study's order of parameters."""
