"""Penalties on heads: what each adds to the loss while training, and the exact minimum over the heads afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import attrs
import torch

from identify_mtlcm.causal.statistics import Block, gather_statistics
from identify_mtlcm.objectives.refitting import Heads, refit_heads

_ITERATIONS = 2000
_TOLERANCE = 1e-9
_SMOOTHING = 1e-4


class HeadPenalty(Protocol):
    """A penalty on the head weights W (T, d)."""

    def value(self, weights: torch.Tensor) -> torch.Tensor:
        """What it adds to the loss, differentiable."""
        ...

    def refit(self, blocks: Iterable[Block], count: int, *, biases: bool) -> Heads:
        """The heads that minimise the loss with it on a fixed representation, exactly."""
        ...


@attrs.frozen(kw_only=True)
class Ridge:
    """(strength/2) Σ w²."""

    strength: float

    def value(self, weights: torch.Tensor) -> torch.Tensor:
        return self.strength / 2 * weights.square().sum()

    def refit(self, blocks: Iterable[Block], count: int, *, biases: bool) -> Heads:
        return refit_heads(blocks, count, biases=biases, penalty=self.strength)


@attrs.frozen(kw_only=True)
class SparseGroups:
    """entries · Σ_tj |w_tj| / T + groups · Σ_j ‖w_·j‖ / √T: the sparse group lasso (Simon et al. 2013).

    The first makes each task use few latents (Lachapelle et al., ICML 2023; Fumero et al., NeurIPS 2023), the second
    drops latents that no task needs. While training both are smoothed at zero; the exact refit gives exact zeros.

    Args:
        entries: strength on single weights.
        groups: strength on the weights of one latent in all tasks together.
    """

    entries: float
    groups: float

    def value(self, weights: torch.Tensor) -> torch.Tensor:
        tasks = len(weights)
        single = (weights.square() + _SMOOTHING**2).sqrt().sum() / tasks
        together = (weights.square().mean(0) + _SMOOTHING**2).sqrt().sum()
        return self.entries * single + self.groups * together

    def refit(self, blocks: Iterable[Block], count: int, *, biases: bool) -> Heads:
        statistics = gather_statistics(blocks, count)
        moments = statistics.moments("per-task" if biases else "none")
        total = float(statistics.counts.sum())
        weights = self.minimise(moments.second / total, moments.cross / total)
        if not biases:
            return Heads(weights=weights, biases=torch.zeros_like(statistics.target_means))
        return Heads(weights=weights, biases=statistics.target_means - (weights * statistics.means).sum(-1))

    def minimise(self, second: torch.Tensor, cross: torch.Tensor) -> torch.Tensor:
        """The minimum over W of Σ_t ½ w_tᵀ H_t w_t − b_t·w_t with the penalty, by accelerated proximal steps.

        FISTA with restarts (Beck & Teboulle 2009; O'Donoghue & Candès 2015).

        Args:
            second: H, (T, d, d) or one (d, d) for all tasks.
            cross: b, (T, d).
        """
        step = 1 / torch.linalg.eigvalsh(second)[..., -1].max().clamp_min(1e-300)
        weights = ahead = torch.zeros_like(cross)
        momentum = 1.0
        for _ in range(_ITERATIONS):
            slope = (second @ ahead[..., None])[..., 0] - cross
            after = self.shrink(ahead - step * slope, float(step))
            change = after - weights
            if float(((ahead - after) * change).sum()) > 0:
                momentum = 1.0
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            ahead = after + (momentum - 1) / following * change
            weights, momentum = after, following
            if float(change.abs().max()) <= _TOLERANCE * float(weights.abs().max().clamp_min(1e-300)):
                break
        return weights

    def shrink(self, weights: torch.Tensor, step: float) -> torch.Tensor:
        """The proximal map of `step` times the penalty: single entries first, then whole groups."""
        tasks = len(weights)
        kept = weights.sign() * (weights.abs() - step * self.entries / tasks).clamp_min(0.0)
        norms = torch.linalg.vector_norm(kept, dim=0)
        share = (1 - step * self.groups / tasks**0.5 / norms.clamp_min(1e-300)).clamp_min(0.0)
        shrunk: torch.Tensor = kept * share
        return shrunk
