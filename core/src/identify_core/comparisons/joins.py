"""Lining up: the rows that all representations have in common, in one order, read without holding them in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from identify_core.data.sample_ids import in_one_type
from identify_core.errors import UsageError
from identify_core.evaluation.subjects import Representation

# Where the wanted rows are at least this dense in their span, the span is read at once and picked from.
_DENSE = 0.25
# A join that keeps less than this part of the smallest representation is said first; less than the other is refused.
_MOST, _FEW = 0.9, 0.1


@attrs.frozen(kw_only=True)
class Lined:
    """Representations whose rows are the same samples in the same order.

    Args:
        representations: each with the common rows only.
        rows: how many rows all have in common.
        left_out: label to how many of its rows the others lack; only where there are any.
        warning: that the common rows are few; empty where they are not.
    """

    representations: tuple[Representation, ...]
    rows: int
    left_out: dict[str, int]
    warning: str = ""


def line_up(representations: Sequence[Representation], *, trust_ids: bool = False, partial: bool = False) -> Lined:
    """Join representations on their sample ids, by value.

    The common rows come in the order of the first representation.

    Args:
        representations: at least two.
        trust_ids: whether equal ids are taken for equal samples although the inputs differ.
        partial: whether a join that keeps less than a tenth of the smallest is meant.

    Raises:
        UsageError: nothing says which rows are the same samples, too few or none are common to all, equal ids stand
            for different inputs, or there is one representation alone.
    """
    _refuse_what_has_no_pair(representations)
    _refuse_rows_without_ids(representations)
    ids = in_one_type([each.ids for each in representations])
    representations = [attrs.evolve(each, ids=own) for each, own in zip(representations, ids, strict=True)]
    common = ids[0]
    for other in representations[1:]:
        if not _same(common, other.ids):
            common = common[_positions(common, other.ids) >= 0]
        if len(common) == 0:
            raise _nothing_common(representations[0], other)
    warning = _few_in_common(representations, len(common), partial=partial)
    lined = [_restrict(each, common) for each in representations]
    if not trust_ids:
        _refuse_other_inputs(lined)
    left_out = {each.label: each.shape[0] - len(common) for each in representations if each.shape[0] > len(common)}
    return Lined(representations=tuple(lined), rows=len(common), left_out=left_out, warning=warning)


def _refuse_what_has_no_pair(representations: Sequence[Representation]) -> None:
    if len(representations) < 2:
        label = representations[0].label if representations else "nothing"
        raise UsageError(
            f"{label} is one representation alone, and a comparison needs two",
            hint="name another run or array; `identify evaluate` judges a single representation of a run",
        )
    for other in representations[1:]:
        if (other.holds == "dissimilarities") != (representations[0].holds == "dissimilarities"):
            matrix, latents = sorted((representations[0], other), key=lambda each: each.holds)
            raise UsageError(
                f"{matrix.label} is a matrix of dissimilarities and {latents.label} is not",
                hint="dissimilarities compare with one another alone; --as representations takes them as latents",
            )


def _refuse_rows_without_ids(representations: Sequence[Representation]) -> None:
    """Rows that are only numbered can be paired by their place alone, and only where all have as many."""
    bare = next((each for each in representations if not each.has_ids), None)
    if bare is None:
        return
    hint = (
        f"give ids: --ids {bare.label.partition('[')[0]}=FILE for one, --ids COLUMN for tables, or import the arrays "
        "with --ids"
    )
    for other in representations:
        if other.shape[0] != bare.shape[0]:
            raise UsageError(
                f"{bare.label} has {bare.shape[0]} rows and {other.label} has {other.shape[0]}, and nothing says which "
                "of them are the same samples",
                hint=hint,
            )
        if other.has_ids and not np.array_equal(other.ids, np.arange(len(other.ids))):
            raise UsageError(
                f"{other.label} has sample ids and {bare.label} has none: nothing says which of their rows are the "
                "same samples",
                hint=hint,
            )


def _few_in_common(representations: Sequence[Representation], rows: int, *, partial: bool) -> str:
    smallest = min(representations, key=lambda each: each.shape[0])
    total = smallest.shape[0]
    if rows >= _MOST * total:
        return ""
    said = f"only {rows} of the {total} rows of {smallest.label} have a counterpart in all others"
    if rows < _FEW * total and not partial:
        raise UsageError(
            said,
            hint=f"check the ids, which begin with {_first_ids(representations)}; --partial compares these rows alone",
        )
    return f"{said}: everything below is of these rows alone"


def _first_ids(representations: Sequence[Representation]) -> str:
    shown = list(dict.fromkeys(f"{each.ids[0]!s:.40}" for each in representations))[:3]
    return " and ".join(shown)


def _same(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    return first is second or np.array_equal(first, second)


def _positions(wanted: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where each wanted id is among `ids`; −1 where it is not."""
    if len(ids) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(ids, kind="stable")
    slots = np.searchsorted(ids, wanted, sorter=order).clip(max=len(ids) - 1)
    positions = order[slots]
    return np.where(ids[positions] == wanted, positions, -1)


def _restrict(representation: Representation, common: np.ndarray[Any, Any]) -> Representation:
    if _same(representation.ids, common):
        return representation
    rows = _positions(common, representation.ids)
    picking, width = _picking(representation.load_rows, rows), representation.shape[1]
    if representation.holds == "dissimilarities":  # its columns are the samples too
        picking, width = _picking_columns(picking, rows), len(common)
    return attrs.evolve(
        representation,
        ids=common,
        shape=(len(common), width),
        load_rows=picking,
        factors={name: each.rows(rows) for name, each in representation.factors.items()},
        fingerprints=None if representation.fingerprints is None else representation.fingerprints[rows],
    )


def _picking_columns(
    load_rows: Callable[[int, int], np.ndarray[Any, Any]], columns: np.ndarray[Any, Any]
) -> Callable[[int, int], np.ndarray[Any, Any]]:
    return lambda start, stop: load_rows(start, stop)[:, columns]


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
    begin = f"{first.ids[0]!s:.40}", f"{other.ids[0]!s:.40}"
    return UsageError(
        f"{first.label} and {other.label} have no sample in common",
        hint=f"compare runs of the same samples; the ids of one begin with {begin[0]}, of the other with {begin[1]}",
    )


def _refuse_other_inputs(lined: Sequence[Representation]) -> None:
    known = [(each, each.fingerprints) for each in lined if each.fingerprints is not None]
    for other, fingerprints in known[1:]:
        first, expected = known[0]
        different = int(np.count_nonzero(expected != fingerprints))
        if different:
            reordered = np.array_equal(np.sort(expected), np.sort(fingerprints))
            what = "the same inputs in another order" if reordered else "other inputs"
            raise UsageError(
                f"{first.label} and {other.label} have {what} under the same ids: {different} of "
                f"{len(other.ids)} rows differ",
                hint="compare runs of one dataset and seed, or say --trust-ids if equal ids mean equal samples",
            )
