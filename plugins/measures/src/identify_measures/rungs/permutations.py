"""Permutations: the classes whose maps pair columns, fitted by the Hungarian method on cross moments.

Every class minimises the same squared error: a pairing of column i with column j saves 2⟨x_i, y_j⟩ if it may not
scale, 2|⟨x_i, y_j⟩| if it may flip, and ⟨x_i, y_j⟩²/⟨x_i, x_i⟩ if it may scale, which is that of least squares. A class
that asks for a positive or a non-zero scale is open: its infimum may have a scale of 0, and the opposite direction then
tells.
Kuhn, Naval Research Logistics Quarterly 2, 1955; the solver is scipy's (Crouse, IEEE TAES 52(4), 2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from identify_measures.rungs.maps import ColumnMap
from identify_measures.rungs.moments import Moments

Array = np.ndarray[Any, np.dtype[np.float64]]
Positions = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]


def fit_identity(moments: Moments, *, centred: bool) -> ColumnMap:
    """Column j onto column j."""
    shared = np.arange(min(moments.x.shape[1], moments.y.shape[1]))
    return _column_map(moments, shared, shared, np.ones(len(shared)), centred=centred, isometry=True)


def fit_permutation(moments: Moments, *, centred: bool, signed: bool) -> ColumnMap:
    """The best reordering of columns, each negated or not where `signed`."""
    cross, _ = _products(moments, centred=centred)
    rows, columns = pair_columns(np.abs(cross) if signed else cross)
    scales = np.where(cross[rows, columns] < 0, -1.0, 1.0) if signed else np.ones(len(rows))
    return _column_map(moments, rows, columns, scales, centred=centred, isometry=True)


def fit_scaled_permutation(moments: Moments, *, centred: bool, positive: bool) -> ColumnMap:
    """The best reordering and scaling of columns, by scales of either sign or by positive ones."""
    cross, squares = _products(moments, centred=centred)
    if positive:
        cross = cross.clip(min=0)
    # A column of zeros explains nothing, whatever its scale.
    scales = np.divide(cross, squares[:, None], out=np.zeros_like(cross), where=squares[:, None] > 0)
    rows, columns = pair_columns(cross * scales)
    return _column_map(moments, rows, columns, scales[rows, columns], centred=centred, isometry=False)


def pair_columns(gain: Array) -> tuple[Positions, Positions]:
    """The pairing of min(d, e) rows and columns of `gain`, (d, e), with the largest sum."""
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return rows, columns


def _products(moments: Moments, *, centred: bool) -> tuple[Array, Array]:
    """⟨x_i, y_j⟩, shape (d, e), and ⟨x_i, x_i⟩, shape (d,)."""
    x, _ = moments.factors(centred=centred)
    return moments.cross(centred=centred).cpu().numpy(), x.square().sum(dim=0).cpu().numpy()


def _column_map(
    moments: Moments, rows: Positions, columns: Positions, scales: Array, *, centred: bool, isometry: bool
) -> ColumnMap:
    d, e = moments.x.shape[1], moments.y.shape[1]
    device = moments.x.device
    source, target = moments.origins(centred=centred)
    partners, factors = np.full(e, -1), np.zeros(e)
    partners[columns], factors[columns] = rows, scales
    left_over = np.setdiff1d(np.arange(d), rows) if isometry else np.empty(0, dtype=np.int64)
    return ColumnMap(
        columns=torch.from_numpy(partners).to(device),
        scales=torch.from_numpy(factors).to(device),
        source=source,
        target=target,
        left_over=torch.from_numpy(left_over).to(device),
    )
