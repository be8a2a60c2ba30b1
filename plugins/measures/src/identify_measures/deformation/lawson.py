"""The smallest largest residual of a class of maps, in Euclidean norm, between two certified bounds.

For weights w that add up to one, min over maps of Σ wᵢ|rᵢ|² is at most the square of the smallest largest residual,
and the largest residual of any map is at least that: each weighted least squares gives both. Weights grow where
residuals are large (Lawson 1961). For affine maps and constants the two bounds meet (the problem is convex); for
isometries and similarities they may not.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch

from identify_measures.deformation.fits import padded, weighted_fit
from identify_measures.deformation.least_squares import LinearSource
from identify_measures.deformation.lipschitz import row_distances
from identify_measures.deformation.maps import AffineMap, Bracket, doubles

_LEAST_WEIGHT = 1e-12  # of the mean weight: a row that was fitted exactly can come back
_PATIENCE = 4  # rounds in which the gap must shrink by a tenth before the power falls
_POWERS = (2.0, 1.5, 1.0)


def minimax(kind: str, source: Any, target: Any, *, gap: float = 1e-3, iterations: int = 100) -> Bracket:
    """The smallest, over maps of a class, of the largest Euclidean residual over the rows.

    Args:
        kind: one of `CLASSES`; `constant` is the radius of the smallest ball around the target.
        source: shape (n, p).
        target: shape (n, q).
        gap: stop once upper − lower is at most this part of upper.
        iterations: weighted least squares at most.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
        UsageError: there is no such class.

    Source: Lawson 1961 (thesis, UCLA); the bounds are weak duality of the second-order cone program.
    """
    weighted_fit(kind)
    g, h = padded(kind, *doubles(source, target))
    size = float(h.abs().max())
    rounds = _Affine(LinearSource.of(source), h) if kind == "affine" else _Closed(kind, g, h)
    bracket = _lawson(rounds, len(h), h, gap, iterations, tiny=1e-13 * size)
    if kind == "isometry":
        bracket = attrs.evolve(bracket, lower=min(bracket.upper, max(bracket.lower, isometry_bound(g, h))))
    return bracket


def isometry_bound(source: Any, target: Any) -> float:
    """Half the largest difference of distances: no isometry leaves less on the worse row of that pair.

    Args:
        source: shape (n, p).
        target: shape (n, q).

    Raises:
        InputError: they are not paired matrices of finite real numbers.
    """
    g, h = doubles(source, target)
    return 0.5 * float((row_distances(g) - row_distances(h)).abs().max())


class _Closed:
    """Weighted rounds of a class with a closed form."""

    def __init__(self, kind: str, g: torch.Tensor, h: torch.Tensor) -> None:
        self.kind, self.g, self.h = kind, g, h

    def residual(self, weights: torch.Tensor) -> torch.Tensor:
        return self.h - self.map(weights)(self.g)

    def map(self, weights: torch.Tensor) -> AffineMap:
        return weighted_fit(self.kind)(self.g, self.h, weights)


class _Affine:
    """Weighted rounds of affine maps, on an orthonormal basis of the source, so that weights set the condition."""

    def __init__(self, source: LinearSource, h: torch.Tensor) -> None:
        self.source, self.h = source, h
        one = torch.full((len(h), 1), len(h) ** -0.5, dtype=h.dtype, device=h.device)
        self.basis = torch.cat([source.basis, one], dim=1)

    def residual(self, weights: torch.Tensor) -> torch.Tensor:
        root = weights.sqrt()[:, None]
        q, _ = torch.linalg.qr(self.basis * root)
        scaled = self.h * root
        left: torch.Tensor = (scaled - q @ (q.T @ scaled)) / root
        return left

    def map(self, weights: torch.Tensor) -> AffineMap:
        root = weights.sqrt()[:, None]
        q, r = torch.linalg.qr(self.basis * root)
        coefficients = torch.linalg.solve_triangular(r, q.T @ (self.h * root), upper=True)
        matrix = self.source.back @ coefficients[:-1]
        shift = coefficients[-1] * len(self.h) ** -0.5 - self.source.mean @ matrix
        return AffineMap(matrix=matrix, shift=shift)


def _lawson(rounds: _Affine | _Closed, n: int, h: torch.Tensor, gap: float, iterations: int, *, tiny: float) -> Bracket:
    weights = torch.full((n,), 1 / n, dtype=h.dtype, device=h.device)
    lower, upper, attained, hard, start = 0.0, float("inf"), weights, weights, weights
    powers = list(_POWERS)
    since, reference, done = 0, float("inf"), 0
    while done < iterations:
        done += 1
        sizes = torch.linalg.vector_norm(rounds.residual(weights), dim=1)
        largest, below = float(sizes.max()), float((weights @ sizes.square()).sqrt())
        if largest < upper:
            upper, attained = largest, weights
        if below > lower:
            lower, hard = below, weights
        if upper <= tiny or upper - lower <= gap * upper:
            break
        since += 1
        if upper - lower < 0.9 * reference:
            since, reference = 0, upper - lower
        start = weights
        if since >= _PATIENCE and len(powers) > 1:
            powers.pop(0)
            since, reference, start = 0, upper - lower, hard
            sizes = torch.linalg.vector_norm(rounds.residual(hard), dim=1)
            largest = float(sizes.max())
        weights = start * (sizes / largest) ** powers[0]
        weights = (weights / weights.sum()).clamp_min(_LEAST_WEIGHT / n)
        weights = weights / weights.sum()
    return Bracket(lower=min(lower, upper), upper=upper, iterations=done, map=rounds.map(attained), weights=hard)
