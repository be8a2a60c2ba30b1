"""Sweeps: every combination of some values as a run of its own, here, in several processes or on a Dask cluster."""
