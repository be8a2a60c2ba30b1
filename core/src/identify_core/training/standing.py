"""Standing: which replicates still go on, and why the others stopped, as tensors with one entry a replicate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import attrs
import torch

from identify_core.data import Latents

Reason = Literal["steps", "converged", "patience", "diverged"]


@attrs.define(kw_only=True)
class Standing:
    """What every method that goes on step by step keeps for each replicate.

    Args:
        active: who goes on, (R,), bool.
        taken: steps made, (R,), int64.
        reason: an index into `reasons`, (R,), int64; 0 while a replicate is active.
    """

    reasons: ClassVar[tuple[str, ...]] = ("steps",)

    active: torch.Tensor
    taken: torch.Tensor
    reason: torch.Tensor

    def stop(self, who: torch.Tensor, reason: str) -> None:
        """Stop some replicates, (R,), bool, as far as they are active."""
        self.reason = torch.where(who & self.active, self.reasons.index(reason), self.reason)
        self.active = self.active & ~who

    def stopped_as(self, reason: str) -> torch.Tensor:
        """Who stopped for a reason, (R,), bool."""
        return self.reason == self.reasons.index(reason)

    def why(self) -> tuple[Any, ...]:
        """The reason of each replicate in words."""
        return tuple(self.reasons[each] for each in self.reason.tolist())

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return attrs.asdict(self, recurse=False)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        for name, value in state.items():
            setattr(self, name, value.to(self.active.device))


@attrs.define(kw_only=True)
class FitStanding(Standing):
    """Where the training of each replicate stands.

    Args:
        losses: the last finite loss, (R,).
        metrics: the last metric, (R,), NaN before the first.
        best: the lowest metric, (R,), infinite before the first.
        waited: metrics in a row that were not an improvement, (R,), int64.
    """

    reasons: ClassVar[tuple[str, ...]] = ("steps", "converged", "patience", "diverged")

    losses: torch.Tensor
    metrics: torch.Tensor
    best: torch.Tensor
    waited: torch.Tensor

    @classmethod
    def begin(cls, count: int, device: torch.device, dtype: torch.dtype) -> Self:
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

    def select(self, rows: torch.Tensor) -> Self:
        """A copy of the entries of some replicates."""
        return type(self)(**{name: value[rows] for name, value in self.state().items()})

    def write(self, rows: torch.Tensor, part: FitStanding) -> None:
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
            self.stop(self.active & (metrics < stop_below), "converged")
        if patience is not None:
            self.stop(self.active & (self.waited >= patience), "patience")
        return improved


@attrs.frozen(kw_only=True, eq=False)
class FitResult:
    """What `fit` returns; all tensors are on the CPU.

    Args:
        steps: how many updates each replicate made, (R,), int64.
        reasons: why each stopped: `steps` (all of them were made), `converged` (its metric fell below the bound),
            `patience` (its metric no longer improved), `diverged` (a value was no longer finite).
        losses: each replicate's last finite loss, before its last update, (R,).
        metrics: the last value of each replicate's metric, of the watched one where there are several, (R,); None where
            there was none.
        snapshots: the latents at the steps that were chosen.
    """

    steps: torch.Tensor
    reasons: tuple[Reason, ...]
    losses: torch.Tensor
    metrics: torch.Tensor | None
    snapshots: tuple[Latents, ...] = ()

    def state(self) -> dict[str, Any]:
        """For a checkpoint: all but the snapshots, which have files of their own."""
        return {name: value for name, value in attrs.asdict(self, recurse=False).items() if name != "snapshots"}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FitResult:
        """What `state` gave."""
        return cls(**{**state, "reasons": tuple(state["reasons"])})
