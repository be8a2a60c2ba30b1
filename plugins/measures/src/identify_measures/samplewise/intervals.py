"""Intervals: the jackknife over blocks of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from identify_core.scores import Interval

LEVEL = 0.95


def jackknife(
    value: float,
    left_out: Sequence[float],
    bounds: tuple[float, float],
    *,
    blocks: str = "blocks of rows",
    kept: str = "",
) -> Interval | None:
    """An interval from the values without each block; None where one of them is not known.

    Args:
        value: from all rows.
        left_out: from all rows but those of each block.
        bounds: of the measure; the interval is cut there.
        blocks: what is left out, in words.
        kept: what was not computed anew without a block, in words.
    """
    values = np.asarray(left_out, dtype=np.float64)
    count = len(values)
    if count < 2 or not math.isfinite(value) or not np.isfinite(values).all():
        return None
    error = math.sqrt((count - 1) / count * float(np.square(values - values.mean()).sum()))
    width = error * float(stdtrit(count - 1, (1 + LEVEL) / 2))
    return Interval(
        low=max(bounds[0], value - width),
        high=min(bounds[1], value + width),
        level=LEVEL,
        method=f"jackknife over {count} {blocks}{f', {kept}' if kept else ''}",
    )
