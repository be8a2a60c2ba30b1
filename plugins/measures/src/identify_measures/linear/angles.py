"""Angles and distances after the best rotation, right to the last digits where two representations nearly agree.

The angle between unit matrices A and B is 2 atan2(|A − B|, |A + B|). The arccosine of ⟨A, B⟩ says the same, but loses
half of the digits near 0: rounding of a cosine by 1e-16 is an angle of 1e-8.
"""

from __future__ import annotations

import math

import torch

from identify_measures.statistics.derived import Statistics, Subset

NEAR = 1e-4
"""One less the cosine, below which an angle is taken from what is left of the rows."""


def superposed(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both in the coordinates in which a rotation carries the second as near to the first as it can.

    Args:
        x: shape (n, p), float64.
        y: shape (n, q).

    Returns:
        Two arrays of shape (n, p + q − min(p, q)), with the inner products of their rows as before. Columns beyond the
        smaller width are zero in one of them: what a narrower representation cannot meet.
    """
    u, _, vt = torch.linalg.svd(x.T @ y)
    common = min(x.shape[1], y.shape[1])
    a, b = x @ u, y @ vt.T
    left, right = a[:, common:], b[:, common:]
    first = torch.cat([a[:, :common], left, torch.zeros_like(right)], dim=1)
    second = torch.cat([b[:, :common], torch.zeros_like(left), right], dim=1)
    # Directions that hardly count are turned at random by rounding; those of equal arrays need no turning.
    if x.shape == y.shape and float((x - y).norm()) < float((first - second).norm()):
        return x, y
    return first, second


def between(x: torch.Tensor, y: torch.Tensor) -> float:
    """The angle between two matrices of norm one after the best rotation, in radians."""
    first, second = superposed(x, y)
    return 2 * math.atan2(float((first - second).norm()), float((first + second).norm()))


def between_kernels(x: torch.Tensor, y: torch.Tensor) -> float:
    """The angle between XXᵀ and YYᵀ, in radians.

    With D = A − B and S = A + B of the superposed rows, XXᵀ − YYᵀ = (DSᵀ + SDᵀ) / 2, whose squared norm is
    (tr(DᵀD SᵀS) + tr((DᵀS)²)) / 2: small differences are never taken between large products.

    Args:
        x: shape (n, p), with |XᵀX| = 1.
        y: shape (n, q), with |YᵀY| = 1.
    """
    first, second = superposed(x, y)
    apart, together = first - second, first + second
    mixed = apart.T @ together
    squared = float(((apart.T @ apart) * (together.T @ together)).sum() + (mixed * mixed.T).sum()) / 2
    cosine = float((x.T @ y).square().sum())
    return 2 * math.atan2(math.sqrt(max(0.0, squared)), math.sqrt(2 + 2 * cosine))


def rows_of(statistics: Statistics, i: int, j: int, subset: Subset | None) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The centred rows of a pair, float64; None where only their products are known."""
    x, y = statistics.centred_rows(i, subset), statistics.centred_rows(j, subset)
    return None if x is None or y is None else (x, y)


def from_products(statistics: Statistics, i: int, j: int, cosine: float) -> float:
    """The angle where only products are known: 0 where these cannot tell it from 0."""
    return 0.0 if i == j or 1 - cosine <= statistics.resolution else math.acos(min(1.0, cosine))


def unresolved(statistics: Statistics, i: int, j: int, value: float) -> list[str]:
    """Say that a distance of zero may be a small one."""
    if value != 0.0 or i == j or not statistics.resolution:
        return []
    smallest = math.acos(1 - statistics.resolution)
    return [f"sums over streamed rows cannot tell angles below {smallest:.1g} from zero"]
