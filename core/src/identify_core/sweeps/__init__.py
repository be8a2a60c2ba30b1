"""Sweeps: every combination of some values as a run of its own, here, in processes, on Dask or as a Slurm job array."""
