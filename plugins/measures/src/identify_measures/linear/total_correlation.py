"""Gaussian total correlation of one representation: how far its latents are from uncorrelated."""

from __future__ import annotations

import math

import torch

from identify_core import Interval, Score
from identify_measures.blocks import BLOCKS
from identify_measures.inputs import Matrix
from identify_measures.linear.measuring import Undefined, leave_blocks_out
from identify_measures.options.linear import PairOptions
from identify_measures.scoring import score
from identify_measures.statistics.derived import Member, Statistics, Subset
from identify_measures.statistics.gathering import Memory
from identify_measures.statistics.resident import ResidentRows


def value(statistics: Statistics, i: int, j: int, subset: Subset | None, options: PairOptions) -> float:
    """½ (Σ ln C_ii − ln det C), from the eigenvalues of the correlation matrix."""
    variances = statistics.variances(i, subset)
    if bool((variances == 0).any()):
        raise Undefined(f"{int((variances == 0).sum())} latents of {statistics.members[i].label} are constant")
    scale = variances.rsqrt()
    values = torch.linalg.eigvalsh(scale[:, None] * statistics.column_products(i, i, subset) * scale)
    if float(values[0]) <= statistics.eigenvalue_floor(i) * float(values[-1]):
        raise Undefined(f"the latents of {statistics.members[i].label} are linearly dependent: it is infinite")
    return max(0.0, -0.5 * float(values.log().sum()))


def gaussian_total_correlation(matrix: Matrix, *, interval: bool) -> Score:
    """The score of one checked representation."""
    member = Member(label=matrix.name, width=matrix.width, dtype=matrix.dtype, tolerance=matrix.rank_tolerance)
    statistics = ResidentRows(
        [matrix.values],
        owners=(matrix,),
        members=(member,),
        blocks=min(BLOCKS, matrix.n) if interval else 1,
        budget=Memory().derived,
    )
    return total_correlation_of(statistics, 0, PairOptions(interval="always" if interval else "never"))


def total_correlation_of(statistics: Statistics, i: int, options: PairOptions) -> Score:
    """The score of one representation of several."""
    reason, found = "", math.nan
    bounds: Interval | None = None
    warnings: list[str] = list(statistics.notes)
    try:
        found = value(statistics, i, i, None, options)
    except Undefined as undefined:
        reason = str(undefined)
    if not reason and options.interval != "never":
        bounds, note = leave_blocks_out(value, statistics, i, i, options, found, name="total-correlation")
        warnings += [note] if note else []
    member = statistics.members[i]
    return score(
        "total-correlation",
        found,
        n=statistics.rows(),
        widths=(member.width,),
        dtype=member.dtype,
        estimator="Gaussian: half the log-determinant of the correlation matrix, in nats",
        interval=bounds,
        warnings=warnings,
        reason=reason,
    )
