"""Dissimilarity matrices from outside: square, symmetric, zero on the diagonal; never taken for representations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from identify_core.comparisons.foreign.axes import REPLICATE, Reading
from identify_core.comparisons.foreign.record import Array, ForeignArray
from identify_core.errors import UsageError

_TOLERANCE = 1e-6  # of the largest entry: published matrices are float32


def looks_like_dissimilarities(array: ForeignArray) -> bool:
    """Whether an array is square, symmetric and zero (or NaN) on its diagonal, and not all zero."""
    if len(array.shape) != 2 or array.shape[0] != array.shape[1] or array.shape[0] < 3:
        return False
    start = array.read((slice(0, 1), slice(0, 1)))
    if start.dtype.kind not in "fiu" or not (start[0, 0] == 0 or np.isnan(start[0, 0])):
        return False
    return not _fault(array.whole())


def looks_like_triangle(array: ForeignArray) -> int:
    """The n of whose upper triangle an array of one axis has as many entries; 0 where there is none."""
    return _side(array.shape[0]) if len(array.shape) == 1 and array.shape[0] >= 6 else 0


def dissimilarity_readings(array: ForeignArray, axes: Sequence[str] = ()) -> list[Reading]:
    """The matrices in an array.

    Args:
        array: (n, n), an upper triangle row by row of n (n − 1) / 2 entries, or stacks of either: (replicates, n, n).
        axes: the names of all axes; where there are none, what comes before the matrix are replicates.

    Raises:
        UsageError: it is none of these.
    """
    shape = array.shape
    square = len(shape) > 1 and shape[-1] == shape[-2]
    if 0 in shape or not (square or (shape and _side(shape[-1]))):
        raise UsageError(
            f"{array.name} has the shape {shape}, which no dissimilarity matrix has",
            hint="(n, n), an upper triangle row by row (n (n − 1) / 2,), or a stack of either, (replicates, ...)",
        )
    before = shape[: -2 if square else -1]
    names = tuple(axes)[: len(before)] or (REPLICATE,)[: len(before)]
    if len(names) != len(before):
        raise UsageError(
            f"{array.name} has {len(before)} axes before its matrices, {shape}",
            hint=f"name all axes, as in --axes subject,session,sample{',latent' if square else ''}",
        )
    values, found = array.whole(), []
    for place in np.ndindex(*before):
        one = values[place]
        matrix = one if square else _from_triangle(one)
        fault = _fault(matrix)
        if fault:
            raise UsageError(f"{array.name} is not a dissimilarity matrix: {fault}")
        found.append(_reading(_clean(matrix), dict(zip(names, place, strict=True))))
    return found


def _side(entries: int) -> int:
    """The n with n (n − 1) / 2 entries above the diagonal; 0 where there is none."""
    n = (1 + math.isqrt(1 + 8 * entries)) // 2
    return n if n > 2 and n * (n - 1) // 2 == entries else 0


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


def _from_triangle(values: Array) -> Array:
    n = _side(len(values))
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = values
    return matrix + matrix.T


def _reading(matrix: Array, coordinates: dict[str, int]) -> Reading:
    return Reading(
        coordinates=coordinates,
        shape=(len(matrix), len(matrix)),
        load_rows=lambda start, stop: matrix[start:stop],
    )
