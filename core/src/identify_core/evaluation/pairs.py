"""Pair evaluators over all pairs: what belongs to one representation once, then the pairs, gathered in one finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.errors import Interrupted, PluginError
from identify_core.evaluation import targets
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.findings import Finding, LabelledArray, Table
from identify_core.rungs import includes
from identify_core.scores import Score, Verdict
from identify_core.spec import Chosen

Pair = tuple[int, int]


class Preparations:
    """What evaluators prepare from all representations, made once for all evaluators that name the same function."""

    def __init__(self, representations: Sequence[Representation]) -> None:
        self.representations = tuple(representations)
        self._made: dict[str, Any] = {}
        self._failed: dict[str, Exception] = {}

    def of(self, chosen: Chosen, context: Context) -> Any:
        """The preparation of one evaluator; None where it needs none."""
        component = chosen.registered.component
        if not component.prepare:
            return None
        if component.prepare in self._failed:  # it would fail again, after as much work
            raise self._failed[component.prepare]
        if component.prepare not in self._made:
            try:
                self._made[component.prepare] = targets.prepare(chosen, self.representations, context)
            except Interrupted:
                raise
            except Exception as error:
                self._failed[component.prepare] = error
                raise
        return self._made[component.prepare]


@attrs.frozen(kw_only=True)
class Grid:
    """What one pair evaluator gave to every pair.

    Args:
        chosen: the evaluator.
        labels: of the M representations.
        claims: the rung that theory claims for each; empty where it claims nothing.
        scores: name to pair to score; the name is the evaluator's label where it gives one score a pair.
        verdicts: pair to verdict, for a ladder.
    """

    chosen: Chosen
    labels: tuple[str, ...]
    claims: tuple[str, ...]
    scores: Mapping[str, Mapping[Pair, Score]]
    verdicts: Mapping[Pair, Verdict]


@attrs.frozen(kw_only=True)
class Member:
    """What a picture needs to know of one representation of a comparison.

    Args:
        group: the run or file that it belongs to.
        latents: the name of its latents.
        width: its number of latents, d.
    """

    group: str
    latents: str
    width: int


def score_pairs(chosen: Chosen, preparations: Preparations, context: Context) -> Grid:
    """Run a pair evaluator over every pair, each representation with itself included as a control.

    Raises:
        PluginError: the evaluator returned something else than scores or a verdict.
        Interrupted: the user stopped it.
    """
    component = chosen.registered.component
    assert isinstance(component, Evaluator)
    representations = preparations.representations
    prepared = preparations.of(chosen, context)
    count = len(representations)
    pairs = [(i, j) for i in range(count) for j in range(count) if i <= j or not component.symmetric]
    scores: dict[str, dict[Pair, Score]] = {}
    verdicts: dict[Pair, Verdict] = {}
    with context.progress(chosen.label, len(pairs), "pairs") as bar:
        for i, j in pairs:
            if context.should_stop():
                raise Interrupted("stopped", hint="the comparison was not stored")
            subject = Subject(
                representations=(representations[i], representations[j]), prepared=prepared, indices=(i, j)
            )
            try:
                result = targets.call_evaluator(chosen, subject, context)
            except Exception as error:
                error.add_note(f"at {representations[i].label} and {representations[j].label}")
                raise
            if isinstance(result, Verdict):
                verdicts[i, j] = result
                for rung, score in result.residuals.items():
                    scores.setdefault(rung, {})[i, j] = score
            elif isinstance(result, Score):
                scores.setdefault(chosen.label, {})[i, j] = result
            elif isinstance(result, Mapping) and all(isinstance(each, Score) for each in result.values()):
                for name, score in result.items():
                    scores.setdefault(name, {})[i, j] = score
            else:
                raise PluginError(
                    f"{chosen.registered.qualified_name} gave {type(result).__name__} for a pair",
                    hint="a pair evaluator gives a Score, a mapping of Scores, or a Verdict",
                )
            bar.advance()
    if component.symmetric:
        for table in scores.values():
            table.update({(j, i): score for (i, j), score in table.items()})
        verdicts.update({(j, i): verdict for (i, j), verdict in verdicts.items()})
    return Grid(
        chosen=chosen,
        labels=tuple(each.label for each in representations),
        claims=tuple(each.identified_up_to for each in representations),
        scores=scores,
        verdicts=verdicts,
    )


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
        "invariant to": ", ".join(first.invariant_to) or "nothing",
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


def off_diagonal(grid: Grid, name: str) -> list[Score]:
    """The scores of the pairs of different representations: each pair once where the measure is symmetric."""
    component = grid.chosen.registered.component
    symmetric = isinstance(component, Evaluator) and component.symmetric
    return [score for (i, j), score in sorted(grid.scores[name].items()) if i < j or (i > j and not symmetric)]


def _matrix(grid: Grid, table: Mapping[Pair, Score], read: Any, summary: str) -> LabelledArray:
    count = len(grid.labels)
    values = np.full((count, count), np.nan)
    for (i, j), score in table.items():
        values[i, j] = read(score)
    return LabelledArray(values=values, dimensions=("representation", "other"), summary=summary)


def _table(grid: Grid) -> Table:
    rows = []
    for name, table in grid.scores.items():
        for (i, j), score in sorted(table.items()):
            if i == j or (i > j and _symmetric(grid)):
                continue
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
        columns=("representation", "other", "measure", "value", "low", "high", "chance", "rows", "remarks"),
        rows=rows,
        caption="Every pair, with its interval and what unrelated representations of these sizes would give.",
    )


def _ladder_table(grid: Grid) -> Table:
    rows = []
    for (i, j), verdict in sorted(grid.verdicts.items()):
        if i < j or (i > j and not _symmetric(grid)):
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
        columns=("representation", "other", "lowest rung", "claimed", "found", "tolerance", "remarks"),
        rows=rows,
        caption="The smallest class of maps that carries one representation onto the other, judged on held-out rows.",
    )


def _directions_table(grid: Grid) -> Table:
    rows = []
    for (i, j), verdict in sorted(grid.verdicts.items()):
        if i < j or (i > j and not _symmetric(grid)):
            for rung in verdict.residuals:
                sides = (verdict.directions.get(side, {}).get(rung) for side in ("forward", "backward"))
                controls = (verdict.controls.get(name, {}).get(rung) for name in ("identity", "shuffled"))
                values = (None if score is None else score.value for score in (*sides, *controls))
                rows.append((grid.labels[i], grid.labels[j], rung, *values))
    return Table(
        columns=("representation", "other", "rung", "there", "back", "with itself", "rows shuffled"),
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


def _symmetric(grid: Grid) -> bool:
    component = grid.chosen.registered.component
    return isinstance(component, Evaluator) and component.symmetric


def _summary(grid: Grid) -> str:
    if grid.verdicts:
        found: dict[str, int] = {}
        for (i, j), verdict in grid.verdicts.items():
            if i < j or (i > j and not _symmetric(grid)):
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
    for name in grid.scores:
        scores = off_diagonal(grid, name)
        values = [score.value for score in scores if score.value == score.value]
        if len(scores) == 1:
            parts.append(_one_value(name, scores[0]))
        elif values:
            parts.append(f"{name} {np.median(values):.4g} ({min(values):.4g} to {max(values):.4g})")
    count = len(off_diagonal(grid, next(iter(grid.scores))))
    over = "" if count == 1 else f"median over {count} pairs: "
    return f"{over}{', '.join(parts)}" if parts else ""


def _one_value(name: str, score: Score) -> str:
    if score.reason:
        return f"{name} has no value: {score.reason}"
    interval = score.interval
    return f"{name} {score.value:.4g}" + (f" ({interval.low:.4g} to {interval.high:.4g})" if interval else "")


def _scalars(grid: Grid) -> dict[str, float]:
    scalars = {}
    for name in grid.scores:
        values = np.asarray([score.value for score in off_diagonal(grid, name)])
        if values.size and np.isfinite(values).any():
            scalars[f"{name} median"] = float(np.nanmedian(values))
    return scalars


def _warnings(grid: Grid) -> list[str]:
    counted: dict[str, int] = {}
    for table in grid.scores.values():
        for (i, j), score in table.items():
            if i < j or (i > j and not _symmetric(grid)):
                for text in (*score.warnings, *((score.reason,) if score.reason else ())):
                    counted[text] = counted.get(text, 0) + 1
    for pair, verdict in grid.verdicts.items():
        if pair[0] < pair[1]:
            for text in verdict.warnings:
                counted[text] = counted.get(text, 0) + 1
    return [text if count == 1 else f"{text} ({count} pairs)" for text, count in counted.items()]
