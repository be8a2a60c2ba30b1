"""Standing: where each replicate's training stands, as tensors with one entry a replicate."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from identify_core.training.result import Reason

REASONS: tuple[Reason, ...] = ("steps", "converged", "patience", "diverged")
CONVERGED, PATIENCE, DIVERGED = 1, 2, 3


@attrs.define(kw_only=True)
class Standing:
    """Everything that is kept for each replicate beside its numbers.

    Args:
        active: who still trains, (R,), bool.
        taken: updates made, (R,), int64.
        reason: an index into `REASONS`, (R,), int64; 0 while a replicate is active.
        losses: the last finite loss, (R,).
        metrics: the last metric, (R,), NaN before the first.
        best: the lowest metric, (R,), infinite before the first.
        waited: metrics in a row that were no improvement, (R,), int64.
    """

    active: torch.Tensor
    taken: torch.Tensor
    reason: torch.Tensor
    losses: torch.Tensor
    metrics: torch.Tensor
    best: torch.Tensor
    waited: torch.Tensor

    @classmethod
    def begin(cls, count: int, device: torch.device, dtype: torch.dtype) -> Standing:
        """Before the first step."""
        return cls(
            active=torch.ones(count, dtype=torch.bool, device=device),
            taken=torch.zeros(count, dtype=torch.long, device=device),
            reason=torch.zeros(count, dtype=torch.long, device=device),
            losses=torch.full((count,), torch.nan, dtype=dtype, device=device),
            metrics=torch.full((count,), torch.nan, dtype=dtype, device=device),
            best=torch.full((count,), torch.inf, dtype=dtype, device=device),
            waited=torch.zeros(count, dtype=torch.long, device=device),
        )

    def select(self, rows: torch.Tensor) -> Standing:
        """A copy of the entries of some replicates."""
        return Standing(**{name: value[rows] for name, value in self.state().items()})

    def write(self, rows: torch.Tensor, part: Standing) -> None:
        """Take over the entries of some replicates."""
        for name, value in part.state().items():
            getattr(self, name)[rows] = value

    def judge(self, metrics: torch.Tensor, *, stop_below: float | None, patience: int | None) -> torch.Tensor:
        """Take in a metric of every replicate, and stop those that are done; returns who improved, (R,), bool."""
        metrics = metrics.to(self.metrics)
        self.metrics = torch.where(self.active, metrics, self.metrics)
        improved = self.active & (metrics < self.best)
        self.best = torch.where(improved, metrics, self.best)
        self.waited = torch.where(improved | ~self.active, 0, self.waited + 1)
        if stop_below is not None:
            self.stop(self.active & (metrics < stop_below), CONVERGED)
        if patience is not None:
            self.stop(self.active & (self.waited >= patience), PATIENCE)
        return improved

    def stop(self, who: torch.Tensor, reason: int) -> None:
        """Stop some replicates, (R,), bool."""
        self.reason = torch.where(who, reason, self.reason)
        self.active = self.active & ~who

    def state(self) -> dict[str, torch.Tensor]:
        """For a checkpoint."""
        return attrs.asdict(self, recurse=False)

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from a checkpoint."""
        for name, value in state.items():
            setattr(self, name, value.to(getattr(self, name).device))
