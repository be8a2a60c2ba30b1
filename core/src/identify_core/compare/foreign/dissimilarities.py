"""Dissimilarity matrices from outside: square, symmetric, zero on the diagonal; never taken for representations."""

from __future__ import annotations

import math

import numpy as np

from identify_core.compare.foreign.axes import REPLICATE, Reading
from identify_core.compare.foreign.record import Array, ForeignArray
from identify_core.errors import UsageError

_TOLERANCE = 1e-6  # of the largest entry: published matrices are float32


def looks_like_dissimilarities(array: ForeignArray) -> bool:
    """Whether an array is square, symmetric and zero (or NaN) on its diagonal, and not all zero."""
    if len(array.shape) != 2 or array.shape[0] != array.shape[1] or array.shape[0] < 3:
        return False
    start = array.read((slice(0, 1), slice(0, 1)))
    if start.dtype.kind != "f" or not (start[0, 0] == 0 or np.isnan(start[0, 0])):
        return False
    return not _fault(array.whole())


def dissimilarity_readings(array: ForeignArray) -> list[Reading]:
    """The matrices in an array: (n, n), a stack (replicate, n, n), or one upper triangle of n (n − 1) / 2 entries.

    Raises:
        UsageError: it is none of these.
    """
    values = array.whole()
    if values.ndim == 1:
        return [_reading(_from_triangle(values, array.name), {})]
    matrices = values[None] if values.ndim == 2 else values
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or not matrices.size:
        raise UsageError(
            f"{array.name} has the shape {array.shape}, which no dissimilarity matrix has",
            hint="(n, n), a stack of them (replicates, n, n), or an upper triangle row by row (n (n − 1) / 2,)",
        )
    found = []
    for number, matrix in enumerate(matrices):
        coordinates = {REPLICATE: number} if values.ndim == 3 else {}
        fault = _fault(matrix)
        if fault:
            raise UsageError(f"{array.name} is not a dissimilarity matrix: {fault}")
        found.append(_reading(_clean(matrix), coordinates))
    return found


def _fault(matrix: Array) -> str:
    """What is wrong with a square matrix of dissimilarities; nothing where it is one."""
    matrix = matrix.astype(np.float64)
    diagonal = np.diagonal(matrix)
    rest = matrix[~np.eye(len(matrix), dtype=bool)]
    if not np.isfinite(rest).all():
        return "it has NaN or infinite values off its diagonal"
    largest = float(np.abs(rest).max(initial=0.0))
    if largest == 0:
        return "all of it is zero"
    off = np.abs(diagonal[~np.isnan(diagonal)]).max(initial=0.0)
    if off > _TOLERANCE * largest:
        similar = " (similarities? then give 1 − values)" if np.allclose(diagonal, 1) else ""
        return f"its diagonal is not zero but up to {off:g}{similar}"
    difference = float(np.abs(np.triu(matrix, 1) - np.tril(matrix, -1).T).max())
    if difference > _TOLERANCE * largest:
        return f"it is not symmetric: two entries differ by {difference:g}"
    return ""


def _clean(matrix: Array) -> Array:
    matrix = matrix.astype(np.float64)
    np.fill_diagonal(matrix, 0.0)
    symmetric: Array = (matrix + matrix.T) / 2
    return symmetric


def _from_triangle(values: Array, name: str) -> Array:
    n = round((1 + math.sqrt(1 + 8 * len(values))) / 2)
    if n * (n - 1) // 2 != len(values) or n < 2:
        raise UsageError(
            f"{name} has {len(values)} entries, which is no n (n − 1) / 2",
            hint="an upper triangle row by row has so many",
        )
    if not np.isfinite(values).all():
        raise UsageError(f"{name} is not a dissimilarity matrix: it has NaN or infinite values")
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = values
    return _clean(2 * matrix)


def _reading(matrix: Array, coordinates: dict[str, int]) -> Reading:
    return Reading(
        coordinates=coordinates,
        shape=(len(matrix), len(matrix)),
        load_rows=lambda start, stop: matrix[start:stop],
    )
