"""The loss along the straight segment between two networks, and how far it rises above its ends."""

from __future__ import annotations

from collections.abc import Callable

import torch


def segment_losses(
    losses: Callable[[torch.Tensor], torch.Tensor], first: torch.Tensor, second: torch.Tensor, points: int
) -> torch.Tensor:
    """J at `points` equally spaced points (1 − t) a + t b, t from 0 to 1: (points,).

    Args:
        losses: J of vectors (W, P).
        first: a, (P,).
        second: b, (P,).
        points: at least 2.
    """
    t = torch.linspace(0, 1, points, dtype=first.dtype, device=first.device)[:, None]
    return losses((1 - t) * first + t * second)


def barrier(curve: torch.Tensor) -> float:
    """max over t of J(t) − ((1 − t) J(0) + t J(1)), at least 0 (Frankle et al. 2020; Entezari et al. 2022).

    Args:
        curve: J at equally spaced points, (points,).
    """
    t = torch.linspace(0, 1, len(curve), dtype=curve.dtype, device=curve.device)
    return float((curve - ((1 - t) * curve[0] + t * curve[-1])).max().clamp(min=0))
