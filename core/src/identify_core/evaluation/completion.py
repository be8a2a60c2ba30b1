"""From what an evaluator found out to scores: what its record says and the sizes of its subject are filled in here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import attrs

from identify_core.components import Evaluator
from identify_core.evaluation.subjects import Subject
from identify_core.findings import Scored
from identify_core.scores import Measured, Score


def completed(result: Any, component: Evaluator, subject: Subject) -> Any:
    """The same with a `Score` for every number and every `Measured`; anything else is left as it is.

    Args:
        result: what the evaluator gave.
        component: its record.
        subject: what it looked at.
    """
    if isinstance(result, Scored):
        return attrs.evolve(result, scores=completed(result.scores, component, subject))
    if isinstance(result, Mapping):
        return {name: _score(each, str(name), component, subject) for name, each in result.items()}
    return _score(result, component.name, component, subject)


def _score(given: Any, name: str, component: Evaluator, subject: Subject) -> Any:
    if not isinstance(given, bool) and isinstance(given, Real):
        value = float(given)
        given = Measured(value, reason="the evaluator gave NaN" if math.isnan(value) else "")
    if not isinstance(given, Measured):
        return given
    low, high = component.bounds
    each = subject.representations
    kinds = dict.fromkeys(str(one.rows(0, 1).dtype) for one in each)
    score: Score = given.score(
        measure=name,
        larger_is=component.larger_is,
        bounds=(-math.inf if low is None else low, math.inf if high is None else high),
        is_metric=component.is_metric,
        invariant_to=component.invariant_to,
        n=each[0].shape[0],
        widths=tuple(one.shape[1] for one in each),
        dtype=" and ".join(kinds),
        estimator=component.summary,
    )
    return score
