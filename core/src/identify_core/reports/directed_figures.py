"""The picture of a directed measure: there against back, and how much source and target alone explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from identify_core.findings import Figure
from identify_core.reports.figures import INK, MUTED, PALETTE, house_style, new_figure

Matrix = np.ndarray[Any, Any]


def explained(matrix: Matrix) -> tuple[float, float]:
    """Which part of the variance of the ordered pairs the means of each source explain, and those of each target.

    A measure that only says how hard a target is to reach has 1 for the target: it says nothing of the pair.

    Args:
        matrix: (M, M), source by target; the diagonal does not count, pairs without a value neither.

    Returns:
        Two numbers between 0 and 1; NaN where all values are equal.
    """
    values = np.where(np.eye(len(matrix), dtype=bool) | ~np.isfinite(matrix), np.nan, matrix)
    known = np.isfinite(values)
    mean = values[known].mean() if known.any() else np.nan
    total = float(np.square(values[known] - mean).sum())
    if not total > 0:
        return np.nan, np.nan

    def part(axis: int) -> float:
        counts = known.sum(axis)
        sums = np.where(known, values, 0.0).sum(axis)
        means = np.divide(sums, counts, out=np.full(len(counts), mean), where=counts > 0)
        return float((counts * np.square(means - mean)).sum()) / total

    return part(1), part(0)


def _short(label: str) -> str:
    return label.rpartition(":")[2]


def draw_ways(matrix: Matrix, labels: Sequence[str], title: str, suffix: str) -> Figure:
    """Each pair once: its value there against its value back, a pair on the diagonal where direction does not matter.

    Args:
        matrix: (M, M), source by target.
        labels: of the M representations.
        title: what the numbers are.
        suffix: of the figure's name.
    """
    first, second = np.triu_indices(len(matrix), 1)
    there, back = matrix[first, second], matrix[second, first]
    finite = np.isfinite(there) & np.isfinite(back)
    there, back = there[finite], back[finite]
    of_source, of_target = explained(matrix)
    with house_style():
        figure, axes = new_figure(width=5.2, height=4.8)
        if there.size:
            ends = min(there.min(), back.min()), max(there.max(), back.max())
            axes.plot(ends, ends, color=MUTED, linewidth=1, zorder=1)
        axes.scatter(there, back, s=30, color=PALETTE[0], edgecolor="white", linewidth=0.6, zorder=3)
        if len(labels) <= 6:
            for x, y, i, j in zip(there, back, first[finite], second[finite], strict=True):
                axes.annotate(
                    f"{_short(labels[i])}, {_short(labels[j])}",
                    (x, y),
                    xytext=(4, 3),
                    textcoords="offset points",
                    fontsize=7,
                    color=INK,
                )
        axes.set_xlabel("from the first to the second")
        axes.set_ylabel("from the second to the first")
        axes.set_title(f"{title}: there and back")
    said = (
        ""
        if np.isnan(of_source)
        else f" The source alone explains {of_source:.0%} of their variance, the target alone {of_target:.0%}."
    )
    return Figure(
        name=f"directions{suffix}",
        caption=f"{title} of each of {len(there)} pairs, one way against the other; on the line both are equal.{said}",
        static=figure,
    )
