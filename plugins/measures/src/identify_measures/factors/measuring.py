"""Measuring: a formula's values become scores, with intervals, chance levels and reasons."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from identify_core import Chance, Interval, LabelledArray, Scored
from identify_measures.catalogue import measure as find_measure
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor
from identify_measures.options.factors import FactorOptions
from identify_measures.scoring import score

LEVEL = 0.95
Generator = np.random.Generator


class Undefined(Exception):  # noqa: N818 - it is not an error: the score says why it is NaN
    """A value does not exist for these data; the message says why."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a formula gives.

    Args:
        values: measure to its value; NaN comes with a reason.
        reasons: measure to the reason why it is NaN.
        notes: what could mislead.
        details: numbers of single factors, in words, for the estimator.
        arrays: what the values were read off.
        remarks: finds what else could mislead; called for the data themselves, not for every draw of them.
    """

    values: Mapping[str, float]
    reasons: Mapping[str, str] = attrs.field(factory=dict)
    notes: Sequence[str] = ()
    details: str = ""
    arrays: Mapping[str, LabelledArray] = attrs.field(factory=dict)
    remarks: Callable[[], Sequence[str]] = list


@attrs.frozen(kw_only=True)
class Formula:
    """One measure, or several that share their work.

    Args:
        names: of the measures that it gives.
        value: called with the study, the options and a generator; it may raise `Undefined`.
        estimator: the convention in words.
        invariant_to: measure to the largest rungs under which it does not change, where that depends on the data.
        halves: whether, with these options, an interval comes from halves of the rows, because resamples repeat rows
            and the measure would take equal rows for neighbours.
    """

    names: tuple[str, ...]
    value: Callable[[Study, Any, Generator], Outcome]
    estimator: Callable[[Study, Any], str]
    invariant_to: Callable[[Study, Any], Mapping[str, tuple[str, ...]]] = lambda study, options: {}
    halves: Callable[[Any], bool] = lambda options: False


def evaluate(formula: Formula, study: Study, options: FactorOptions, *, seed: int) -> Scored:
    """The scores of one representation, by measure, and the arrays behind them.

    Args:
        formula: the measures.
        study: latents and factors.
        options: the measures' own.
        seed: of everything that is drawn.
    """
    first, *later = np.random.SeedSequence(seed).spawn(1 + options.chance_draws + options.interval_draws)
    found = _outcome(formula, study, options, np.random.default_rng(first))
    again = [np.random.default_rng(each) for each in later]
    shuffled = [_outcome(formula, study.shuffled(g), options, g) for g in again[: options.chance_draws]]
    halves = formula.halves(options)
    drawn = Study.halved if halves else Study.resampled
    resampled = [_outcome(formula, drawn(study, g), options, g) for g in again[options.chance_draws :]]
    method = "halves of the distinct rows" if halves else "resamples of the distinct rows"
    remarks = found.remarks()
    invariant_to = formula.invariant_to(study, options)
    scores = {}
    for name in formula.names:
        value = found.values[name]
        notes = [*study.notes, *found.notes, *remarks]
        interval = chance = None
        if not math.isnan(value):
            chance = _chance([each.values[name] for each in shuffled])
            interval = _interval(value, [each.values[name] for each in resampled], find_measure(name).bounds, method)
            lost = sum(math.isnan(each.values[name]) for each in (*shuffled, *resampled))
            notes += [f"{lost} draws for chance or the interval gave no value"] if lost else []
        scores[name] = score(
            name,
            value,
            n=study.distinct,
            widths=(study.width,),
            dtype=study.dtype,
            estimator="; ".join(filter(None, (formula.estimator(study, options), found.details, study.read))),
            invariant_to=invariant_to.get(name),
            interval=interval,
            chance=chance,
            warnings=notes,
            reason=found.reasons.get(name, ""),
        )
    return Scored(scores=scores, arrays=found.arrays)


def _outcome(formula: Formula, study: Study, options: FactorOptions, generator: Generator) -> Outcome:
    try:
        if not study.truth:
            raise Undefined("no factor has more than one value")
        return formula.value(study, options, generator)
    except Undefined as undefined:
        names = formula.names
        return Outcome(values=dict.fromkeys(names, math.nan), reasons=dict.fromkeys(names, str(undefined)))


def _chance(values: list[float]) -> Chance | None:
    kept = [value for value in values if not math.isnan(value)]
    if not kept:
        return None
    deviation = float(np.std(kept, ddof=1)) if len(kept) > 1 else math.nan
    return Chance(mean=float(np.mean(kept)), deviation=deviation, method=f"{len(kept)} random pairings of rows")


def _interval(value: float, values: list[float], bounds: tuple[float, float], of: str) -> Interval | None:
    kept = [each for each in values if not math.isnan(each)]
    if len(kept) < 2:
        return None
    # A resample repeats rows, which shifts information upwards and held-out accuracy downwards: the basic bootstrap
    # takes the distribution of the difference to the value, so that the shift does not move the interval the same way.
    # Half of the rows, drawn without replacement, differ from the whole as the whole differs from all there could be:
    # the variance is (2/n − 1/n) of one row's (Politis, Romano & Wolf 1999, section 2).
    low, high = np.quantile(kept, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(
        low=max(float(2 * value - high), bounds[0]),
        high=min(float(2 * value - low), bounds[1]),
        level=LEVEL,
        method=f"basic bootstrap over {len(kept)} {of}",
    )


def top_two_gap(scores: Array) -> Array:
    """The largest less the second largest of each column, shape (d, F) to (F,); with one row, the second is 0."""
    if scores.shape[0] == 1:
        only: Array = scores[0]
        return only
    ordered = np.partition(scores, scores.shape[0] - 2, axis=0)
    gap: Array = ordered[-1] - ordered[-2]
    return gap


def fittable(study: Study) -> tuple[list[TrueFactor], list[str]]:
    """The factors that vary among the rows to fit on, and a note on each of the others.

    Raises:
        Undefined: none varies, or there are too few distinct rows.
    """
    if study.not_split:
        raise Undefined(study.not_split)
    kept = [factor for factor in study.truth if factor.take(study.train).varies]
    if not kept:
        raise Undefined("no factor has more than one value among the rows to fit on")
    left_out = [factor.name for factor in study.truth if factor not in kept]
    return kept, [f"left out, because the rows to fit on have one value: {name}" for name in left_out]
