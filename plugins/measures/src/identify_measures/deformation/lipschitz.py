"""The exact distance by Lipschitz maps into the largest-coordinate norm, from two matrices of distances.

A map into (R^q, max norm) is L-Lipschitz exactly if each coordinate is. On a finite sample the triangle inequality on
the worst pair gives half of max (|hᵢ − hⱼ| − L |gᵢ − gⱼ|)₊ as a lower bound, and McShane's extension of the targets
moved by that much attains it (McShane, Bulletin of the AMS 40, 1934).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from identify_core import UsageError
from identify_measures.deformation.maps import Norm, check_bound, doubles
from identify_measures.inputs import as_matrix

_ELEMENTS = 2**22  # of one block of differences
_NEAR = 1e-6  # of the squared norms: below it, subtracting products has lost too many digits


def row_distances(x: Any, norm: Norm = "l2") -> torch.Tensor:
    """The distances of all pairs of rows.

    Args:
        x: shape (n, d).
        norm: Euclidean, or the largest coordinate.

    Returns:
        Shape (n, n), float64, symmetric, exactly zero on the diagonal and between equal rows.

    Raises:
        InputError: it is not a matrix of finite real numbers.
    """
    values = as_matrix(x, "x").values.double()
    n, d = values.shape
    if norm == "linf":
        found = values.new_zeros(n, n)
        step = max(1, _ELEMENTS // (n * d))
        for start in range(0, n, step):
            found[start : start + step] = (values[start : start + step, None] - values).abs().amax(dim=2)
        return found
    centred = values - values.mean(dim=0)
    squares = centred.square().sum(dim=1)
    sums = squares[:, None] + squares
    found = (sums - 2 * centred @ centred.T).clamp_min(0.0)
    near = (found <= _NEAR * sums).nonzero()
    for start in range(0, len(near), max(1, _ELEMENTS // d)):
        i, j = near[start : start + max(1, _ELEMENTS // d)].T
        found[i, j] = (values[i] - values[j]).square().sum(dim=1)
    found = found.sqrt()
    return torch.maximum(found, found.T)


def lipschitz_distance(source: torch.Tensor, target: torch.Tensor, bound: float) -> float:
    """The smallest largest residual of maps with Lipschitz constant at most L, in the max norm of the target.

    Args:
        source: distances of the source's rows in any metric, shape (n, n).
        target: distances of the target's rows in the max norm. Euclidean ones give a lower bound for maps into a
            Euclidean space, for which Kirszbraun's program is exact.
        bound: L.

    Raises:
        UsageError: the shapes differ, or L is not a finite number from 0 upwards.
    """
    check_bound(bound)
    _check_distances(source, target)
    return 0.5 * max(0.0, float((target - bound * source).max()))


def smallest_lipschitz(source: torch.Tensor, target: torch.Tensor) -> float:
    """The smallest L whose maps reach the target exactly: the largest quotient of distances.

    Args:
        source: distances of the source's rows, shape (n, n).
        target: distances of the target's rows, shape (n, n).

    Returns:
        Infinite where rows that are equal in the source differ in the target; 0 where the target never varies.

    Raises:
        UsageError: the shapes differ.
    """
    _check_distances(source, target)
    if bool(((source == 0) & (target > 0)).any()):
        return float("inf")
    moved = source > 0
    return float((target[moved] / source[moved]).max()) if bool(moved.any()) else 0.0


def lipschitz_profile(source: torch.Tensor, target: torch.Tensor, bounds: Sequence[float]) -> torch.Tensor:
    """L to the distance by L-Lipschitz maps: convex, decreasing, from half the diameter to 0.

    Args:
        source: distances of the source's rows, shape (n, n).
        target: distances of the target's rows, shape (n, n).
        bounds: the values of L, k of them.

    Returns:
        Shape (k,).

    Raises:
        UsageError: the shapes differ, or a bound is not a finite number from 0 upwards.
    """
    return torch.tensor([lipschitz_distance(source, target, each) for each in bounds], dtype=torch.float64)


def between_envelopes(source: Any, target: Any, points: Any, bound: float, norm: Norm = "l2") -> torch.Tensor:
    """The optimal L-Lipschitz map at new points: the mean of its smallest and its largest extension.

    Args:
        source: shape (n, p).
        target: shape (n, q), in the max norm.
        points: shape (m, p).
        bound: L.
        norm: of the source.

    Returns:
        Shape (m, q). On the source's own rows it stays within the distance of the target.

    Raises:
        InputError: they are not matrices of finite real numbers.
        UsageError: the points have another width, or L is not a finite number from 0 upwards.
    """
    g, h = doubles(source, target)
    x = as_matrix(points, "points", least_rows=1).values.double()
    if x.shape[1] != g.shape[1]:
        raise UsageError(f"the points have {x.shape[1]} columns and the source has {g.shape[1]}")
    moved = lipschitz_distance(row_distances(g, norm), row_distances(h, "linf"), bound)
    order = 2.0 if norm == "l2" else float("inf")
    found = []
    step = max(1, _ELEMENTS // h.numel())
    for start in range(0, len(x), step):
        away = bound * torch.cdist(x[start : start + step], g, p=order, compute_mode="donot_use_mm_for_euclid_dist")
        high = (h + moved + away[:, :, None]).amin(dim=1)
        low = (h - moved - away[:, :, None]).amax(dim=1)
        found.append(0.5 * (high + low))
    return torch.cat(found)


def _check_distances(source: torch.Tensor, target: torch.Tensor) -> None:
    if source.shape != target.shape or source.ndim != 2 or source.shape[0] != source.shape[1]:
        raise UsageError(
            f"distances of the shapes {tuple(source.shape)} and {tuple(target.shape)}",
            hint="both are (n, n), of the same rows",
        )
