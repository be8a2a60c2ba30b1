"""Evaluators of single representations over all of them, gathered in one finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from identify_core.contexts.context import Context
from identify_core.errors import Interrupted, PluginError
from identify_core.evaluation import targets
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.findings import Finding, LabelledArray, Scored, Table
from identify_core.scores import Score, say_invariance
from identify_core.spec import Chosen


@attrs.frozen(kw_only=True)
class Column:
    """What one evaluator gave to every representation.

    Args:
        chosen: the evaluator.
        labels: of the M representations.
        scores: name to one score a representation.
        arrays: of each representation, name to what its scores were read off.
    """

    chosen: Chosen
    labels: tuple[str, ...]
    scores: Mapping[str, tuple[Score, ...]]
    arrays: tuple[Mapping[str, LabelledArray], ...] = ()


def score_each(chosen: Chosen, representations: Sequence[Representation], context: Context) -> Column:
    """Run an evaluator of single representations on each.

    Raises:
        PluginError: the evaluator returned something else than a score or a mapping of scores.
        Interrupted: the user stopped it.
    """
    scores: dict[str, list[Score]] = {}
    arrays: list[Mapping[str, LabelledArray]] = []
    with context.progress(chosen.label, len(representations), "representations") as bar:
        for each in representations:
            if context.should_stop():
                raise Interrupted("stopped")
            try:
                result = targets.call_evaluator(chosen, Subject(representations=(each,)), context)
            except Exception as error:
                error.add_note(f"at {each.label}")
                raise
            arrays.append(result.arrays if isinstance(result, Scored) else {})
            scored = result.scores if isinstance(result, Scored) else result
            named = {chosen.label: scored} if isinstance(scored, Score) else scored
            if not isinstance(named, Mapping) or not all(isinstance(score, Score) for score in named.values()):
                raise PluginError(
                    f"{chosen.registered.qualified_name} gave {type(result).__name__} for a representation",
                    hint="it gives a number, Measured, a mapping of them, or Scored",
                )
            for name, score in named.items():
                scores.setdefault(name, []).append(score)
            bar.advance()
    return Column(
        chosen=chosen,
        labels=tuple(each.label for each in representations),
        scores={name: tuple(column) for name, column in scores.items()},
        arrays=tuple(arrays),
    )


def column_finding(column: Column) -> Finding:
    """A column as a finding: a value for each representation, a table, and the conventions in words."""
    rows = [
        (
            label,
            name,
            score.value,
            score.interval.low if score.interval else None,
            score.interval.high if score.interval else None,
            score.chance.mean if score.chance else None,
            score.n,
            "; ".join((score.reason, *score.warnings)).strip("; "),
        )
        for name, scores in column.scores.items()
        for label, score in zip(column.labels, scores, strict=True)
    ]
    table = Table(
        columns=("representation", "measure", "value", "low", "high", "chance", "rows", "remarks"),
        rows=rows,
        caption="Every representation, with its interval and what chance would give.",
    )
    values = {name: np.asarray([score.value for score in scores]) for name, scores in column.scores.items()}
    finite = {name: each[np.isfinite(each)] for name, each in values.items()}
    said = [
        f"{name} {np.median(each):.4g} ({each.min():.4g} to {each.max():.4g})"
        for name, each in finite.items()
        if each.size
    ]
    first = next(iter(column.scores.values()))[0]
    texts = {text for scores in column.scores.values() for score in scores for text in (*score.warnings, score.reason)}
    labels = LabelledArray(values=np.asarray(column.labels), dimensions=("representation",), summary="labels")
    return Finding(
        summary=f"median over {len(column.labels)} representations: {', '.join(said)}" if said else "",
        scalars={f"{name} median": float(np.median(each)) for name, each in finite.items() if each.size},
        tables={"representations": table},
        arrays={
            "labels": labels,
            **{name: LabelledArray(values=each, dimensions=("representation",)) for name, each in values.items()},
            **_together(column.arrays),
        },
        conventions={
            "estimator": first.estimator,
            "larger is": first.larger_is,
            "bounds": f"{first.bounds[0]:g} to {first.bounds[1]:g}",
            "invariant to": say_invariance(first.invariant_to),
        },
        warnings=sorted(text for text in texts if text),
    )


def _together(arrays: Sequence[Mapping[str, LabelledArray]]) -> dict[str, LabelledArray]:
    """Arrays of one name as one with a first axis of representations; numbered ones where their shapes differ."""
    found: dict[str, LabelledArray] = {}
    for name in dict.fromkeys(name for each in arrays for name in each):
        having = [(i, each[name]) for i, each in enumerate(arrays) if name in each]
        first = having[0][1]
        alike = all((a.values.shape, a.dimensions) == (first.values.shape, first.dimensions) for _, a in having)
        if alike and len(having) == len(arrays):
            values = np.stack([a.values for _, a in having])
            dimensions = ("representation", *first.dimensions)
            found[name] = LabelledArray(values=values, dimensions=dimensions, summary=first.summary)
        else:
            found |= {f"{name}-{i}": a for i, a in having}
    return found
