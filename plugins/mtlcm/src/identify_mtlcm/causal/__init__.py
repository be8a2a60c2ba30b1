"""The linear causal model: its statistics, its exact likelihood and the solvers that fit it."""
