"""Score: one number that a measure gives to a representation or a pair, with all that is needed to read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, SupportsFloat

import attrs

from identify_core.kinds import fits

Direction = Literal["more similar", "more distant", "better", "worse", "neither"]
"""What a larger value means."""
Role = Literal["source", "target"]
"""Which of the two representations of a directed pair: the map goes from the source to the target."""
Number = SupportsFloat

_ROUNDING = 1e-9  # how far rounding alone may carry a value over a bound


@attrs.frozen(kw_only=True)
class ByRole:
    """What a directed measure is invariant to, by which of the two representations is transformed.

    Args:
        source: names of the largest rungs for the first representation, from which the measure goes.
        target: those for the second, towards which it goes.
    """

    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()


Invariance = tuple[str, ...] | ByRole
"""The largest rungs under which a value does not change; by role where they differ."""


def invariance_of(invariance: Invariance, role: Role) -> tuple[str, ...]:
    """The largest rungs under which a value does not change when the representation of this role is transformed."""
    if not isinstance(invariance, ByRole):
        return invariance
    return invariance.source if role == "source" else invariance.target


def say_invariance(invariance: Invariance) -> str:
    """In words: `orthogonal`, or for a directed measure `source affine; target similarity`."""
    if not isinstance(invariance, ByRole):
        return ", ".join(invariance) or "nothing"
    sides = {"source": invariance.source, "target": invariance.target}
    return "; ".join(f"{role} {', '.join(rungs) or 'nothing'}" for role, rungs in sides.items())


@attrs.frozen(kw_only=True)
class Interval:
    """A confidence interval.

    Args:
        low: lower end.
        high: upper end.
        level: coverage, such as 0.95.
        method: how it was found, such as `jackknife over 20 blocks of rows`.
    """

    low: float
    high: float
    level: float
    method: str


@attrs.frozen(kw_only=True)
class Chance:
    """What the measure gives to unrelated representations of the same sizes.

    Args:
        mean: expected value under a random pairing of rows.
        deviation: standard deviation under it; NaN where it is not known.
        method: `closed form`, or how many permutations.
    """

    mean: float
    deviation: float = math.nan
    method: str = "closed form"


@attrs.frozen(kw_only=True, eq=False)
class Score:
    """A value and how to read it; it is formatted, rounded, compared and averaged as its value is.

    Two scores are equal where all of them is; a score and a number where the value is that number. `statistics.fmean`,
    `statistics.median` and `numpy.mean` take scores; `statistics.mean` does not, because it makes its answer with the
    class of what it averages, and a mean of scores is a plain number.

    Example:
        >>> score = Score(measure="linear-cka", value=0.91234, larger_is="more similar", bounds=(0.0, 1.0),
        ...               is_metric=False, invariant_to=("similarity",), n=100, widths=(2, 2), estimator="biased",
        ...               dtype="float64")
        >>> f"{score:.2f}", round(score, 3), score > 0.9, (score + score) / 2
        ('0.91', 0.912, True, 0.91234)
        >>> from statistics import fmean, median
        >>> fmean([score, 0.5]), median([score, 0.5, 0.6])
        (0.70617, 0.6)

    Args:
        measure: the measure's name, such as `linear-cka`.
        value: the number; NaN comes with its `reason`.
        larger_is: what a larger value means.
        bounds: smallest and largest possible value; infinite where there is none.
        is_metric: whether it satisfies the triangle inequality on the classes that it compares.
        invariant_to: names of the largest rungs under which it does not change; `ByRole` for a directed measure where
            they differ between source and target.
        n: rows that it was computed from.
        widths: number of columns of each representation.
        ranks: numerical rank of each centred representation; empty where it was not needed.
        dtype: floating-point type of the input.
        estimator: the convention in words: normalisation, bias correction, which half was fitted on.
        interval: a confidence interval, where one was asked for.
        chance: what unrelated representations would give, where it is known or was asked for.
        warnings: what could mislead.
        reason: why the value is NaN; empty otherwise.
    """

    measure: str
    value: float
    larger_is: Direction = attrs.field(validator=fits(Direction))
    bounds: tuple[float, float]
    is_metric: bool
    invariant_to: Invariance
    n: int
    widths: tuple[int, ...]
    estimator: str
    dtype: str
    ranks: tuple[int, ...] = ()
    interval: Interval | None = None
    chance: Chance | None = None
    warnings: tuple[str, ...] = ()
    reason: str = ""

    def __attrs_post_init__(self) -> None:
        if math.isnan(self.value) != bool(self.reason):
            raise ValueError(f"{self.measure}: a NaN comes with its reason, and only a NaN does")

    def __float__(self) -> float:
        return self.value

    def __format__(self, how: str) -> str:
        return format(self.value, how) if how else str(self)

    def __round__(self, digits: int | None = None) -> float:
        return round(self.value, digits)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Score):
            return attrs.astuple(self, recurse=False) == attrs.astuple(other, recurse=False)
        return self.value == other if isinstance(other, (int, float)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Number) -> bool:
        return self.value < float(other)

    def __le__(self, other: Number) -> bool:
        return self.value <= float(other)

    def __gt__(self, other: Number) -> bool:
        return self.value > float(other)

    def __ge__(self, other: Number) -> bool:
        return self.value >= float(other)

    def __add__(self, other: Number) -> float:
        return self.value + float(other)

    def __sub__(self, other: Number) -> float:
        return self.value - float(other)

    def __rsub__(self, other: Number) -> float:
        return float(other) - self.value

    def __mul__(self, other: Number) -> float:
        return self.value * float(other)

    def __truediv__(self, other: Number) -> float:
        return self.value / float(other)

    def __neg__(self) -> float:
        return -self.value

    def __abs__(self) -> float:
        return abs(self.value)

    __radd__ = __add__
    __rmul__ = __mul__


@attrs.frozen
class Measured:
    """What an evaluator finds out itself; the core makes a `Score` of it with what the evaluator's record says.

    Args:
        value: the number; NaN comes with its `reason`.
        n: rows that it was computed from; None for all rows of the representation.
        estimator: the convention in words, where options change it; empty for the record's summary.
        ranks: as in `Score`.
        interval: a confidence interval, where one was asked for.
        chance: what unrelated representations would give, where it is known.
        invariant_to: where the options change what the record says; None otherwise.
        warnings: what could mislead; a sentence that comes twice is kept once.
        reason: why the value is NaN; empty otherwise.
    """

    value: float
    n: int | None = attrs.field(default=None, kw_only=True)
    estimator: str = attrs.field(default="", kw_only=True)
    ranks: tuple[int, ...] = attrs.field(default=(), kw_only=True)
    interval: Interval | None = attrs.field(default=None, kw_only=True)
    chance: Chance | None = attrs.field(default=None, kw_only=True)
    invariant_to: Invariance | None = attrs.field(default=None, kw_only=True)
    warnings: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    reason: str = attrs.field(default="", kw_only=True)

    def score(
        self,
        *,
        measure: str,
        larger_is: Direction,
        bounds: tuple[float, float],
        is_metric: bool,
        invariant_to: Invariance,
        n: int,
        widths: tuple[int, ...],
        dtype: str,
        estimator: str = "",
    ) -> Score:
        """The score with the facts of its measure and the sizes of what was measured.

        A value that rounding alone carried over a bound is put onto it. Arguments are the fields of `Score`; what was
        measured says `n`, `estimator` or `invariant_to` itself where it differs.
        """
        return Score(
            measure=measure,
            value=_within(float(self.value), bounds),
            larger_is=larger_is,
            bounds=bounds,
            is_metric=is_metric,
            invariant_to=invariant_to if self.invariant_to is None else self.invariant_to,
            n=n if self.n is None else self.n,
            widths=widths,
            estimator=self.estimator or estimator,
            dtype=dtype,
            ranks=self.ranks,
            interval=self.interval,
            chance=self.chance,
            warnings=tuple(dict.fromkeys(self.warnings)),
            reason=self.reason,
        )


def _within(value: float, bounds: tuple[float, float]) -> float:
    low, high = bounds
    if math.isfinite(low) and low - _ROUNDING <= value < low:
        return low
    if math.isfinite(high) and high < value <= high + _ROUNDING:
        return high
    return value


@attrs.frozen(kw_only=True)
class Verdict:
    """How far up the equivalence ladder one has to go to carry one representation onto another.

    Args:
        residuals: rung name to the held-out residual 1 − R² of the best map of that rung, as a score.
        tolerance: the residual up to which a rung passes.
        lowest: the lowest rungs that pass: none of them includes another; empty where no rung passes.
        controls: name to residuals of the same fits on a control, such as shuffled rows.
        directions: `forward` and `backward` to the residuals of the maps from the first representation to the second
            and back; an equivalence needs both, so that `residuals` has the worse of the two.
        left_out: rung to the reason why it was not fitted.
        warnings: what could mislead.
    """

    residuals: Mapping[str, Score]
    tolerance: float
    lowest: tuple[str, ...]
    controls: Mapping[str, Mapping[str, Score]] = attrs.field(factory=dict)
    warnings: tuple[str, ...] = ()
    directions: Mapping[str, Mapping[str, Score]] = attrs.field(factory=dict)
    left_out: Mapping[str, str] = attrs.field(factory=dict)
