"""Monotone maps: columns paired by rank correlation, each pair bent by isotonic regression.

Ranks are average ranks, so that ties count once (Spearman's coefficient with ties). Pairing i with j gains ρ²_ij times
the variance of column j. A fitted curve goes linearly from knot to knot and on beyond the outermost, at the slope of
least squares over the outer fiftieth of the knots: the class asks for maps onto the whole line, and a curve cut off at
its last knot would fail on heavy tails.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch
from scipy.optimize import isotonic_regression

from identify_measures.rungs.maps import Errors
from identify_measures.rungs.permutations import pair_columns

Array = np.ndarray[Any, np.dtype[np.float64]]

_OUTER_SHARE = 50
_OUTER_LEAST = 5
_COLUMNS = 32


@attrs.frozen(kw_only=True, eq=False)
class Curve:
    """A rising, piecewise linear function of sign · x.

    Args:
        column: the source column.
        sign: +1 or −1.
        knots: ascending, shape (k,).
        values: not descending, shape (k,).
        slopes: below the first knot and above the last.
    """

    column: int
    sign: float
    knots: Array
    values: Array
    slopes: tuple[float, float]

    def __call__(self, x: Array) -> Array:
        """The curve at the values of its column."""
        at = self.sign * x
        below = self.slopes[0] * np.minimum(at - self.knots[0], 0)
        above = self.slopes[1] * np.maximum(at - self.knots[-1], 0)
        result: Array = np.interp(at, self.knots, self.values) + below + above
        return result


@attrs.frozen(kw_only=True, eq=False)
class MonotoneMap:
    """f(x)_j = h_j(x_p(j)).

    Args:
        curves: of each target column; None for one without a partner.
        target: shape (e,): the constant that a column without a partner is predicted by.
    """

    curves: tuple[Curve | None, ...]
    target: torch.Tensor

    def errors(self, x: torch.Tensor, y: torch.Tensor) -> Errors:
        """What f leaves unexplained."""
        source = x.cpu().numpy()
        predicted = self.target.expand(len(x), -1).cpu().numpy().copy()
        for j, curve in enumerate(self.curves):
            if curve is not None:
                predicted[:, j] = curve(source[:, curve.column])
        return Errors(squares=(y - torch.from_numpy(predicted).to(y.device)).square())


def fit_monotone(x: Array, y: Array, ranks: Array, mean_y: torch.Tensor) -> MonotoneMap:
    """The best reordering and bending of columns.

    Args:
        x: (m, d) rows of the fit part.
        y: (m, e), the same rows.
        ranks: their rank correlation, (d, e).
        mean_y: (e,) means of the whole fit part.
    """
    rows, columns = pair_columns(ranks**2 * y.var(axis=0))
    curves: list[Curve | None] = [None] * y.shape[1]
    for i, j in zip(rows, columns, strict=True):
        curves[j] = fit_curve(x[:, i], y[:, j], column=int(i), sign=-1.0 if ranks[i, j] < 0 else 1.0)
    return MonotoneMap(curves=tuple(curves), target=mean_y)


def fit_curve(x: Array, y: Array, *, column: int, sign: float) -> Curve:
    """Isotonic regression of y on sign · x; equal x share one knot."""
    knots, slots, counts = np.unique(sign * x, return_inverse=True, return_counts=True)
    means = np.bincount(slots, weights=y) / counts
    values = isotonic_regression(means, weights=counts.astype(float), increasing=True).x
    outer = max(_OUTER_LEAST, len(knots) // _OUTER_SHARE)
    slopes = (_slope(knots[:outer], means[:outer]), _slope(knots[-outer:], means[-outer:]))
    return Curve(column=column, sign=sign, knots=knots, values=values, slopes=slopes)


def rank_correlation(x: Array, y: Array) -> Array:
    """Spearman's coefficient of every column of x (m, d) with every column of y (m, e); 0 for constant columns."""
    first, second = (_standardised_ranks(each) for each in (x, y))
    result: Array = (first.T @ second).clip(-1, 1)
    return result


def average_ranks(values: Array) -> Array:
    """Ranks from 0 in every column, (m, d); equal values share the mean of theirs."""
    columns = np.ascontiguousarray(values.T)
    m = columns.shape[1]
    order = np.argsort(columns, axis=1)
    ordered = np.take_along_axis(columns, order, axis=1)
    positions = np.broadcast_to(np.arange(m), columns.shape)
    begins, ends = np.ones(columns.shape, dtype=bool), np.ones(columns.shape, dtype=bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ends[:, :-1] = begins[:, 1:]
    first = np.maximum.accumulate(np.where(begins, positions, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, positions, m - 1)[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(columns.shape)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=1)
    return ranks.T


def _standardised_ranks(values: Array) -> Array:
    ranks = np.empty(values.shape)
    # Sorting takes several arrays of its own; a few columns at a time keep them small.
    for start in range(0, values.shape[1], _COLUMNS):
        ranks[:, start : start + _COLUMNS] = average_ranks(values[:, start : start + _COLUMNS])
    ranks -= (len(values) - 1) / 2
    sizes = np.sqrt((ranks**2).sum(axis=0))
    ranks /= np.where(sizes > 0, sizes, 1)
    return ranks


def _slope(x: Array, y: Array) -> float:
    """The slope of least squares, not negative; 0 for a single point."""
    centred = x - x.mean()
    size = float(centred @ centred)
    return max(float(centred @ (y - y.mean())) / size, 0.0) if size > 0 else 0.0
