"""Rows of measured data: which are held out, which are drawn, and how they are standardised."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from identify_core import OptionsError

Array = np.ndarray[Any, Any]


def hold_out(keys: Sequence[str], part: float, seed: int) -> dict[str, Array]:
    """The splits `train` and `test`: a row is held out by a hash of its key, so equal keys lie on one side.

    What other rows there are has no part in it. With a part of 0 nothing is held out and both splits are all rows.

    Args:
        keys: one a row.
        part: how much is held out, from 0 to 1.
        seed: which.

    Raises:
        OptionsError: one side is left without rows.
    """
    every = np.arange(len(keys))
    if part == 0:
        return {"train": every, "test": every}
    held = _uniform(f"held out|{seed}", keys) < part
    splits = {"train": every[~held], "test": every[held]}
    for name, rows in splits.items():
        if not len(rows):
            raise OptionsError(
                f"with test_part {part:g} of {len(keys)} rows the split {name!r} has none",
                hint="take more rows, or another split_seed",
            )
    return splits


def draw_subset(keys: Sequence[str], count: int | None, seed: int) -> Array:
    """Row numbers of `count` rows drawn without replacement, in order; all rows without a count.

    The rows with the smallest hashes of their keys are taken, so that a smaller subset is part of a larger one.

    Raises:
        OptionsError: there are not that many rows.
    """
    if count is None:
        return np.arange(len(keys))
    if count > len(keys):
        raise OptionsError(f"a subset of {count} rows is wanted, but there are {len(keys)}", hint="leave `subset` out")
    return np.sort(np.argsort(_uniform(f"subset|{seed}", keys), kind="stable")[:count])


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


def _uniform(stream: str, keys: Sequence[str]) -> Array:
    """A number in [0, 1) for each key: 53 bits of a SHA-256, the same on every machine."""
    digests = (hashlib.sha256(f"{stream}|{key}".encode()).digest() for key in keys)
    return np.array([int.from_bytes(each[:8], "big") >> 11 for each in digests]) / 2.0**53
