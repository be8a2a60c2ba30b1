"""Dense maps: rotations, similarities and linear maps, fitted from triangular factors of the moments."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import torch

from identify_measures.rungs.maps import DenseMap
from identify_measures.rungs.moments import Moments

Array = np.ndarray[Any, np.dtype[np.float64]]


def fit_isometry(moments: Moments, *, centred: bool, scaled: bool) -> DenseMap:
    """The best rotation or reflection (Schönemann 1966), with the best common scale where `scaled`.

    Where widths differ, the rotation acts on the wider space and the narrower representation is padded with zeros.
    """
    x, _ = moments.factors(centred=centred)
    source, target = moments.origins(centred=centred)
    rotation, norm = moments.polar(centred=centred)
    scale = 1.0
    if scaled:
        size = float(x.square().sum())
        scale = norm / size if size > 0 else 0.0
    return DenseMap(matrix=scale * rotation, source=source, target=target, stretch=scale)


def fit_linear(moments: Moments, *, centred: bool, rank_tolerance: float) -> tuple[DenseMap, int]:
    """Least squares, of minimum norm where several maps are as good, and the rank that was found.

    Columns are brought to one spread before the rank is decided, so that the unit of a column decides nothing: a column
    of which no more than `rank_tolerance` of its spread lies outside the span of the others is their combination.
    """
    x, y = moments.factors(centred=centred)
    source, target = moments.origins(centred=centred)
    matrix, rank = least_squares(x, y, column_units(x, moments.x[1:]), rank_tolerance)
    return DenseMap(matrix=matrix, source=source, target=target), rank


def column_units(x: torch.Tensor, centred: torch.Tensor) -> torch.Tensor:
    """The size of every column about its mean, about the origin where it does not vary, and 1 for zeros; shape (d,)."""
    spread, size = (each.square().sum(dim=0).sqrt() for each in (centred, x))
    units = torch.where(spread > 0, spread, size)
    return torch.where(units > 0, units, 1.0)


def least_squares(x: torch.Tensor, y: torch.Tensor, units: torch.Tensor, cut: float) -> tuple[torch.Tensor, int]:
    """The W of minimum norm that minimises |x W − y|, and the rank of x.

    The rank is that of x over `units`, by QR with column pivoting (Golub & Van Loan, Matrix Computations, 4th edition,
    section 5.5.6). Where it is full, W does not depend on the units; where it is not, what lies below the cut is taken
    away from x, and the norm is that of W for x as it is, so that W turns with x.

    Args:
        x: shape (k, d).
        y: shape (k, e).
        units: shape (d,), positive.
        cut: a column of x over its unit with no more than this outside the span of the columns before it adds no rank.

    Returns:
        W, shape (d, e), and the rank.
    """
    scaled, size = (x / units).cpu().numpy(), units.cpu().numpy()
    # Rounding of the factorisation itself is relative to whole columns, means included.
    floor = max(x.shape) * np.finfo(np.float64).eps * float(np.sqrt((scaled**2).sum(axis=0).max()))
    q, r, order = scipy.linalg.qr(scaled, mode="economic", pivoting=True, check_finite=False)
    rank = int((np.abs(np.diag(r)) > max(cut, floor)).sum())
    found = np.zeros((x.shape[1], y.shape[1]))
    known = q[:, :rank].T @ y.cpu().numpy()
    if rank == x.shape[1]:
        found[order] = scipy.linalg.solve_triangular(r, known, check_finite=False) / size[order, None]
    elif rank:
        found[order] = _least_norm(r[:rank] * size[order], known)
    return torch.from_numpy(found).to(x.device), rank


def _least_norm(wide: Array, known: Array) -> Array:
    """The w of minimum norm with wide w = known, shape (d, e), for `wide` of shape (r, d) and rank r.

    Columns of very different sizes are sorted before the pivoted QR, which is then stable for each of them (Cox &
    Higham, Stability of Householder QR factorization for weighted least squares problems, 1998).
    """
    sorted_ = np.argsort(-np.abs(wide).max(axis=0), kind="stable")
    q, r, order = scipy.linalg.qr(wide[:, sorted_].T, mode="economic", pivoting=True, check_finite=False)
    solution = np.empty((wide.shape[1], known.shape[1]))
    solution[sorted_] = q @ scipy.linalg.solve_triangular(r, known[order], trans="T", check_finite=False)
    return solution
