"""Centred kernel alignment with linear kernels: biased, debiased, and as an angle."""

from __future__ import annotations

import math

from identify_core import Chance
from identify_measures.linear import angles
from identify_measures.linear.measuring import Formula, Undefined, require_variance
from identify_measures.options.linear import PairOptions
from identify_measures.statistics.derived import Statistics, Subset

LEAST_ROWS_UNBIASED = 4


def linear(statistics: Statistics, i: int, j: int, subset: Subset | None, options: PairOptions) -> float:
    """|XᵀY|² / (|XᵀX| |YᵀY|)."""
    require_variance(statistics, i, j, subset)
    both = math.sqrt(statistics.square(i, i, subset)) * math.sqrt(statistics.square(j, j, subset))
    return statistics.square(i, j, subset) / both


def angular(statistics: Statistics, i: int, j: int, subset: Subset | None, options: PairOptions) -> float:
    """The angle whose cosine is linear CKA; from the rows where it is small."""
    cosine = linear(statistics, i, j, subset, options)
    rows = angles.rows_of(statistics, i, j, subset) if 1 - cosine < angles.NEAR else None
    if rows is None:
        return angles.from_products(statistics, i, j, cosine)
    x, y = (each / (each.T @ each).norm().sqrt() for each in rows)
    return angles.between_kernels(x, y)


def _unresolved(statistics: Statistics, i: int, j: int, options: PairOptions) -> list[str]:
    if not statistics.resolution:
        return []
    return angles.unresolved(statistics, i, j, angular(statistics, i, j, None, options))


def debiased(statistics: Statistics, i: int, j: int, subset: Subset | None, options: PairOptions) -> float:
    """The cosine of the two U-centred Gram matrices."""
    n = statistics.rows(subset)
    if n < LEAST_ROWS_UNBIASED:
        raise Undefined(f"{n} rows are too few for unbiased estimates; they need {LEAST_ROWS_UNBIASED}")
    require_variance(statistics, i, j, subset)
    own = [_unbiased(statistics, k, k, subset) for k in (i, j)]
    for k, each in zip((i, j), own, strict=True):
        if each <= 0.0:
            raise Undefined(f"the unbiased estimate of the variance of {statistics.members[k].label} is not positive")
    return _unbiased(statistics, i, j, subset) / (math.sqrt(own[0]) * math.sqrt(own[1]))


def _unbiased(statistics: Statistics, i: int, j: int, subset: Subset | None) -> float:
    """n(n − 3) HSIC_u: |XᵀY|² without what the diagonals of the Gram matrices put into it."""
    n = statistics.rows(subset)
    ab, a, b = statistics.norm_sums(i, j, subset)
    square = statistics.square(i, j, subset)
    value = square - n / (n - 2) * ab + a * b / ((n - 1) * (n - 2))
    return value if abs(value) > 1e-14 * n * square else 0.0


def _chance(statistics: Statistics, i: int, j: int, options: PairOptions) -> Chance:
    # E tr(K P L Pᵀ) = tr K tr L / (n − 1) over permutations P, for centred K and L.
    x, y = statistics.trace(i), statistics.trace(j)
    both = math.sqrt(statistics.square(i, i)) * math.sqrt(statistics.square(j, j))
    return Chance(mean=min(1.0, x / both * y / (statistics.rows() - 1)), method="closed form")


def _angular_chance(statistics: Statistics, i: int, j: int, options: PairOptions) -> Chance:
    mean = _chance(statistics, i, j, options).mean
    return Chance(mean=math.acos(mean), method="the angle of the closed form of its cosine")


LINEAR_CKA = Formula(
    name="linear-cka",
    value=linear,
    estimator=lambda options: "biased, columns centred",
    chance=_chance,
    cheap=True,
)
ANGULAR_CKA = Formula(
    name="angular-cka",
    value=angular,
    estimator=lambda options: "arccos of the biased estimate, in radians",
    chance=_angular_chance,
    warnings=_unresolved,
    cheap=True,
)
DEBIASED_CKA = Formula(
    name="debiased-cka",
    value=debiased,
    estimator=lambda options: "unbiased estimate of each term (U-centred)",
    chance=lambda statistics, i, j, options: Chance(mean=0.0, method="closed form"),
    cheap=True,
)
