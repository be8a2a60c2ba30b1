"""Lining up: the rows that all representations have in common, in one order, read without holding them in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from identify_core.data import Factor
from identify_core.errors import UsageError
from identify_core.run.subject import Representation

# Where the wanted rows are at least this dense in their span, the span is read at once and picked from.
_DENSE = 0.25


@attrs.frozen(kw_only=True)
class Lined:
    """Representations whose rows are the same samples in the same order.

    Args:
        representations: each with the common rows only.
        rows: how many rows all have in common.
        left_out: label to how many of its rows the others lack; only where there are any.
    """

    representations: tuple[Representation, ...]
    rows: int
    left_out: dict[str, int]


def line_up(representations: Sequence[Representation], *, trust_ids: bool = False) -> Lined:
    """Join representations on their sample ids.

    The common rows come in the order of the first representation.

    Args:
        representations: at least one.
        trust_ids: whether equal ids are taken for equal samples although the inputs differ.

    Raises:
        UsageError: no sample is common to all, or equal ids stand for different inputs.
    """
    common = representations[0].ids
    for other in representations[1:]:
        if not _same(common, other.ids):
            common = common[_positions(common, other.ids) >= 0]
        if len(common) == 0:
            raise _nothing_common(representations[0], other)
    lined = [_restrict(each, common) for each in representations]
    if not trust_ids:
        _refuse_other_inputs(lined)
    left_out = {each.label: each.shape[0] - len(common) for each in representations if each.shape[0] > len(common)}
    return Lined(representations=tuple(lined), rows=len(common), left_out=left_out)


def _same(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    return first is second or np.array_equal(first, second)


def _comparable(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    return (first.dtype.kind in "iu") == (second.dtype.kind in "iu")


def _positions(wanted: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where each wanted id is among `ids`; −1 where it is not."""
    if not _comparable(wanted, ids) or len(ids) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(ids, kind="stable")
    slots = np.searchsorted(ids, wanted, sorter=order).clip(max=len(ids) - 1)
    positions = order[slots]
    return np.where(ids[positions] == wanted, positions, -1)


def _restrict(representation: Representation, common: np.ndarray[Any, Any]) -> Representation:
    if _same(representation.ids, common):
        return representation
    rows = _positions(common, representation.ids)
    return attrs.evolve(
        representation,
        ids=common,
        shape=(len(common), representation.shape[1]),
        load_rows=_picking(representation.load_rows, rows),
        factors={name: Factor(values=f.values[rows], kind=f.kind) for name, f in representation.factors.items()},
        fingerprints=None if representation.fingerprints is None else representation.fingerprints[rows],
    )


def _picking(
    load_rows: Callable[[int, int], np.ndarray[Any, Any]], rows: np.ndarray[Any, Any]
) -> Callable[[int, int], np.ndarray[Any, Any]]:
    """Read the given rows of something that reads spans."""

    def load(start: int, stop: int) -> np.ndarray[Any, Any]:
        wanted = rows[start:stop]
        if len(wanted) == 0:
            return load_rows(0, 0)
        order = np.argsort(wanted, kind="stable")
        ascending = wanted[order]
        # Spans of rows that lie close together: few reads, and none much larger than what is kept of it.
        gaps = np.flatnonzero(np.diff(ascending) > 1 / _DENSE)
        bounds = zip([0, *(gaps + 1)], [*(gaps + 1), len(ascending)], strict=True)
        parts = []
        for first, last in bounds:
            span = ascending[first:last]
            parts.append(load_rows(int(span[0]), int(span[-1]) + 1)[span - span[0]])
        values = np.concatenate(parts)
        result = np.empty_like(values)
        result[order] = values
        return result

    return load


def _nothing_common(first: Representation, other: Representation) -> UsageError:
    kinds = {True: "numbers", False: "text"}
    hint = "compare runs of the same samples"
    if not _comparable(first.ids, other.ids):
        hint = (
            f"the ids of one are {kinds[first.ids.dtype.kind in 'iu']}, "
            f"of the other {kinds[other.ids.dtype.kind in 'iu']}"
        )
    return UsageError(f"{first.label} and {other.label} have no sample in common", hint=hint)


def _refuse_other_inputs(lined: Sequence[Representation]) -> None:
    known = [each for each in lined if each.fingerprints is not None]
    for other in known[1:]:
        different = int(np.count_nonzero(known[0].fingerprints != other.fingerprints))
        if different:
            raise UsageError(
                f"{known[0].label} and {other.label} have other inputs under the same ids: {different} of "
                f"{len(other.ids)} rows differ",
                hint="compare runs of one dataset and seed, or say --trust-ids if equal ids mean equal samples",
            )
