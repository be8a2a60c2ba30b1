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

from identify_measures.jackknife import half_width
from identify_measures.rungs.maps import Map
from identify_measures.rungs.reading import Rows, read_pairs
from identify_measures.rungs.splitting import Split

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
        column_errors: name of a map to its squared error in every column of the target, shape (e,).
        column_total: squared distance from the fit part's mean in every column, shape (e,).
        rows: over how many rows the variance is spread: (Σ s)² / Σ s², s a row's squared distance from the mean.
    """

    errors: Mapping[str, Array]
    total: Array
    column_errors: Mapping[str, Array]
    column_total: Array
    rows: float


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
    tallies = [_Tally(each, split.blocks) for each in directions]
    for span, first, second in read_pairs(x, y, device):
        held = torch.from_numpy(~split.fitted[span]).to(device)
        block = split.part[span][split.part[span] >= 0]
        if len(block) == 0:
            continue
        pair = first[held], second[held]
        for tally in tallies:
            source, target = reversed(pair) if tally.direction.backward else pair
            tally.add(source, target, block)
    return [each.finish() for each in tallies]


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
    reach = half_width(without.tolist(), level)
    return Residual(value=value, low=max(value - reach, 0.0), high=value + reach)


class _Tally:
    """Sums of squared errors of all maps of one direction, by block and by column."""

    def __init__(self, direction: Direction, blocks: int) -> None:
        self.direction = direction
        self._blocks = blocks
        width = len(direction.mean)
        self._errors = {name: np.zeros(blocks) for name in direction.maps}
        self._columns = {name: np.zeros(width) for name in direction.maps}
        self._total, self._column_total = np.zeros(blocks), np.zeros(width)
        self._fourth = 0.0

    def add(self, source: torch.Tensor, target: torch.Tensor, block: np.ndarray[Any, Any]) -> None:
        spread = _spread(target, self.direction)
        rows = spread.sum(dim=1)
        self._total += self._by_block(rows, block)
        self._column_total += spread.sum(dim=0).cpu().numpy()
        self._fourth += float(rows.square().sum())
        for name, map_ in self.direction.maps.items():
            errors = map_.errors(source, target)
            self._errors[name] += self._by_block(errors.by_row(), block)
            self._columns[name] += errors.squares.sum(dim=0).cpu().numpy()

    def finish(self) -> Judged:
        return Judged(
            errors=self._errors,
            total=self._total,
            column_errors=self._columns,
            column_total=self._column_total,
            rows=float(self._total.sum()) ** 2 / self._fourth if self._fourth > 0 else 0.0,
        )

    def _by_block(self, values: torch.Tensor, block: np.ndarray[Any, Any]) -> Array:
        return np.bincount(block, weights=values.cpu().numpy(), minlength=self._blocks).astype(np.float64, copy=False)


def _spread(target: torch.Tensor, direction: Direction) -> torch.Tensor:
    """(y − m)², shape (rows, e), without what rounding of the mean adds in columns that do not vary."""
    distance = target - direction.mean
    # A constant column's mean is off by its rounding; what does not vary must not count as something to explain.
    tiny = direction.mean.abs() * 1e-12
    distance = torch.where(direction.constant & (distance.abs() <= tiny), 0.0, distance)
    return distance.square()
