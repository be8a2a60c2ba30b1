"""Threads: how many a run computes with on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Below this many parameters in all replicates together a step is a handful of tiny kernels: waking a second thread for
# each costs more than it computes, and on a busy machine ten times more (measured on the four-parameter networks).
SMALL = 200_000


@contextmanager
def fitting_threads(parameters: int) -> Iterator[None]:
    """Compute with one thread inside the block where the networks are small; torch's own setting is put back after it.

    A user's OMP_NUM_THREADS or MKL_NUM_THREADS counts as it stands.

    Args:
        parameters: of all replicates together.
    """
    chosen = any(os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"))
    before = torch.get_num_threads()
    if chosen or parameters >= SMALL or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
