"""A grid of scores as one finding: a matrix a score, tables of the pairs, and the conventions in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from identify_core.components import Evaluator
from identify_core.evaluation.journal import Pair
from identify_core.evaluation.pairs import Grid
from identify_core.findings import Finding, LabelledArray, Table
from identify_core.rungs import includes
from identify_core.scores import Score, Verdict, say_invariance

T = TypeVar("T")


def grid_finding(grid: Grid) -> Finding:
    """A grid as a finding: one matrix a score, a table of the pairs, and the conventions in words."""
    arrays: dict[str, LabelledArray] = {}
    for name, table in grid.scores.items():
        prefix = "" if len(grid.scores) == 1 else f"{name}-"
        arrays[f"{prefix}value"] = _matrix(grid, table, lambda score: score.value, f"{name}, each pair")
        if any(score.interval for score in table.values()):
            arrays[f"{prefix}low"] = _matrix(
                grid, table, lambda score: score.interval.low if score.interval else np.nan, "lower end of the interval"
            )
            arrays[f"{prefix}high"] = _matrix(
                grid, table, lambda score: score.interval.high if score.interval else np.nan, "upper end"
            )
        if any(score.chance for score in table.values()):
            arrays[f"{prefix}chance"] = _matrix(
                grid, table, lambda score: score.chance.mean if score.chance else np.nan, "value by chance"
            )
    first = next(iter(next(iter(grid.scores.values())).values()))
    conventions = {
        **_estimators(grid),
        "larger is": first.larger_is,
        "bounds": f"{first.bounds[0]:g} to {first.bounds[1]:g}",
        "metric": "yes" if first.is_metric else "no",
        "invariant to": say_invariance(first.invariant_to),
    }
    intervals = (score.interval for table in grid.scores.values() for score in table.values() if score.interval)
    if interval := next(intervals, None):
        conventions["interval"] = f"{100 * interval.level:g} %, {interval.method}"
    tables = {"pairs": _table(grid)}
    if grid.verdicts:
        tables["ladder"] = _ladder_table(grid)
        tables["directions"] = _directions_table(grid)
        conventions |= {
            f"{rung} left out": reason
            for verdict in grid.verdicts.values()
            for rung, reason in verdict.left_out.items()
        }
    names = LabelledArray(values=np.asarray(grid.labels), dimensions=("representation",), summary="labels")
    return Finding(
        summary=_summary(grid),
        scalars=_scalars(grid),
        tables=tables,
        arrays={"labels": names, **arrays},
        conventions=conventions,
        warnings=_warnings(grid),
    )


def is_directed(grid: Grid) -> bool:
    """Whether the two of a pair have roles, source and target, so that each pair has two values."""
    component = grid.chosen.registered.component
    return isinstance(component, Evaluator) and not component.symmetric


def different(grid: Grid, table: Mapping[Pair, T]) -> dict[Pair, T]:
    """What a table has of pairs of different representations: each pair once, or both ways for a directed measure."""
    return {(i, j): value for (i, j), value in sorted(table.items()) if i < j or (i > j and is_directed(grid))}


def _names(grid: Grid) -> tuple[str, str]:
    """What the two of a pair are called in tables and on axes."""
    return ("source", "target") if is_directed(grid) else ("representation", "other")


def _matrix(grid: Grid, table: Mapping[Pair, Score], read: Any, summary: str) -> LabelledArray:
    count = len(grid.labels)
    values = np.full((count, count), np.nan)
    for (i, j), score in table.items():
        values[i, j] = read(score)
    return LabelledArray(values=values, dimensions=_names(grid), summary=summary)


def _table(grid: Grid) -> Table:
    rows = []
    for name, table in grid.scores.items():
        for (i, j), score in different(grid, table).items():
            interval, chance = score.interval, score.chance
            rows.append(
                (
                    grid.labels[i],
                    grid.labels[j],
                    name,
                    score.value,
                    interval.low if interval else None,
                    interval.high if interval else None,
                    chance.mean if chance else None,
                    score.n,
                    "; ".join((score.reason, *score.warnings)).strip("; "),
                )
            )
    return Table(
        columns=(*_names(grid), "measure", "value", "low", "high", "chance", "rows", "remarks"),
        rows=rows,
        caption="Every pair, with its interval and what unrelated representations of these sizes would give.",
    )


def _ladder_table(grid: Grid) -> Table:
    rows = []
    for (i, j), verdict in different(grid, grid.verdicts).items():
        claim = common_claim(grid.claims[i], grid.claims[j])
        rows.append(
            (
                grid.labels[i],
                grid.labels[j],
                " or ".join(verdict.lowest) or "no rung passes",
                claim or None,
                against_claim(verdict, claim),
                verdict.tolerance,
                "; ".join(verdict.warnings),
            )
        )
    return Table(
        columns=(*_names(grid), "lowest rung", "claimed", "found", "tolerance", "remarks"),
        rows=rows,
        caption="The smallest class of maps that carries one representation onto the other, judged on held-out rows.",
    )


def _directions_table(grid: Grid) -> Table:
    rows = []
    for (i, j), verdict in different(grid, grid.verdicts).items():
        for rung in verdict.residuals:
            sides = (verdict.directions.get(side, {}).get(rung) for side in ("forward", "backward"))
            controls = (verdict.controls.get(name, {}).get(rung) for name in ("identity", "shuffled"))
            values = (None if score is None else score.value for score in (*sides, *controls))
            rows.append((grid.labels[i], grid.labels[j], rung, *values))
    return Table(
        columns=(*_names(grid), "rung", "there", "back", "with itself", "rows shuffled"),
        rows=rows,
        caption=(
            "The residual of the best map from the first representation to the second and of the best map back, and "
            "what the same fits leave of a representation and itself and of rows paired at random."
        ),
    )


def _estimators(grid: Grid) -> dict[str, str]:
    """The estimator of all scores; where they differ, what they have in common and what is each one's own."""
    texts = {name: next(iter(table.values())).estimator for name, table in grid.scores.items()}
    clauses = {name: text.split("; ") for name, text in texts.items()}
    shared = [each for each in next(iter(clauses.values())) if all(each in others for others in clauses.values())]
    own = {name: "; ".join(each for each in mine if each not in shared) for name, mine in clauses.items()}
    return {"estimator": "; ".join(shared), **{f"estimator of {name}": text for name, text in own.items() if text}}


def common_claim(first: str, second: str) -> str:
    """What two claims say of a pair: the larger class; empty where one claims nothing or they are not related."""
    if not first or not second:
        return ""
    if includes(first, second):
        return first
    return second if includes(second, first) else ""


def against_claim(verdict: Verdict, claim: str) -> str | None:
    """What was found, held against what theory claims; None where it claims nothing."""
    if not claim:
        return None
    if any(rung == claim for rung in verdict.lowest):
        return "as claimed"
    if any(includes(claim, rung) for rung in verdict.lowest):
        return "more identified than claimed"
    return "less identified than claimed"


def meets(verdict: Verdict, rung: str) -> bool:
    """Whether a pair is identified up to `rung`, or up to a class within it."""
    return any(includes(rung, lowest) for lowest in verdict.lowest)


def _summary(grid: Grid) -> str:
    if grid.verdicts:
        found: dict[str, int] = {}
        for verdict in different(grid, grid.verdicts).values():
            lowest = " or ".join(verdict.lowest) or "no rung"
            found[lowest] = found.get(lowest, 0) + 1
        total = sum(found.values())
        if total == 1:
            return f"lowest rung: {next(iter(found))}"
        said = ", ".join(f"{rung} for {count}" for rung, count in sorted(found.items(), key=lambda each: -each[1]))
        return (
            f"lowest rung of {total} pair{'s' if total != 1 else ''}: {said}" if total else "one representation alone"
        )
    parts = []
    few = 2 if is_directed(grid) else 1
    count = 0
    for name, table in grid.scores.items():
        scores = different(grid, table)
        count = len(scores)
        values = [score.value for score in scores.values() if score.value == score.value]
        if count <= few:
            parts += [f"{_one_value(name, score)}{_way(grid, pair)}" for pair, score in scores.items()]
        elif values:
            parts.append(f"{name} {np.median(values):.4g} ({min(values):.4g} to {max(values):.4g})")
    over = "" if count <= few else f"median over {count} {'ordered ' if is_directed(grid) else ''}pairs: "
    return f"{over}{', '.join(parts)}" if parts else ""


def _way(grid: Grid, pair: Pair) -> str:
    return f" from {grid.labels[pair[0]]} to {grid.labels[pair[1]]}" if is_directed(grid) else ""


def _one_value(name: str, score: Score) -> str:
    if score.reason:
        return f"{name} has no value: {score.reason}"
    interval = score.interval
    return f"{name} {score.value:.4g}" + (f" ({interval.low:.4g} to {interval.high:.4g})" if interval else "")


def _scalars(grid: Grid) -> dict[str, float]:
    scalars = {}
    for name, table in grid.scores.items():
        values = np.asarray([score.value for score in different(grid, table).values()])
        if values.size and np.isfinite(values).any():
            scalars[f"{name} median"] = float(np.nanmedian(values))
    return scalars


def _warnings(grid: Grid) -> list[str]:
    said: dict[str, set[Pair]] = {}
    for table in grid.scores.values():
        for pair, score in different(grid, table).items():
            for text in (*score.warnings, *((score.reason,) if score.reason else ())):
                said.setdefault(text, set()).add(pair)
    for pair, verdict in different(grid, grid.verdicts).items():
        for text in verdict.warnings:
            said.setdefault(text, set()).add(pair)
    return [text if len(pairs) == 1 else f"{text} ({len(pairs)} pairs)" for text, pairs in said.items()]
