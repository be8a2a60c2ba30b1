"""Sample ids by value: an integer is the same id however wide its type is, and whether it is written or stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from identify_core.errors import UsageError

Ids = np.ndarray[Any, Any]

_INTEGER = re.compile(r"0|-?[1-9]\d{0,19}", re.ASCII)
_EXACT = 2**53


def normal_ids(values: Ids, name: str) -> Ids:
    """Ids as int64 where all of them are integers that it holds, as uint64 where that holds them, else as text.

    Text is taken without the blanks around it. `7` is the integer 7; `007` and `+7` are text.

    Raises:
        UsageError: they are not one id a row, one is empty or repeats, or they are numbers that are not integers.
    """
    if values.ndim == 2 and 1 in values.shape:
        values = values.reshape(-1)
    if values.ndim != 1 or values.dtype.kind not in "iufUS":
        raise UsageError(f"{name} must hold one integer or text a row, not {values.dtype} of shape {values.shape}")
    ids = _floats(values, name) if values.dtype.kind == "f" else values
    if ids.dtype.kind in "US":
        ids = _from_text(ids, name)
    elif ids.dtype.kind == "u":
        ids = ids.astype(np.int64 if not len(ids) or int(ids.max()) < 2**63 else np.uint64)
    else:
        ids = ids.astype(np.int64)
    distinct, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise UsageError(
            f"the id {distinct[counts > 1][0]!s} comes {counts.max()} times in {name}; ids are unique",
            hint="ids say which rows of two arrays are the same sample: number the rows that share one",
        )
    return ids


def _floats(values: Ids, name: str) -> Ids:
    """What MATLAB and pandas make of integers."""
    if not (np.isfinite(values) & (np.abs(values) < _EXACT) & (values == np.round(values))).all():
        raise UsageError(f"{name} must hold one integer or text a row, not {values.dtype} with fractions or gaps")
    return values.astype(np.int64)


def _from_text(values: Ids, name: str) -> Ids:
    texts = [_decoded(each, name).strip().lstrip("\ufeff").strip() for each in values.tolist()]
    if "" in texts:
        raise UsageError(f"row {texts.index('')} of {name} has no id", hint="give every row one, or leave ids out")
    if all(_INTEGER.fullmatch(text) for text in texts):
        numbers = [int(text) for text in texts]
        low, high = min(numbers, default=0), max(numbers, default=0)
        if low >= -(2**63) and high < 2**63:
            return np.asarray(numbers, dtype=np.int64)
        if low >= 0 and high < 2**64:
            return np.asarray(numbers, dtype=np.uint64)
    return np.asarray(texts, dtype=np.str_)


def _decoded(text: str | bytes, name: str) -> str:
    try:
        return text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not text in UTF-8") from error


def in_one_type(ids: Sequence[Ids]) -> list[Ids]:
    """The ids of several representations in one type in which equal values are equal: never through floats."""
    if len({each.dtype for each in ids}) <= 1 or all(each.dtype.kind == "U" for each in ids):
        return list(ids)
    if all(each.dtype.kind in "iu" for each in ids):
        if all(not len(each) or int(each.max()) < 2**63 for each in ids):
            return [each.astype(np.int64) for each in ids]
        if all(not len(each) or int(each.min()) >= 0 for each in ids):
            return [each.astype(np.uint64) for each in ids]
    return [each if each.dtype.kind == "U" else each.astype(np.str_) for each in ids]
