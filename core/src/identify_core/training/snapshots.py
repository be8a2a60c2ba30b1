"""Snapshots: latents at chosen steps of a training, kept on disk until it ends, so that a resumed run has them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from identify_core.contexts.checkpoints import read_checkpoint, write_checkpoint
from identify_core.contexts.context import Context
from identify_core.data import Latents
from identify_core.errors import OptionsError
from identify_core.replicates import Replicates

Snapshot = Callable[[Replicates, int], Latents]


class Snapshots:
    """The latents of one training at chosen steps.

    Args:
        take: gives the latents, from replicates in evaluation mode and the step; None for no snapshots.
        at: after how many steps.
        steps: of the training.
        context: of the run.
        name: of the training.

    Raises:
        OptionsError: steps without anything to take, or that the training does not reach.
    """

    def __init__(self, take: Snapshot | None, at: Sequence[int], *, steps: int, context: Context, name: str) -> None:
        self.at = tuple(sorted(set(at)))
        if (take is None) != (not self.at):
            raise OptionsError(
                "snapshots need both what is taken and the steps", hint="snapshot=..., snapshot_at=(0, 100, 1000)"
            )
        for step in self.at:
            if not 0 <= step <= steps:
                raise OptionsError(f"snapshot_at names the step {step}; the training goes from 0 to {steps}")
        self._take = take
        self._context = context
        self._name = name

    def take(self, replicates: Replicates, step: int) -> None:
        """Keep the latents at a step if it is one of those chosen.

        Raises:
            OptionsError: what was given are not latents.
        """
        if self._take is None or step not in self.at:
            return
        training = replicates.training
        with torch.no_grad():
            latents: Any = self._take(replicates.eval(), step)
        replicates.train(training)
        if not isinstance(latents, Latents):
            raise OptionsError(f"a snapshot is Latents, not {type(latents).__name__}")
        state = attrs.asdict(latents, recurse=False)
        ids = latents.ids if latents.ids is None else np.asarray(latents.ids).tolist()
        values = latents.values if isinstance(latents.values, torch.Tensor) else list(latents.values)
        state |= {"name": f"{latents.name}-step-{step}", "ids": ids, "values": values}
        write_checkpoint(self._file(step), state)

    def all(self) -> tuple[Latents, ...]:
        """All that were taken, in their order, on the CPU."""
        found, missing = [], []
        for step in self.at:
            # A resumed training goes the same way again, so that what lies there is what it would take.
            state = read_checkpoint(self._file(step), warn=self._context.warn)
            if state is None:
                missing.append(str(step))
                continue
            ids = None if state["ids"] is None else np.asarray(state["ids"])
            found.append(Latents(**{**state, "ids": ids}))
        if missing:
            self._context.warn(
                f"every replicate of '{self._name}' had stopped before the steps {', '.join(missing)}: "
                "there are no snapshots of them"
            )
        return tuple(found)

    def _file(self, step: int) -> Path:
        return self._context.scratch / f"snapshot-{self._name}-{step}.safetensors"
