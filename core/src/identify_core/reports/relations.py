"""Relations: what relates the representations of a comparison, from its findings: verdicts, groups, odd ones out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

import attrs

from identify_core.findings import Finding, Table
from identify_core.rungs import RUNGS, lowest

Pair = tuple[str, str]


@attrs.frozen(kw_only=True)
class Step:
    """One rung of the ladder between two representations.

    Args:
        residual: what the best map of the class leaves on held-out rows, as a part of the variance.
        low: lower end of its interval.
        high: upper end.
        shuffled: what the same fit leaves where rows are paired at random.
        passes: whether the whole interval is within the tolerance; None where nothing could be measured, or where it
            fails and means nothing, because the same fit fails of a representation and itself: there are too few rows.
        there: the residual of the map from the first to the second; `residual` is the larger of both directions.
        back: that of the map back.
        itself: what the same fit leaves of a representation and itself.
    """

    residual: float
    low: float
    high: float
    shuffled: float
    passes: bool | None
    there: float = math.nan
    back: float = math.nan
    itself: float = math.nan

    @property
    def measured(self) -> bool:
        """Whether there is a residual."""
        return not math.isnan(self.residual)

    @property
    def mark(self) -> str:
        """What a table says of it in a word or two."""
        if self.passes is None:
            return "few rows" if self.measured else "–"
        return "pass" if self.passes else "fail"

    @property
    def related(self) -> bool:
        """Whether its map is better than one of rows that are paired at random."""
        return self.high < (1.0 if math.isnan(self.shuffled) else self.shuffled)


@attrs.frozen(kw_only=True)
class Relations:
    """The ladder over all pairs of a comparison.

    Args:
        labels: of the representations.
        level: coverage of the intervals in words, such as `95 %`; empty where it is not known.
        tolerance: the residual up to which a rung passes.
        steps: rung to pair to step; the larger rungs last.
        remarks: pair to what could mislead.
    """

    labels: tuple[str, ...]
    level: str
    tolerance: float
    steps: Mapping[str, Mapping[Pair, Step]]
    remarks: Mapping[Pair, tuple[str, ...]]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every pair of different representations, once in each direction that was judged."""
        return tuple(self.remarks)

    def passing(self, pair: Pair) -> tuple[str, ...]:
        """The lowest rungs at which a pair passes."""
        return lowest([rung for rung, step in self._steps_of(pair).items() if step.passes])

    def one_way(self, pair: Pair) -> tuple[tuple[str, ...], bool]:
        """The lowest rungs at which a map goes one way alone, and whether it goes from the first to the second."""
        of = self._steps_of(pair)
        there = lowest([rung for rung, each in of.items() if each.there <= self.tolerance < each.back])
        back = lowest([rung for rung, each in of.items() if each.back <= self.tolerance < each.there])
        return (there, True) if there else (back, False)

    def undecided(self, pair: Pair) -> tuple[str, ...]:
        """The lowest rungs that there are too few rows for."""
        return lowest([rung for rung, each in self._steps_of(pair).items() if each.measured and each.passes is None])

    def nearest(self, pair: Pair) -> str:
        """Of rungs that fail, the smallest whose residual cannot be told from the least; empty where none fails."""
        failing = {rung: each for rung, each in self._steps_of(pair).items() if each.passes is False}
        if not failing:
            return ""
        high = min(failing.values(), key=lambda each: each.residual).high
        return lowest([rung for rung, each in failing.items() if each.residual <= high])[0]

    def _steps_of(self, pair: Pair) -> dict[str, Step]:
        return {rung: steps[pair] for rung, steps in self.steps.items() if pair in steps}

    def count(self, rung: str) -> int:
        """For how many pairs a rung holds."""
        return sum(bool(step.passes) for step in self.steps[rung].values())

    def common(self) -> tuple[str, ...]:
        """The lowest rungs that hold for every pair; empty where none does."""
        return lowest([rung for rung in self.steps if self.count(rung) == len(self.pairs)])

    def best(self) -> str:
        """The rung that holds for the most pairs but not for all, the smallest class among equals; empty for none."""
        counts = {rung: self.count(rung) for rung in self.steps}
        counts = {rung: count for rung, count in counts.items() if 0 < count < len(self.pairs)}
        if not counts:
            return ""
        return next(rung for rung, count in counts.items() if count == max(counts.values()))

    def groups(self, rung: str) -> tuple[tuple[str, ...], ...]:
        """The connected components of the pairs at which a rung holds, the largest first; single ones last."""
        group = {label: {label} for label in self.labels}
        for (first, other), step in self.steps[rung].items():
            if step.passes and group[first] is not group[other]:
                group[first] |= group[other]
                for label in group[other]:
                    group[label] = group[first]
        components = {id(each): each for each in group.values()}.values()
        ordered = [tuple(label for label in self.labels if label in each) for each in components]
        return tuple(sorted(ordered, key=lambda each: (-len(each), self.labels.index(each[0]))))

    def reasons(self, label: str) -> tuple[str, ...]:
        """What is remarked of a representation at every pair that it is in."""
        texts = [set(remarks) for pair, remarks in self.remarks.items() if label in pair]
        shared = set.intersection(*texts) if texts else set()
        return tuple(sorted(text for text in shared if label in text))


@attrs.frozen(kw_only=True)
class Reading:
    """One measure over all pairs of a comparison.

    Args:
        measure: its label, and the name of the score where the measure gives several.
        values: of the pairs, NaN where there is none.
        low: lower end of the interval of a single pair; NaN where there is none.
        high: its upper end.
        chance: median of what unrelated representations of these sizes would give; NaN where it is not known.
        level: coverage of the interval in words; empty where it is not known.
        invariant_to: the largest classes under which the measure does not change, in words.
        way: source and target of the one pair that a directed measure was taken of; None otherwise.
    """

    measure: str
    values: tuple[float, ...]
    low: float
    high: float
    chance: float
    level: str
    invariant_to: str
    way: Pair | None = None


def read_relations(findings: Iterable[Finding]) -> Relations | None:
    """The ladder among the findings of a comparison; None where there is none.

    Args:
        findings: of pair evaluators, as a comparison stores them.
    """
    for finding in findings:
        if "ladder" in finding.tables and "pairs" in finding.tables:
            return _relations(finding)
    return None


def read_measures(findings: Mapping[str, Finding]) -> list[Reading]:
    """What every other measure gives, in the order of the findings.

    Args:
        findings: label to finding.
    """
    found = []
    for label, finding in findings.items():
        if "pairs" not in finding.tables or "ladder" in finding.tables:
            continue
        scores: dict[str, list[dict[str, object]]] = {}
        for row in _rows(finding.tables["pairs"]):
            scores.setdefault(str(row["measure"]), []).append(row)
        directed = "source" in finding.tables["pairs"].columns
        parts = [(name, part) for name, rows in scores.items() for part in _ways(rows, directed=directed)]
        for name, rows in parts:
            one = rows[0] if len(rows) == 1 else {}
            chances = [chance for row in rows if not math.isnan(chance := _number(row["chance"]))]
            found.append(
                Reading(
                    measure=label if name == label or len(scores) == 1 else f"{label} {name}",
                    values=tuple(_number(row["value"]) for row in rows),
                    low=_number(one.get("low")),
                    high=_number(one.get("high")),
                    chance=statistics.median(chances) if chances else math.nan,
                    level=_level(finding),
                    invariant_to=finding.conventions.get("invariant to", ""),
                    way=_pair(one) if one and directed else None,
                )
            )
    return found


def _ways(rows: list[dict[str, object]], *, directed: bool) -> list[list[dict[str, object]]]:
    """The rows that are read as one: of a single pair there and back each alone, otherwise all of them."""
    return [[row] for row in rows] if directed and len(rows) == 2 else [rows]


def _relations(finding: Finding) -> Relations:
    verdicts = _rows(finding.tables["ladder"])
    tolerance = {_pair(row): _number(row["tolerance"]) for row in verdicts}
    ways = {
        (*_pair(row), str(row["rung"])): row
        for row in (_rows(finding.tables["directions"]) if "directions" in finding.tables else ())
    }
    steps: dict[str, dict[Pair, Step]] = {}
    for row in _rows(finding.tables["pairs"]):
        pair, rung = _pair(row), str(row["measure"])
        value, high, way = _number(row["value"]), _number(row["high"]), ways.get((*pair, rung), {})
        itself = _number(way.get("with itself"))
        passes = high <= tolerance[pair]
        steps.setdefault(rung, {})[pair] = Step(
            residual=value,
            low=_number(row["low"]),
            high=high,
            shuffled=_number(way.get("rows shuffled")),
            passes=None if math.isnan(value) or (not passes and itself > tolerance[pair]) else passes,
            there=_number(way.get("there")),
            back=_number(way.get("back")),
            itself=itself,
        )
    order = [*(rung for rung in RUNGS if rung in steps), *(rung for rung in steps if rung not in RUNGS)]
    labels = dict.fromkeys(label for pair in tolerance for label in pair)
    return Relations(
        labels=tuple(labels),
        level=_level(finding),
        tolerance=max(tolerance.values(), default=math.nan),
        steps={rung: steps[rung] for rung in order},
        remarks={_pair(row): tuple(filter(None, str(row["remarks"] or "").split("; "))) for row in verdicts},
    )


def _pair(row: Mapping[str, object]) -> Pair:
    """The labels of the two that a row is about, which come first: `representation` and `other`, or their roles."""
    first, second = list(row.values())[:2]
    return str(first), str(second)


def _level(finding: Finding) -> str:
    return finding.conventions.get("interval", "").partition(",")[0]


def _rows(table: Table) -> Sequence[dict[str, object]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
