"""Scores: a measure's value together with its static facts from the catalogue."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from identify_core import ByRole, Chance, Interval, Measured, Score
from identify_measures.catalogue import measure as find_measure


def score(
    measure: str,
    value: float,
    *,
    n: int,
    widths: Iterable[int],
    dtype: str,
    estimator: str,
    invariant_to: tuple[str, ...] | ByRole | None = None,
    ranks: Iterable[int] = (),
    interval: Interval | None = None,
    chance: Chance | None = None,
    warnings: Iterable[str] = (),
    reason: str = "",
) -> Score:
    """The score of a measure of the catalogue.

    A value that rounding alone carried over a bound is put onto it; NaN needs a reason.

    Args:
        measure: its name.
        value: the number.
        n: rows that it was computed from.
        widths: number of columns of each representation.
        dtype: floating-point type of the input, as `matrix.dtype` says it.
        estimator: the convention in words.
        invariant_to: where the options change what the catalogue says.
        ranks: numerical rank of each centred representation, where it was found.
        interval: a confidence interval.
        chance: what unrelated representations would give.
        warnings: what could mislead; a sentence that comes twice is kept once.
        reason: why the value is NaN.

    Raises:
        UsageError: there is no such measure.
    """
    facts = find_measure(measure)
    measured = Measured(
        value,
        ranks=tuple(ranks),
        interval=interval,
        chance=chance,
        invariant_to=invariant_to,
        warnings=tuple(warnings),
        reason=reason,
    )
    return measured.score(
        measure=measure,
        larger_is=facts.larger_is,
        bounds=facts.bounds,
        is_metric=facts.is_metric,
        invariant_to=facts.invariant_to,
        n=n,
        widths=tuple(widths),
        dtype=dtype,
        estimator=estimator,
    )


def drawn(values: Sequence[float], of: str = "pairings") -> Chance:
    """Chance as the mean of a measure over random pairings, or rotations, of the rows."""
    return Chance(
        mean=statistics.fmean(values),
        deviation=statistics.stdev(values) if len(values) > 1 else math.nan,
        method=f"{len(values)} random {of} of the rows",
    )
