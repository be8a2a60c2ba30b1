"""Runs: a spec executed from samples to findings, committed whole, resumed and revisited."""
