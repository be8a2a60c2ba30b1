"""Rows that are held out by what they are: by their keys, or by combinations of their factors' values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from identify_core.errors import OptionsError

Array = np.ndarray[Any, Any]


def hold_out_keys(keys: Sequence[str], test_part: float, split_seed: int) -> dict[str, Array]:
    """The splits `train` and `test`: a row is held out by a hash of its key, so equal keys lie on one side.

    What other rows there are has no part in it. With a part of 0 nothing is held out and both splits are all rows.

    Args:
        keys: one a row.
        test_part: how much is held out, from 0 to 1.
        split_seed: which.

    Raises:
        OptionsError: one side is left without rows.

    Example:
        >>> {name: rows.tolist() for name, rows in hold_out_keys(["a", "b", "a", "c"], 0.5, 1).items()}
        {'train': [0, 2], 'test': [1, 3]}
    """
    every = np.arange(len(keys))
    if test_part == 0:
        return {"train": every, "test": every}
    held = _uniform(f"held out|{split_seed}", keys) < test_part
    splits = {"train": every[~held], "test": every[held]}
    for name, rows in splits.items():
        if not len(rows):
            raise OptionsError(
                f"with test_part {test_part:g} of {len(keys)} rows the split {name!r} has none",
                hint="take more rows, or another split_seed",
            )
    return splits


def hold_out_combinations(
    factors: Mapping[str, Array] | Sequence[Array], test_part: float, split_seed: int
) -> dict[str, Array]:
    """The splits `train` and `test`, which share no combination of the factors' values.

    Every single value of every factor stays in `train`, so that what is tested is new as a combination only.

    Args:
        factors: values (n,) of each factor that counts, of any type.
        test_part: which part of the combinations that there are is held out, from 0 to 1.
        split_seed: which; other rows with the same combinations change nothing.

    Raises:
        OptionsError: so many cannot be held out.

    Example:
        >>> shape, colour = np.array([0, 0, 1, 1, 1]), np.array(["red", "blue", "red", "blue", "blue"])
        >>> {name: rows.tolist() for name, rows in hold_out_combinations([shape, colour], 0.25, 3).items()}
        {'train': [1, 2, 3, 4], 'test': [0]}
    """
    columns = [np.asarray(each) for each in (factors.values() if isinstance(factors, Mapping) else factors)]
    codes = [np.unique(column, return_inverse=True) for column in columns]
    combinations, place = np.unique(np.stack([code for _, code in codes], axis=1), axis=0, return_inverse=True)
    wanted = round(test_part * len(combinations))
    names = ["|".join(str(values[c]) for (values, _), c in zip(codes, row, strict=True)) for row in combinations]
    held = _without_losing_values(combinations, np.argsort(_uniform(f"combinations|{split_seed}", names)), wanted)
    if held.sum() < wanted or not wanted:
        raise OptionsError(
            f"a part of {test_part:g} of {len(combinations)} combinations is {wanted}, but {held.sum()} can be held "
            "out while every value of every factor stays in training",
            hint="choose a smaller part, at least one combination",
        )
    rows = held[place.reshape(-1)]
    return {"train": np.flatnonzero(~rows), "test": np.flatnonzero(rows)}


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


def _without_losing_values(combinations: Array, order: Array, wanted: int) -> Array:
    """Which combinations are held out, taken in an order, where no value of a factor is in its last one."""
    left = [np.bincount(column) for column in combinations.T]
    held = np.zeros(len(combinations), dtype=bool)
    for each in order:
        if held.sum() == wanted:
            break
        counts = [of[value] for of, value in zip(left, combinations[each], strict=True)]
        if min(counts) > 1:
            held[each] = True
            for of, value in zip(left, combinations[each], strict=True):
                of[value] -= 1
    return held


def _uniform(stream: str, keys: Sequence[str]) -> Array:
    """A number in [0, 1) for each key: 53 bits of a SHA-256, the same on every machine."""
    digests = (hashlib.sha256(f"{stream}|{key}".encode()).digest() for key in keys)
    return np.array([int.from_bytes(each[:8], "big") >> 11 for each in digests]) / 2.0**53
