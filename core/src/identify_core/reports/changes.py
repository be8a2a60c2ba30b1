"""What changed between two comparisons of the same things: the rungs that hold, and the medians of the measures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

from identify_core.errors import UsageError
from identify_core.findings import Finding, Table
from identify_core.reports.relations import read_measures, read_relations
from identify_core.store import StoredRun


def changes_between(earlier: StoredRun, later: StoredRun) -> tuple[str, Table]:
    """What changed from one comparison to another.

    Args:
        earlier: a comparison.
        later: another one of as many representations, which are paired in their order.

    Returns:
        One sentence, and a table with a row for each rung whose count of passing pairs changed and each measure whose
        median did.

    Raises:
        UsageError: one of them is a run, or they compare different numbers of representations.
    """
    for each in (earlier, later):
        if each.summary.kind != "comparison":
            raise UsageError(f"{each.id} is a run, and changes are told between comparisons")
    counts = [len(each.document["representations"]) for each in (earlier, later)]
    if counts[0] != counts[1]:
        raise UsageError(
            f"{earlier.id} compares {counts[0]} representations, {later.id} {counts[1]}: they are not the same things",
            hint="compare the same things again, or the two in one comparison",
        )
    before, after = ({label: stored.finding for label, stored in each.findings.items()} for each in (earlier, later))
    rows = [*_rungs(before, after), *_measures(before, after)]
    table = Table(
        columns=("what", "before", "after", "change"),
        rows=rows,
        caption=f"From {earlier.id} to {later.id}; what is the same is left out.",
    )
    return _sentence(before, after, len(rows)), table


def _sentence(before: Mapping[str, Finding], after: Mapping[str, Finding], changed: int) -> str:
    relations = [read_relations(each.values()) for each in (before, after)]
    if relations[0] is None or relations[1] is None:
        return f"{changed} values changed" if changed else "nothing changed"
    lowest = [" or ".join(each.common()) or "no rung" for each in relations if each is not None]
    if lowest[0] != lowest[1]:
        return f"the smallest class that relates all pairs was {lowest[0]} and is {lowest[1]}"
    return f"the smallest class that relates all pairs is {lowest[1]}, as before; {changed or 'no'} values changed"


def _rungs(before: Mapping[str, Finding], after: Mapping[str, Finding]) -> list[tuple[str, float, float, float]]:
    first, second = read_relations(before.values()), read_relations(after.values())
    if first is None or second is None:
        return []
    counts = [(rung, first.count(rung), second.count(rung)) for rung in first.steps if rung in second.steps]
    return [(f"pairs within {rung}", old, new, new - old) for rung, old, new in counts if old != new]


def _measures(before: Mapping[str, Finding], after: Mapping[str, Finding]) -> list[tuple[str, float, float, float]]:
    old, new = (
        {each.measure: _median(each.values) for each in read_measures(findings)} for findings in (before, after)
    )
    return [
        (f"median {name}", old[name], new[name], new[name] - old[name])
        for name in old
        if name in new and old[name] != new[name] and not (math.isnan(old[name]) and math.isnan(new[name]))
    ]


def _median(values: tuple[float, ...]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan
