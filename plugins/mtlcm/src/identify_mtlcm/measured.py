"""Columns of measured data, standardised."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Standardisation:
    """How columns become columns of mean 0 and variance 1.

    Args:
        mean: of each column, (k,).
        scale: standard deviation of each column, (k,); 1 where the column does not vary.
        constant: which columns do not vary, (k,); they become 0 everywhere.
    """

    mean: Array
    scale: Array
    constant: Array

    @classmethod
    def fitted(cls, values: Array) -> Standardisation:
        """From rows (n, k) with n > 0; a NaN is a missing value, and the variance is that of all n (ddof = 0)."""
        missing = np.isnan(values)
        count = np.maximum((~missing).sum(axis=0), 1)
        mean = np.where(missing, 0.0, values).sum(axis=0) / count
        variance = np.where(missing, 0.0, (values - mean) ** 2).sum(axis=0) / count
        lowest = np.where(missing, np.inf, values).min(axis=0)
        highest = np.where(missing, -np.inf, values).max(axis=0)
        constant = highest <= lowest
        return cls(mean=mean, scale=np.where(constant, 1.0, np.sqrt(variance)), constant=constant)

    @classmethod
    def none(cls, columns: int) -> Standardisation:
        """The one that changes nothing."""
        return cls(mean=np.zeros(columns), scale=np.ones(columns), constant=np.zeros(columns, dtype=bool))

    def __call__(self, values: Array) -> Array:
        """Standardised rows (n, k); missing values stay missing."""
        result: Array = (values - self.mean) / self.scale
        return np.where(self.constant & ~np.isnan(values), 0.0, result)


def standardise(values: Array, how: str, train: Array) -> tuple[Array, Standardisation]:
    """Rows (n, k) standardised by the rows `train`, by `all` of them or by `none`."""
    if how == "none":
        return values, Standardisation.none(values.shape[1])
    fitted = Standardisation.fitted(values[train] if how == "train" else values)
    return fitted(values), fitted
