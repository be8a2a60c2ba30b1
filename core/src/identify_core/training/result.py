"""FitResult: how the training of each replicate went and why it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import torch

Reason = Literal["steps", "converged", "patience", "diverged"]


@attrs.frozen(kw_only=True, eq=False)
class FitResult:
    """What `fit` returns; all tensors are on the CPU.

    Args:
        steps: how many updates each replicate made, (R,), int64.
        reasons: why each stopped: `steps` (all of them were made), `converged` (its metric fell below the bound),
            `patience` (its metric no longer improved), `diverged` (a value was no longer finite).
        losses: each replicate's last finite loss, before its last update, (R,).
        metrics: the last value of each replicate's metric, (R,); None where there was none.
    """

    steps: torch.Tensor
    reasons: tuple[Reason, ...]
    losses: torch.Tensor
    metrics: torch.Tensor | None

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return attrs.asdict(self, recurse=False)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FitResult:
        """What `state` gave."""
        return cls(**{**state, "reasons": tuple(state["reasons"])})
