"""Residuals: what fitted maps leave unexplained on the rows that judge them, with a jackknife interval.

The residual of a map f from x to y is 1 − R² = Σ|y_i − f(x_i)|² / Σ|y_i − m|² over the held-out rows, with m the mean
of the rows that f was fitted on. Both sums are about what the fit part alone could know, so that predicting its mean
gives 1 whatever the class. The numerator is never centred: a class without translation has to meet the target where it
is. The denominator always is: about the origin, a large common mean would be "explained" by any map that keeps it, and
unrelated representations would seem alike. Residuals above 1 are therefore possible, and mean worse than nothing.

Columns are weighed by their variance in the target, so that the residual does not change when the target is rotated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from scipy.special import stdtrit

from identify_measures.ladder.maps import Map
from identify_measures.ladder.reading import Rows, read_pairs
from identify_measures.ladder.splitting import Split

Array = np.ndarray[Any, np.dtype[np.float64]]


@attrs.frozen(kw_only=True)
class Residual:
    """1 − R² with its interval; NaN where the target does not vary, infinite ends where no interval can be given."""

    value: float
    low: float
    high: float


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """Squared errors of maps to one target over the held-out rows.

    Args:
        errors: name of a map to its squared error in every block, shape (B,).
        total: squared distance from the fit part's mean in every block, shape (B,).
        heaviest: the largest part of `total` that belongs to a single row.
    """

    errors: Mapping[str, Array]
    total: Array
    heaviest: float


@attrs.frozen(kw_only=True, eq=False)
class Direction:
    """The maps to judge in one direction.

    Args:
        maps: name to map.
        mean: the target's mean over the fit part.
        constant: which columns of the target had one value there.
        backward: whether they go from y to x.
    """

    maps: Mapping[str, Map]
    mean: torch.Tensor
    constant: torch.Tensor
    backward: bool


def judge(x: Rows, y: Rows, split: Split, directions: Sequence[Direction], device: torch.device) -> list[Judged]:
    """Apply maps to the held-out rows, in one pass over them for all maps of all directions."""
    errors = [{name: np.zeros(split.blocks) for name in each.maps} for each in directions]
    totals = [np.zeros(split.blocks) for _ in directions]
    heaviest = [0.0 for _ in directions]
    for span, first, second in read_pairs(x, y, device):
        held = torch.from_numpy(~split.fitted[span]).to(device)
        block = split.part[span][split.part[span] >= 0]
        if len(block) == 0:
            continue
        pair = first[held], second[held]
        for d, direction in enumerate(directions):
            source, target = reversed(pair) if direction.backward else pair
            sizes = _spread(target, direction)
            totals[d] += _by_block(sizes, block, split.blocks)
            heaviest[d] = max(heaviest[d], float(sizes.max()))
            for name, map_ in direction.maps.items():
                errors[d][name] += _by_block(map_.errors(source, target), block, split.blocks)
    return [
        Judged(errors=errors[d], total=totals[d], heaviest=heaviest[d] / totals[d].sum() if totals[d].any() else 0.0)
        for d in range(len(directions))
    ]


def residual(errors: Array, total: Array, level: float) -> Residual:
    """The ratio of two sums over blocks, with Student's interval from leaving out one block at a time.

    The fitted map is held fixed: the interval says how much the judging rows could have varied, not the fit. Quenouille
    1956, Tukey 1958; Efron & Tibshirani, An introduction to the bootstrap, 1993, chapter 11.

    Args:
        errors: squared error in every block, shape (B,).
        total: what there was to explain, shape (B,).
        level: coverage of the interval.
    """
    blocks, all_errors, everything = len(errors), errors.sum(), total.sum()
    if not everything > 0:
        return Residual(value=math.nan, low=math.nan, high=math.nan)
    value = float(all_errors / everything)
    left = everything - total
    if blocks < 2 or not (left > 0).all():
        return Residual(value=value, low=0.0, high=math.inf)
    without = (all_errors - errors).clip(min=0) / left
    deviation = math.sqrt((blocks - 1) / blocks * float(np.square(without - without.mean()).sum()))
    reach = float(stdtrit(blocks - 1, 0.5 + level / 2)) * deviation
    return Residual(value=value, low=max(value - reach, 0.0), high=value + reach)


def _spread(target: torch.Tensor, direction: Direction) -> torch.Tensor:
    """|y_i − m|², without what rounding of the mean adds in columns that are constant here as in the fit part."""
    distance = target - direction.mean
    # A constant column's mean is off by its rounding; what does not vary must not count as something to explain.
    tiny = direction.mean.abs() * 1e-12
    distance = torch.where(direction.constant & (distance.abs() <= tiny), 0.0, distance)
    return distance.square().sum(dim=1)


def _by_block(values: torch.Tensor, block: np.ndarray[Any, Any], blocks: int) -> Array:
    return np.bincount(block, weights=values.cpu().numpy(), minlength=blocks).astype(np.float64, copy=False)
