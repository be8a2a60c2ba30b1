"""Named random streams: each consumer of randomness draws from its own, derived from (seed, replicate, name).

A new consumer therefore never shifts another's numbers, and replicate r of a run of R draws what it would draw alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import numpy as np
import torch


@attrs.frozen
class Streams:
    """The streams of one run.

    Args:
        seed: the spec's seed, a non-negative integer.
    """

    seed: int

    def derive(self, name: str, replicate: int | None = None) -> int:
        """The 63-bit seed of a stream: a SHA-256 of (seed, replicate, name), the same on every machine."""
        text = f"identify|{self.seed}|{'-' if replicate is None else replicate}|{name}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def torch(self, name: str, replicate: int | None = None) -> torch.Generator:
        """A CPU generator at the beginning of its stream; draw on the CPU and move, so that devices agree."""
        return torch.Generator().manual_seed(self.derive(name, replicate))

    def numpy(self, name: str, replicate: int | None = None) -> np.random.Generator:
        """A numpy generator at the beginning of its stream."""
        return np.random.default_rng(self.derive(name, replicate))

    @contextmanager
    def as_global(self, name: str, replicate: int | None = None) -> Iterator[None]:
        """Seed torch's global CPU generator with the stream inside the block, and put it back afterwards.

        For code that takes no generator, such as the default initialisation of layers.
        """
        state = torch.random.get_rng_state()
        torch.default_generator.manual_seed(self.derive(name, replicate))
        try:
            yield
        finally:
            torch.random.set_rng_state(state)
