"""How measures grow: the work at one size against four times fewer rows or columns, scaled as theory says.

The small size is the baseline, timed on that part of the work which theory says it is. A ratio of one means that the
measure grows as theory says, a larger one that it grows less: fixed costs are shared by more rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import attrs
import numpy as np
from benchmarks.case import Case
from benchmarks.measures_pairs import made

from identify_core import Score
from identify_measures import cca, distance_correlation, linear_cka, mutual_knn, pearson_mcc, procrustes_angular, rsa

FACTOR = 4


@attrs.frozen
class Growth:
    """One measure over one kind of size.

    Args:
        name: with its parameters.
        measure: of two arrays.
        small: rows and columns to begin with.
        over: `rows` or `columns`, of which the large case has four times as many.
        work: how many times the work is there, by theory.
        theory: that in words.
    """

    name: str
    measure: Callable[..., Score]
    small: tuple[int, int]
    over: str
    work: float
    theory: str

    def large(self) -> tuple[int, int]:
        """Rows and columns in the end."""
        rows, columns = self.small
        return (FACTOR * rows, columns) if self.over == "rows" else (rows, FACTOR * columns)


ROWS = (
    Growth("linear CKA", linear_cka, (32_000, 64), "rows", 4.0, "n"),
    Growth("linear CKA", linear_cka, (128_000, 64), "rows", 4.0, "n"),
    Growth("Procrustes angle", procrustes_angular, (32_000, 64), "rows", 4.0, "n"),
    Growth("CCA", cca, (32_000, 64), "rows", 4.0, "n"),
    Growth("Pearson MCC", pearson_mcc, (32_000, 64), "rows", 4.0, "n"),
    Growth("mutual nearest neighbours", mutual_knn, (2_000, 64), "rows", 16.0, "n²"),
    Growth("distance correlation", distance_correlation, (1_000, 64), "rows", 16.0, "n²"),
    Growth("RSA", rsa, (2_400, 64), "rows", 16.0, "n²"),
    Growth(
        "RSA, Kendall, all pairs",
        partial(rsa, comparison="kendall"),
        (700, 64),
        "rows",
        16 * np.log(16 * 244_650) / np.log(244_650),
        "N log N of the N = n (n − 1) / 2 pairs",
    ),
    Growth("linear CKA", linear_cka, (8_000, 64), "columns", 16.0, "d²"),
    Growth("linear CKA", linear_cka, (8_000, 256), "columns", 16.0, "d²"),
    Growth("Procrustes angle", procrustes_angular, (8_000, 64), "columns", 16.0, "n d² + d³"),
    Growth("CCA", cca, (8_000, 64), "columns", 16.0, "n d² + d³"),
)


def both_are_finite(ours: Score, theirs: Score) -> None:
    """Two sizes have two values; there is nothing to be equal."""
    assert np.isfinite([ours.value, theirs.value]).all()


def said(growth: Growth) -> str:
    """What grows from where to where."""
    place = 0 if growth.over == "rows" else 1
    (rows, columns), letter = growth.small, "nd"[place]
    fixed = f"d {columns}" if letter == "n" else f"n {rows:,}"
    return f"{growth.name}, {letter} {growth.small[place]:,} to {growth.large()[place]:,}, {fixed}"


def cases() -> Iterable[Case]:
    """Every measure over its rows or its columns."""
    for growth in ROWS:
        small, large = (made(*size, "float32") for size in (growth.small, growth.large()))

        def run(given: tuple[Any, Any], measure: Callable[..., Score] = growth.measure) -> Score:
            return measure(*given)

        yield Case(
            name=said(growth),
            baseline_name="a quarter of them",
            ours=partial(run, large),
            baseline=partial(run, small),
            expected=None,
            agree=both_are_finite,
            baseline_fraction=1 / growth.work,
            repeats=3,
            note=f"theory: {growth.theory}",
        )
