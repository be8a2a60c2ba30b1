"""Whether one quantity varies less over models than another, with intervals over models rather than over items.

All items share the same models, so that a test that takes items for independent is far too sure. The jackknife and the
bootstrap leave out and draw models.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from identify_core import OptionsError
from identify_measures.stability.variation import checked, coefficient_of_variation

Array = np.ndarray[Any, Any]
_LEVEL = 0.95


@attrs.frozen(kw_only=True)
class CvDifference:
    """The mean coefficient of variation of one quantity less that of another.

    Args:
        value: negative where the first varies less.
        jackknife_error: standard error from leaving out one model at a time; NaN of two models.
        jackknife: interval of 95 %, value ± t error with M − 1 degrees of freedom.
        bootstrap: interval of 95 % from models drawn with replacement, percentiles.
    """

    value: float
    jackknife_error: float
    jackknife: tuple[float, float]
    bootstrap: tuple[float, float]


def cv_difference(first: Array, second: Array, *, draws: int = 2000, seed: int = 0) -> CvDifference:
    """Compare the mean coefficients of variation of two quantities of the same items in the same models.

    Args:
        first: (M, P).
        second: (M, P).
        draws: of the bootstrap; those that hold one model alone are drawn again.
        seed: of the bootstrap.

    Raises:
        OptionsError: the values are not matrices of one shape.
    """
    from scipy.stats import t

    a, b = _alike(first, second)
    models = len(a)

    def difference(rows: Array) -> float:
        return float(np.nanmean(coefficient_of_variation(a[rows])) - np.nanmean(coefficient_of_variation(b[rows])))

    value = difference(np.arange(models))
    error = float("nan")
    if models > 2:
        without = np.array([difference(np.delete(np.arange(models), row)) for row in range(models)])
        error = float(np.sqrt((models - 1) / models * ((without - without.mean()) ** 2).sum()))
    reach = float(t.ppf((1 + _LEVEL) / 2, models - 1)) * error
    generator = np.random.default_rng(seed)
    drawn: list[float] = []
    while len(drawn) < draws:
        rows = generator.integers(models, size=models)
        if len(np.unique(rows)) > 1:
            drawn.append(difference(rows))
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]) if drawn else (np.nan, np.nan)
    return CvDifference(
        value=value,
        jackknife_error=error,
        jackknife=(value - reach, value + reach),
        bootstrap=(float(low), float(high)),
    )


@attrs.frozen(kw_only=True)
class PairTests:
    """Tests that take items for independent, which they are not: every item has the same models.

    Args:
        t: statistic of the paired t test of the coefficients of variation.
        degrees: of freedom.
        two_sided: its p value.
        less: its p value against "the first varies less".
        greater: its p value against "the first varies more".
        wilcoxon_less: p value of the signed-rank test against "the first varies less".
    """

    t: float
    degrees: int
    two_sided: float
    less: float
    greater: float
    wilcoxon_less: float


def pair_tests(first: Array, second: Array) -> PairTests:
    """The study's paired t test three ways and Wilcoxon's test, of coefficients of variation item by item.

    Args:
        first: (M, P).
        second: (M, P).

    Raises:
        OptionsError: the values are not matrices of one shape, or there is one item.
    """
    from scipy.stats import t as student
    from scipy.stats import wilcoxon

    a, b = _alike(first, second)
    difference = coefficient_of_variation(a) - coefficient_of_variation(b)
    difference = difference[np.isfinite(difference)]
    count = len(difference)
    if count < 2:
        raise OptionsError(f"a paired test needs at least two items with a coefficient of variation, not {count}")
    spread = difference.std(ddof=1) / np.sqrt(count)
    statistic = float(difference.mean() / spread) if spread else float("nan")
    less, greater = float(student.cdf(statistic, count - 1)), float(student.sf(statistic, count - 1))
    signed = float(wilcoxon(difference, alternative="less").pvalue) if difference.any() else 1.0
    return PairTests(
        t=statistic,
        degrees=count - 1,
        two_sided=2 * min(less, greater),
        less=less,
        greater=greater,
        wilcoxon_less=signed,
    )


def _alike(first: Array, second: Array) -> tuple[Array, Array]:
    a, b = checked(first), checked(second)
    if a.shape != b.shape:
        raise OptionsError(
            f"the quantities are compared on the same items in the same models, but they are {a.shape} and {b.shape}"
        )
    return a, b
