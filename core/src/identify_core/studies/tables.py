"""Tables of a study: a statistic of headline numbers over the runs of each row, from what is stored alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from identify_core.errors import UsageError
from identify_core.findings import Scalar, Table
from identify_core.spreads import Spread
from identify_core.studies.perform import RunsDone
from identify_core.studies.study_file import TableEntry
from identify_core.suggestions import did_you_mean
from identify_core.sweeps.summary import Row

BOUNDS = {"mean": ("±",), "median": ("least", "largest")}
"""What stands next to each statistic."""


def make_table(entry: TableEntry, runs: Sequence[RunsDone]) -> Table:
    """The table of an entry.

    Raises:
        UsageError: no run of it has one of the numbers, or no sweep varies one of the settings.
    """
    chosen = chosen_runs(entry.of, runs)
    for value in entry.values:
        refuse_unknown_number(value, chosen)
    for key in entry.by:
        refuse_unknown_setting(key, chosen)
    columns = ["runs", *entry.by, "n"]
    for value in entry.values:
        columns += [value, *(f"{value} {bound}" for bound in BOUNDS[entry.statistic])]
    rows: list[list[Scalar]] = []
    for each in chosen:
        for settings, members in _groups(each, entry.by):
            cells: list[Scalar] = [each.label, *settings, len(members)]
            for value in entry.values:
                cells += _statistic(entry, numbers_of(members, value))
            rows.append(cells)
    said = "mean ± half the 95 % t interval" if entry.statistic == "mean" else "median, least and largest"
    caption = f"{entry.caption.rstrip('.')}. " if entry.caption else ""
    return Table(columns=columns, rows=rows, caption=f"{caption}{said[0].upper()}{said[1:]} over the n runs of a row.")


def chosen_runs(labels: Sequence[str], runs: Sequence[RunsDone]) -> list[RunsDone]:
    """The runs of some labels, or of all, without what was left out."""
    return [each for each in runs if (not labels or each.label in labels) and not each.left_out]


def numbers_of(rows: Iterable[Row], value: str) -> list[float]:
    """A headline number of each finished run that has it, where it is finite."""
    found = [row.scalars.get(value) for row in rows if row.status == "finished"]
    return [float(each) for each in found if isinstance(each, (int, float)) and math.isfinite(each)]


def refuse_unknown_number(value: str, runs: Sequence[RunsDone]) -> None:
    """Refuse a number that no run has.

    Raises:
        UsageError: with the nearest one that there is.
    """
    names = list(dict.fromkeys(name for each in runs for row in each.rows for name in row.scalars))
    if names and value not in names:
        raise UsageError(f"no run has a headline number {value!r}", hint=did_you_mean(value, names))


def refuse_unknown_setting(key: str, runs: Sequence[RunsDone]) -> None:
    """Refuse a setting that no sweep varies.

    Raises:
        UsageError: with those that there are.
    """
    settings = list(dict.fromkeys(setting for each in runs for setting in each.settings))
    if key not in settings:
        raise UsageError(
            f"no sweep of these runs varies {key!r}",
            hint=f"they vary {', '.join(settings)}" if settings else "give the runs a table sweep",
        )


def _groups(runs: RunsDone, by: Sequence[str]) -> Iterator[tuple[list[Scalar], list[Row]]]:
    """The runs with the same values of some settings, in their order; a setting that is not varied is empty."""

    def values(row: Row) -> str:
        return repr([row.values.get(key) for key in by])

    order = {key: place for place, key in enumerate(dict.fromkeys(values(row) for row in runs.rows))}
    rows = sorted(runs.rows, key=lambda row: order[values(row)])
    for _, members in itertools.groupby(rows, key=values):
        group = list(members)
        yield [_cell(group[0].values, key) for key in by], group


def _cell(values: Mapping[str, Any], key: str) -> Scalar:
    value = values.get(key)
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def _mean(numbers: list[float]) -> list[Scalar]:
    """The mean and half of its t interval; nothing where there is none."""
    if not numbers:
        return [None, None]
    spread = Spread.of(numbers)
    half = spread.mean - spread.student[0]
    return [spread.mean, None if math.isnan(half) else half]


def _statistic(entry: TableEntry, numbers: list[float]) -> list[Scalar]:
    if entry.statistic == "mean":
        return _mean(numbers)
    if not numbers:
        return [None] * 3
    return [float(np.median(numbers)), min(numbers), max(numbers)]
