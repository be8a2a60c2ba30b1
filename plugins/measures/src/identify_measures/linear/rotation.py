"""Procrustes distances: what is left after the best rotation, under five normalisations, and partly whitened shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from identify_measures.linear.measuring import Formula, Gradient, require_variance
from identify_measures.options.linear import ShapeOptions
from identify_measures.statistics.derived import Statistics, Subset


def nuclear(statistics: Statistics, i: int, j: int, subset: Subset | None = None) -> float:
    """|XᵀY|_*, the sum of the singular values."""
    return float(torch.linalg.svdvals(statistics.products(i, j, subset)).sum())


def similarity(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
    """c = |XᵀY|_* / (|X| |Y|), at most 1."""
    require_variance(statistics, i, j, subset)
    sizes = math.sqrt(statistics.trace(i, subset)) * math.sqrt(statistics.trace(j, subset))
    return min(1.0, nuclear(statistics, i, j, subset) / sizes)


def size_and_shape(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
    """√(|X|² + |Y|² − 2 |XᵀY|_*)."""
    a, b = statistics.unit(i), statistics.unit(j)
    x, y = a * a * statistics.trace(i, subset), b * b * statistics.trace(j, subset)
    left = x + y - 2 * a * b * nuclear(statistics, i, j, subset)
    return math.sqrt(max(0.0, left)) if left > 1e-14 * (x + y) else 0.0


def _of_similarity(change: Callable[[float], float]) -> Callable[..., float]:
    def value(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
        return change(similarity(statistics, i, j, subset, options))

    return value


def _gradient_of_similarity(slope: Callable[[float], float]) -> Callable[[Statistics, int, int, Any], Gradient]:
    def gradient(statistics: Statistics, i: int, j: int, options: Any) -> Gradient:
        cross = statistics.products(i, j)
        u, singular, vt = torch.linalg.svd(cross, full_matrices=False)
        x, y = statistics.trace(i), statistics.trace(j)
        size = math.sqrt(x) * math.sqrt(y)
        c = min(1.0, float(singular.sum()) / size)
        factor = slope(c)
        return Gradient(
            xy=factor / size * (u @ vt),
            xx=-factor * c / (2 * x) * torch.eye(len(cross), dtype=cross.dtype, device=cross.device),
            yy=-factor * c / (2 * y) * torch.eye(cross.shape[1], dtype=cross.dtype, device=cross.device),
        )

    return gradient


def _gradient_of_distance(statistics: Statistics, i: int, j: int, options: Any) -> Gradient:
    cross = statistics.products(i, j)
    u, _, vt = torch.linalg.svd(cross, full_matrices=False)
    distance = size_and_shape(statistics, i, j, None, options)
    factor = 1 / distance if distance > 0 else 0.0
    a, b = statistics.unit(i), statistics.unit(j)
    return Gradient(
        xy=-factor * a * b * (u @ vt),
        xx=factor * a * a / 2 * torch.eye(len(cross), dtype=cross.dtype, device=cross.device),
        yy=factor * b * b / 2 * torch.eye(cross.shape[1], dtype=cross.dtype, device=cross.device),
    )


def shape(statistics: Statistics, i: int, j: int, subset: Subset | None, options: ShapeOptions) -> float:
    """The Procrustes angle of partly whitened representations.

    Z is made from the scatter XᵀX as it stands, so that α between 0 and 1 weighs whitening less the more rows there
    are and the larger the units. In principal coordinates the cross-products of XZ_x and YZ_y are √λ_x z_x T z_y √λ_y.
    """
    require_variance(statistics, i, j, subset)
    sides = []
    for k in (i, j):
        scatter = statistics.principal(k, subset).values * statistics.unit(k) ** 2
        sides.append(options.alpha * scatter.sqrt() + (1 - options.alpha))
    cross = sides[0][:, None] * statistics.whitened(i, j, subset) * sides[1]
    cosine = float(torch.linalg.svdvals(cross).sum() / (sides[0].norm() * sides[1].norm()))
    return math.acos(min(1.0, cosine))


def _flat(slope: Callable[[float], float]) -> Callable[[float], float]:
    """No slope where two representations agree to rounding: an interval of no width."""
    return lambda c: slope(c) if c < 1 - 1e-12 else 0.0


PROCRUSTES = Formula(
    name="procrustes",
    value=size_and_shape,
    estimator=lambda options: "size and shape: centred, not scaled; the narrower one padded with zeros",
    gradient=_gradient_of_distance,
)
PROCRUSTES_SIMILARITY = Formula(
    name="procrustes-similarity",
    value=similarity,
    estimator=lambda options: "centred, both scaled to unit norm",
    gradient=_gradient_of_similarity(lambda c: 1.0),
)
PROCRUSTES_NORMALISED = Formula(
    name="procrustes-normalised",
    value=_of_similarity(lambda c: math.sqrt(2 * (1 - c))),
    estimator=lambda options: "centred, both scaled to unit norm; √(2 − 2c)",
    gradient=_gradient_of_similarity(_flat(lambda c: -1 / math.sqrt(2 * (1 - c)))),
)
PROCRUSTES_ANGULAR = Formula(
    name="procrustes-angular",
    value=_of_similarity(math.acos),
    estimator=lambda options: "centred, both scaled to unit norm; arccos c in radians",
    gradient=_gradient_of_similarity(_flat(lambda c: -1 / math.sqrt(1 - c * c))),
)
PROCRUSTES_DISPARITY = Formula(
    name="procrustes-disparity",
    value=_of_similarity(lambda c: 1 - c * c),
    estimator=lambda options: "centred, both scaled to unit norm; 1 − c²",
    gradient=_gradient_of_similarity(lambda c: -2 * c),
)
SHAPE_METRIC = Formula(
    name="shape-metric",
    value=shape,
    estimator=lambda options: f"α = {options.alpha:g} against the scatter XᵀX, not divided by n; arccos in radians",
    invariant_to=lambda options: {0.0: ("affine",), 1.0: ("similarity",)}.get(options.alpha),
    whitens=True,
)
