"""History: the values that a run logs at its steps, one number or one per replicate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

Series = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


class History:
    """Named series of (step, value), where a value is one number or one number a replicate.

    Tensors stay on their device until the history is read or saved, so that logging does not wait for a GPU.
    """

    def __init__(self) -> None:
        self._steps: dict[str, list[int]] = {}
        self._pending: dict[str, list[Any]] = {}
        self._blocks: dict[str, list[np.ndarray[Any, Any]]] = {}

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """Append one value a name.

        Raises:
            ValueError: a name's steps do not increase.
        """
        for name, value in values.items():
            steps = self._steps.setdefault(name, [])
            if steps and step <= steps[-1]:
                raise ValueError(f"history {name!r}: step {step} comes after step {steps[-1]}")
            steps.append(step)
            self._pending.setdefault(name, []).append(value.detach() if isinstance(value, torch.Tensor) else value)

    def series(self) -> dict[str, Series]:
        """Every name's steps, shape (S,), and values, shape (S,) or (S, R), float64."""
        self._settle()
        return {
            name: (np.asarray(steps, dtype=np.int64), np.concatenate(self._blocks[name]))
            for name, steps in self._steps.items()
        }

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {name: {"steps": steps, "values": values} for name, (steps, values) in self.series().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint: whatever was logged after it is dropped."""
        self._steps = {name: np.asarray(series["steps"]).tolist() for name, series in state.items()}
        self._blocks = {name: [np.asarray(series["values"], dtype=np.float64)] for name, series in state.items()}
        self._pending = {}

    def _settle(self) -> None:
        for name, pending in self._pending.items():
            if not pending:
                continue
            if isinstance(pending[0], torch.Tensor):
                block = torch.stack(pending).double().cpu().numpy()
            else:
                block = np.asarray(pending, dtype=np.float64)
            self._blocks.setdefault(name, []).append(block)
            pending.clear()
