"""Threads: how many a run computes with on the CPU, and how they treat numbers too small to be normal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_CHOSEN = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

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
    chosen = any(os.environ.get(name) for name in _CHOSEN)
    before = torch.get_num_threads()
    if chosen or parameters >= SMALL or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers below the smallest normal one as zero inside the block; the setting before it is put back after it.

    Weights that a penalty lets shrink, such as those of units that never fire, would else end as denormal numbers, with
    which a CPU multiplies up to a hundred times slower. Where a processor has no such mode, nothing changes.
    """
    before = _flushes()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushes() -> bool:
    smallest = torch.tensor([torch.finfo(torch.float64).tiny], dtype=torch.float64)
    return bool((smallest / 2 == 0).item())


def share_threads(processes: int) -> None:
    """Let this process, one of several that compute at once, use its share of the cores and at least one.

    A user's OMP_NUM_THREADS or MKL_NUM_THREADS counts as it stands.
    """
    if any(os.environ.get(name) for name in _CHOSEN):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(max(1, min(torch.get_num_threads(), cores // processes)))
