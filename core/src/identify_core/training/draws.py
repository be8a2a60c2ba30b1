"""Draws: columns of random numbers that are drawn at every step, each replicate's from its own stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from identify_core.contexts.streams import Streams
from identify_core.errors import OptionsError
from identify_core.replicates import Replicates
from identify_core.replicates.calls import Shared
from identify_core.training.batches import Batches

Draw = Callable[[torch.Generator, int], torch.Tensor]


class Draws:
    """Columns as a pure function of (seed, replicate, name, step): there is nothing to checkpoint.

    Args:
        noise: name to `draw(generator, rows)`.
        streams: the run's random streams.
        name: of the training; each of its turns draws its own numbers.
        device: where the columns are needed; they are drawn on the CPU, so that devices agree.
        dtype: of floating-point columns.
    """

    def __init__(
        self, noise: Mapping[str, Draw], streams: Streams, *, name: str, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.names = frozenset(noise)
        self._noise = dict(noise)
        self._streams = streams
        self._name = name
        self._device = device
        self._dtype = dtype
        self._generator = torch.Generator()

    def at(self, step: int, turn: str, replicates: Sequence[int], rows: int) -> dict[str, torch.Tensor]:
        """Name to (R, ...), what the replicates draw.

        Args:
            step: from 0.
            turn: whose numbers these are; empty for a training of one loss.
            replicates: their numbers in the run.
            rows: of the batch.

        Raises:
            OptionsError: a draw gives no tensor, or tensors of several shapes.
        """
        drawn = {}
        of = f"{self._name}/{turn}" if turn else self._name
        for name, draw in self._noise.items():
            stream = f"{of}/noise/{name}/step-{step}"
            parts = [draw(self._generator.manual_seed(self._streams.derive(stream, each)), rows) for each in replicates]
            drawn[name] = self._together(name, parts)
        return drawn

    def _together(self, name: str, parts: list[Any]) -> torch.Tensor:
        kinds = {tuple(each.shape) if isinstance(each, torch.Tensor) else type(each).__name__ for each in parts}
        if len(kinds) != 1 or not isinstance(parts[0], torch.Tensor):
            found = " and ".join(sorted(str(each) for each in kinds))
            raise OptionsError(
                f"the noise {name!r} gave {found}; a draw gives a tensor, of one shape for all replicates",
                hint="as in noise={'eps': lambda generator, rows: torch.randn(rows, 4, generator=generator)}",
            )
        column = torch.stack(parts)
        if column.is_floating_point():
            column = column.to(self._dtype)
        if self._device.type == "cuda":
            return column.pin_memory().to(self._device, non_blocking=True)
        return column.to(self._device)


def step_of(step: int, replicates: Replicates) -> torch.Tensor:
    """The step as a loss sees it, (): in the type of the replicates, or float32 where theirs is narrower."""
    dtype = torch.promote_types(replicates.dtype, torch.float32)
    return torch.full((), step, dtype=dtype, device=replicates.device)


def shared_columns(batches: Batches, draws: Draws) -> Shared:
    """Whether all replicates see the same batch, or the names of its columns that all see."""
    if batches.shared and not batches.own_names and not draws.names:
        return True
    return frozenset({"step", *(batches.names if batches.shared else ())})
