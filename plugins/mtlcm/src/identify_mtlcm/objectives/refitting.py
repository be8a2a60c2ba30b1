"""Heads in closed form: the exact minimum of the regression's loss over them, for a given representation."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import torch

from identify_mtlcm.causal.statistics import Block, gather_statistics

_SINGULAR = 1e-13


@attrs.frozen(kw_only=True, eq=False)
class Heads:
    """Linear heads of every task; float64.

    Args:
        weights: (T, d).
        biases: (T,), zero where heads have none.
    """

    weights: torch.Tensor
    biases: torch.Tensor


def refit_heads(blocks: Iterable[Block], count: int, *, biases: bool, penalty: float) -> Heads:
    """The heads that minimise Σ (w_t·h + b_t − y)²/(2N) + (penalty/2) Σ |w_t|² over N observed targets, exactly.

    One pass over blocks of rows; memory grows with T d² and not with the rows. Where a direction has no weight at all
    (no variance in a task, and no penalty) the head takes nothing from it.

    Args:
        blocks: (h (m, d), targets, task), as `gather_statistics` takes them.
        count: T.
        biases: whether heads have them.
        penalty: on the head weights.

    Raises:
        OptionsError: `gather_statistics` refuses the rows.
    """
    statistics = gather_statistics(blocks, count)
    moments = statistics.moments("per-task" if biases else "none")
    ridge = penalty * float(statistics.counts.sum())
    values, vectors = torch.linalg.eigh(moments.second)
    values = values.clamp_min(0.0) + ridge
    inverse = torch.where(values > _SINGULAR * values[..., -1:], 1 / values, 0.0)
    rotated = vectors.mT @ moments.cross[..., None]
    weights = (vectors @ (inverse[..., None] * rotated))[..., 0]
    if not biases:
        return Heads(weights=weights, biases=torch.zeros_like(statistics.target_means))
    return Heads(weights=weights, biases=statistics.target_means - (weights * statistics.means).sum(-1))
