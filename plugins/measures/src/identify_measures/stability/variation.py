"""How far the models' values of each item lie apart: coefficients of variation, circular deviations."""

from __future__ import annotations

from typing import Any

import numpy as np

from identify_core import OptionsError

Array = np.ndarray[Any, Any]


def checked(values: Array, *, models: int = 2) -> Array:
    """Values (M, P) in float64.

    Raises:
        OptionsError: they are not a matrix, there are too few models, or a value is not finite.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] < models or matrix.shape[1] < 1:
        raise OptionsError(
            f"stability is measured on a matrix (models, items) of at least {models} models and one item, not on an "
            f"array of shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise OptionsError(
            f"the value of item {column} in model {row} is {matrix[row, column]}; stability needs finite values",
            hint="leave out the items that a model has no value for",
        )
    return matrix


def coefficient_of_variation(values: Array) -> Array:
    """Standard deviation over models (ddof = 1) in parts of the mean, by item, (P,).

    NaN where the mean is 0. A constant that is added to every value lowers it without more agreement: report an
    intraclass correlation with it.

    Args:
        values: (M, P), M of at least 2.

    Raises:
        OptionsError: the values are not such a matrix.

    Example:
        >>> coefficient_of_variation([[1.0, 2.0], [3.0, 2.0]]).round(4).tolist()
        [0.7071, 0.0]
    """
    matrix = checked(values)
    mean = matrix.mean(0)
    spread = matrix.std(0, ddof=1)
    result: Array = np.divide(spread, np.abs(mean), out=np.full_like(mean, np.nan), where=mean != 0)
    return result


def scale_normalised(values: Array) -> Array:
    """Each model's values divided by their median, (M, P): what is left when models may differ in one scale.

    Args:
        values: (M, P).

    Raises:
        OptionsError: the values are not such a matrix, or a model's median is 0.
    """
    matrix = checked(values, models=1)
    medians = np.median(matrix, axis=1, keepdims=True)
    if not medians.all():
        row = int(np.flatnonzero(medians == 0)[0])
        raise OptionsError(f"the median of model {row} is 0, so that its values have no scale to be divided by")
    result: Array = matrix / medians
    return result


def circular_deviation(angles: Array) -> Array:
    """Circular standard deviation √(−2 ln R̄) over models, by item, (P,), in radians.

    R̄ is the length of the mean of the unit vectors (Mardia & Jupp, Directional Statistics, 2000, section 2.3.2).

    Args:
        angles: (M, P), in radians.

    Raises:
        OptionsError: the values are not such a matrix.
    """
    matrix = checked(angles)
    length = np.abs(np.exp(1j * matrix).mean(0)).clip(max=1.0)
    with np.errstate(divide="ignore"):
        result: Array = np.sqrt(-2 * np.log(length))
    return result
