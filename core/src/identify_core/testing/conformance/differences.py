"""How two runs, or two findings, that should be the same differ, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from identify_core.findings import Finding
from identify_core.store import StoredRun


def differences(first: StoredRun, second: StoredRun) -> Iterator[str]:
    """The first difference of each kind between two runs that should be the same."""
    for name in sorted(set(first.latents) | set(second.latents)):
        if name not in first.latents or name not in second.latents:
            yield f"the latents {name!r} are only in one of them"
            continue
        one, other = first.latents[name], second.latents[name]
        if not np.array_equal(one.ids, other.ids):
            yield f"the latents {name!r} are of other samples"
            continue
        distances = [distance(one.values(r), other.values(r)) for r in range(min(one.count, other.count))]
        exact = all(_same(one.values(r), other.values(r)) for r in range(min(one.count, other.count)))
        if one.count != other.count or not exact:
            yield f"the latents {name!r} (by up to {max(distances, default=math.inf):.2g} of their size)"
            return
    for what, ones, others in (
        ("the weights", first.weights(), second.weights()),
        ("the history of", _flat(first), _flat(second)),
    ):
        for name in sorted(set(ones) | set(others)):
            if name not in ones or name not in others or not _same(ones[name], others[name]):
                yield f"{what} {name!r}"
                return


def _flat(run: StoredRun) -> dict[str, Any]:
    history = {}
    for name, (steps, values) in run.history().items():
        history[name] = np.concatenate([np.asarray(steps, dtype=np.float64).ravel(), np.asarray(values).ravel()])
    return history


def distance(one: Any, other: Any) -> float:
    """How far two arrays are from one another, relative to the size of the second; infinite for other shapes."""
    if one.shape != other.shape:
        return math.inf
    equal = (one == other) | (np.isnan(one) & np.isnan(other))
    if equal.all():
        return 0.0
    if not (np.isfinite(one[~equal]).all() and np.isfinite(other[~equal]).all()):
        return math.inf
    size = float(np.abs(other[np.isfinite(other)]).max(initial=0.0)) or 1.0
    return float(np.abs(one[~equal].astype(np.float64) - other[~equal]).max()) / size


def _same(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))


def changed_parts(before: Finding, after: Finding) -> Iterator[str]:
    """What of a finding is another, in words."""
    for field in ("summary", "name", "warnings"):
        if getattr(before, field) != getattr(after, field):
            yield f"the {field}"
    for field in ("scalars", "conventions"):
        yield from _changed(f"{field[:-1]} ", getattr(before, field), getattr(after, field), _same_value)
    yield from _changed("table ", before.tables, after.tables, _same_table)
    yield from _changed("array ", before.arrays, after.arrays, _same_array)


def _changed(what: str, before: Mapping[str, Any], after: Mapping[str, Any], same: Any) -> Iterator[str]:
    for name in [*before, *(each for each in after if each not in before)]:
        if name not in before or name not in after or not same(before[name], after[name]):
            yield f"the {what}{name!r}"


def _same_value(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return type(one) is type(other) and bool(one == other)


def _same_table(one: Any, other: Any) -> bool:
    ones, others = attrs.asdict(one, recurse=False), attrs.asdict(other, recurse=False)
    rows = zip(ones.pop("rows"), others.pop("rows"), strict=False)
    same_cells = all(_same_value(a, b) for row, stored in rows for a, b in zip(row, stored, strict=False))
    return len(one.rows) == len(other.rows) and same_cells and dict(ones) == dict(others)


def _same_array(one: Any, other: Any) -> bool:
    return one.dimensions == other.dimensions and one.summary == other.summary and _same(one.values, other.values)
