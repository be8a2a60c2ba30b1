"""Disturbance of global random states: whoever draws from them instead of the run's streams then gives himself away."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def disturbed(seed: int) -> Iterator[None]:
    """Put Python's, numpy's and torch's global generators into a state of this seed inside the block.

    Args:
        seed: another one puts them into another state.
    """
    before = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.random.set_rng_state(before[2])
