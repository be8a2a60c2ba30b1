"""Noise: what replicate r draws while it runs (dropout, say) comes from its own stream, whoever runs next to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from identify_core.contexts.device import random_state, set_random_state


class Noise:
    """One random state a replicate, put in place of torch's own generator while that replicate runs.

    Args:
        seeds: one a replicate.
        device: whose generator the replicates draw from.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.device = device
        self.states = [torch.Generator(device).manual_seed(seed).get_state() for seed in seeds]

    @contextmanager
    def of(self, replicate: int) -> Iterator[None]:
        """Draw from the replicate's stream inside the block, and put torch's own generator back afterwards."""
        outside = random_state(self.device)
        set_random_state(self.device, self.states[replicate])
        try:
            yield
        finally:
            self.states[replicate] = random_state(self.device)
            set_random_state(self.device, outside)

    def select(self, rows: Sequence[int]) -> Noise:
        """The streams of some replicates, at the position that they have reached."""
        chosen = Noise((), self.device)
        chosen.states = [self.states[row].clone() for row in rows]
        return chosen

    def state(self) -> torch.Tensor:
        """All states, shape (R, bytes)."""
        return torch.stack(self.states)

    def load_state(self, state: torch.Tensor) -> None:
        """Continue from what `state` gave."""
        self.states = [row.clone() for row in state.cpu()]
