"""Procrustes distances: what is left after the best rotation, under five normalisations, and partly whitened shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from identify_measures.linear import angles
from identify_measures.linear.measuring import Formula, Gradient, require_variance
from identify_measures.options.linear import ShapeOptions
from identify_measures.statistics.derived import Statistics, Subset
from identify_measures.statistics.reductions import cross_products

_LOST = 1e-3  # of the relative size below which a singular value counts as zero
_WORTH_SQUARING = 32  # columns from which eigenvalues of a Gram matrix are faster than singular values


def nuclear(statistics: Statistics, i: int, j: int, subset: Subset | None = None) -> float:
    """|XᵀY|_*, the sum of the singular values."""
    tolerance = max(statistics.members[k].tolerance for k in (i, j))
    return nuclear_norm(statistics.products(i, j, subset), _LOST * tolerance)


def nuclear_norm(matrix: torch.Tensor, lost: float) -> float:
    """The sum of the singular values σ.

    The eigenvalues σ² of the smaller Gram matrix take a third of the work of a singular value decomposition. They are
    right to about ε σ₁², so that σ is right to ε σ₁² / 2σ; where that could add up to more than is allowed, as where
    ranks are not full, the matrix is decomposed itself.

    Args:
        matrix: shape (p, q), float64.
        lost: the part of the sum that rounding may take.
    """
    if min(matrix.shape) >= _WORTH_SQUARING:
        tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        values = torch.linalg.eigvalsh(cross_products(tall, tall))
        if float(values[0]) > 0:
            roots = values.sqrt()
            total = float(roots.sum())
            if torch.finfo(matrix.dtype).eps / 2 * float(values[-1] * (1 / roots).sum()) <= lost * total:
                return total
    return float(torch.linalg.svdvals(matrix).sum())


def similarity(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
    """c = |XᵀY|_* / (|X| |Y|), at most 1."""
    require_variance(statistics, i, j, subset)
    sizes = math.sqrt(statistics.trace(i, subset)) * math.sqrt(statistics.trace(j, subset))
    return min(1.0, nuclear(statistics, i, j, subset) / sizes)


def angle(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
    """arccos c in radians, from the rows where it is small."""
    cosine = similarity(statistics, i, j, subset, options)
    rows = angles.rows_of(statistics, i, j, subset) if 1 - cosine < angles.NEAR else None
    if rows is None:
        return angles.from_products(statistics, i, j, cosine)
    return angles.between(rows[0] / rows[0].norm(), rows[1] / rows[1].norm())


def size_and_shape(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
    """√(|X|² + |Y|² − 2 |XᵀY|_*), from the rows where it is small."""
    a, b = statistics.unit(i), statistics.unit(j)
    x, y = a * a * statistics.trace(i, subset), b * b * statistics.trace(j, subset)
    left = x + y - 2 * a * b * nuclear(statistics, i, j, subset)
    rows = angles.rows_of(statistics, i, j, subset) if left < angles.NEAR * (x + y) else None
    if rows is not None:
        first, second = angles.superposed(rows[0], rows[1] * (b / a))
        return a * float((first - second).norm())
    return math.sqrt(left) if i != j and left > statistics.resolution * (x + y) else 0.0


def _of_angle(change: Callable[[float], float]) -> Callable[..., float]:
    def value(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
        return change(angle(statistics, i, j, subset, options))

    return value


def _unresolved(value: Callable[..., float]) -> Callable[[Statistics, int, int, Any], list[str]]:
    def warnings(statistics: Statistics, i: int, j: int, options: Any) -> list[str]:
        if not statistics.resolution:
            return []
        return angles.unresolved(statistics, i, j, value(statistics, i, j, None, options))

    return warnings


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
    sides = [_weights(statistics.principal(k, subset).values.sqrt() * statistics.unit(k), options) for k in (i, j)]
    cross = sides[0][:, None] * statistics.whitened(i, j, subset) * sides[1]
    cosine = min(1.0, float(torch.linalg.svdvals(cross).sum() / (sides[0].norm() * sides[1].norm())))
    rows = angles.rows_of(statistics, i, j, subset) if 1 - cosine < _NEARLY_THE_SAME_SHAPE else None
    if rows is None:
        return angles.from_products(statistics, i, j, cosine)
    shapes = []
    for k, each in zip((i, j), rows, strict=True):
        u, values, _ = torch.linalg.svd(each, full_matrices=False)
        rank = statistics.principal(k, subset).rank
        weighted = u[:, :rank] * _weights(values[:rank] * statistics.unit(k), options)
        shapes.append(weighted / weighted.norm())
    return angles.between(shapes[0], shapes[1])


def _weights(values: torch.Tensor, options: ShapeOptions) -> torch.Tensor:
    """The singular values of XZ from those of X."""
    return options.alpha * values + (1 - options.alpha)


def _flat(slope: Callable[[float], float]) -> Callable[[float], float]:
    """No slope where two representations agree to rounding: an interval of no width."""
    return lambda c: slope(c) if c < 1 - 1e-12 else 0.0


_NEARLY_THE_SAME_SHAPE = 1e-2  # whitening magnifies the rounding of products, so that rows are needed sooner

PROCRUSTES = Formula(
    name="procrustes",
    value=size_and_shape,
    estimator=lambda options: "size and shape: centred, not scaled; the narrower one padded with zeros",
    gradient=_gradient_of_distance,
    warnings=_unresolved(size_and_shape),
)
PROCRUSTES_SIMILARITY = Formula(
    name="procrustes-similarity",
    value=similarity,
    estimator=lambda options: "centred, both scaled to unit norm",
    gradient=_gradient_of_similarity(lambda c: 1.0),
)
PROCRUSTES_NORMALISED = Formula(
    name="procrustes-normalised",
    value=_of_angle(lambda angle: 2 * math.sin(angle / 2)),
    estimator=lambda options: "centred, both scaled to unit norm; √(2 − 2c)",
    gradient=_gradient_of_similarity(_flat(lambda c: -1 / math.sqrt(2 * (1 - c)))),
    warnings=_unresolved(angle),
)
PROCRUSTES_ANGULAR = Formula(
    name="procrustes-angular",
    value=angle,
    estimator=lambda options: "centred, both scaled to unit norm; arccos c in radians",
    gradient=_gradient_of_similarity(_flat(lambda c: -1 / math.sqrt(1 - c * c))),
    warnings=_unresolved(angle),
)
PROCRUSTES_DISPARITY = Formula(
    name="procrustes-disparity",
    value=_of_angle(lambda angle: math.sin(angle) ** 2),
    estimator=lambda options: "centred, both scaled to unit norm; 1 − c²",
    gradient=_gradient_of_similarity(lambda c: -2 * c),
    warnings=_unresolved(angle),
)
SHAPE_METRIC = Formula(
    name="shape-metric",
    value=shape,
    estimator=lambda options: f"α = {options.alpha:g} against the scatter XᵀX, not divided by n; arccos in radians",
    invariant_to=lambda options: {0.0: ("affine",), 1.0: ("similarity",)}.get(options.alpha),
    warnings=_unresolved(shape),
    equilibrates=lambda options: (0, 1) if options.alpha == 0.0 else (),
    whitens=True,
)
