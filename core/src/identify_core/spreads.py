"""One number over repeats: its mean and the intervals of the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

LEVEL = 0.95
RESAMPLES = 10_000


@attrs.frozen(kw_only=True)
class Spread:
    """One number over repeats: the seeds of a setting, or the replicates of a run.

    Args:
        count: n, the repeats that have it.
        mean: of them.
        deviation: sample standard deviation, with n − 1; NaN of one.
        student: Student's interval of the mean; NaN of one.
        bootstrap: percentiles of the means of `RESAMPLES` resamples, drawn with a fixed seed; NaN of one.
    """

    count: int
    mean: float
    deviation: float
    student: tuple[float, float]
    bootstrap: tuple[float, float]

    @classmethod
    def of(cls, numbers: Sequence[float], level: float = LEVEL) -> Spread:
        """From at least one finite number."""
        import numpy as np

        values = np.asarray(numbers, dtype=np.float64)
        n, mean = len(values), float(values.mean())
        if n == 1:
            nothing = (math.nan, math.nan)
            return cls(count=1, mean=mean, deviation=math.nan, student=nothing, bootstrap=nothing)
        deviation = float(values.std(ddof=1))
        reach = student_quantile(level, n - 1) * deviation / math.sqrt(n)
        drawn = np.random.default_rng(0).integers(0, n, size=(RESAMPLES, n))
        low, high = np.quantile(values[drawn].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
        return cls(
            count=n,
            mean=mean,
            deviation=deviation,
            student=(mean - reach, mean + reach),
            bootstrap=(float(low), float(high)),
        )

    def in_words(self, over: str = "replicates") -> str:
        """The mean with Student's interval, such as `0.374 (95 % over 3 replicates 0.35 to 0.398)`.

        Args:
            over: what the repeats are, several of them.

        Example:
            >>> from identify_core import Spread
            >>> Spread.of([0.36, 0.37, 0.392]).in_words()
            '0.374 (95 % over 3 replicates 0.333 to 0.415)'
            >>> Spread.of([0.36]).in_words()
            '0.36'
        """
        if self.count == 1:
            return f"{self.mean:.3g}"
        low, high = self.student
        return f"{self.mean:.3g} ({100 * LEVEL:.0f} % over {self.count} {over} {low:.3g} to {high:.3g})"


def student_quantile(level: float, freedom: int) -> float:
    """The t with P(|T| ≤ t) = level for a whole number of degrees of freedom, by bisection.

    Source: Abramowitz & Stegun (1964), 26.7.3 and 26.7.4, finite sums in cos θ with θ = arctan(t / √ν).
    """
    low, high = 0.0, 1.0
    while _within(high, freedom) < level:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """P(|T| ≤ t)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
