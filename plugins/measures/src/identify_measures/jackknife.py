"""The one jackknife: an interval from what a measure gives without each block of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from identify_core import Interval

LEVEL = 0.95


def jackknife(
    value: float,
    left_out: Sequence[float],
    bounds: tuple[float, float],
    *,
    blocks: str = "random blocks of rows",
    kept: str = "",
) -> Interval | None:
    """An interval from the values without each block; None where one of them is not known.

    The standard error is √((B − 1) / B Σ (v_b − mean v)²), and the interval reaches as many of them to either side as
    Student's t with B − 1 degrees of freedom says.

    Args:
        value: from all rows.
        left_out: from all rows but those of each of the B blocks.
        bounds: of the measure; the interval is cut there.
        blocks: what is left out, in words.
        kept: what was not computed again without a block, in words.

    Source: Quenouille 1956, Biometrika 43; Efron & Tibshirani, An introduction to the bootstrap, 1993, chapter 11.
    """
    count = len(left_out)
    reach = half_width(left_out)
    if not math.isfinite(value) or not math.isfinite(reach):
        return None
    return Interval(
        low=max(bounds[0], value - reach),
        high=min(bounds[1], value + reach),
        level=LEVEL,
        method=f"jackknife over {count} {blocks}{f', {kept}' if kept else ''}",
    )


def half_width(left_out: Sequence[float], level: float = LEVEL) -> float:
    """How far the interval reaches to either side; NaN where a value is not known or there is only one.

    Args:
        left_out: the values without each block.
        level: coverage of the interval.
    """
    values = np.asarray(left_out, dtype=np.float64)
    count = len(values)
    if count < 2 or not np.isfinite(values).all():
        return math.nan
    error = math.sqrt((count - 1) / count * float(np.square(values - values.mean()).sum()))
    return error * float(stdtrit(count - 1, (1 + level) / 2))
