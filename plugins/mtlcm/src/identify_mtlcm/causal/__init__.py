"""The linear causal model: statistics of each task, likelihood, solvers."""
