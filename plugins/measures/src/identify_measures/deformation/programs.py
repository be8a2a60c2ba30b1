"""Linear programs: the smallest largest entry that affine maps leave, one coordinate of the target at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from identify_core import RunError
from identify_measures.deformation.maps import AffineMap, Bracket, check_bound, doubles

Array = np.ndarray[Any, Any]


def coordinate_minimax(source: Any, target: Any, *, bound: float | None = None) -> Bracket:
    """The smallest, over affine maps, of the largest absolute entry of the residual.

    The coordinates of the target do not share anything, so that each is a linear program of its own: minimise t under
    −t ≤ hᵢ − gᵢ a − b ≤ t; a bound adds |a|₁ ≤ L, the Lipschitz constant from the max norm into the max norm.

    Args:
        source: shape (n, p), in tens of columns.
        target: shape (n, q).
        bound: L; None for affine maps without a bound.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
        UsageError: the bound is not a finite number from 0 upwards.
        RunError: the solver gave up on a program.
    """
    if bound is not None:
        check_bound(bound)
    given, h = doubles(source, target)
    middle = given.mean(dim=0)
    scale = float((given - middle).abs().max()) or 1.0
    g = ((given - middle) / scale).cpu().numpy()
    columns, values = [], []
    for column in h.cpu().numpy().T:
        unit = float(np.abs(column - column.mean()).max()) or 1.0
        limit = None if bound is None else bound * scale / unit
        solution, value = _solve(g, (column - column.mean()) / unit, limit)
        columns.append(np.append(solution[:-1] * unit / scale, solution[-1] * unit + column.mean()))
        values.append(value * unit)
    stacked = torch.from_numpy(np.stack(columns, axis=1)).to(h.device)
    matrix = stacked[:-1]
    found = AffineMap(matrix=matrix, shift=stacked[-1] - middle @ matrix)
    upper = float((h - found(given)).abs().max())
    return Bracket(lower=min(max(values), upper), upper=upper, iterations=len(values), map=found)


def _solve(g: Array, h: Array, bound: float | None) -> tuple[Array, float]:
    """Coefficients and constant (p + 1,), and the optimal value, of one coordinate."""
    from scipy.optimize import linprog

    n, p = g.shape
    one, wide = np.ones((n, 1)), g if bound is None else np.hstack([g, -g])
    upper = np.vstack([np.hstack([-wide, -one, -one]), np.hstack([wide, one, -one])])
    limits = np.concatenate([-h, h])
    lowest = None if bound is None else 0.0
    if bound is not None:
        upper = np.vstack([upper, np.concatenate([np.ones(2 * p), [0.0, 0.0]])])
        limits = np.append(limits, bound)
    cost = np.zeros(wide.shape[1] + 2)
    cost[-1] = 1.0
    bounds = [(lowest, None)] * wide.shape[1] + [(None, None), (0.0, None)]
    result = linprog(cost, A_ub=upper, b_ub=limits, bounds=bounds, method="highs")
    if result.status != 0:
        raise RunError(f"a linear program of {n} rows and {p} columns ended without a solution: {result.message}")
    matrix = result.x[:p] if bound is None else result.x[:p] - result.x[p : 2 * p]
    return np.append(matrix, result.x[-2]), float(result.fun)
