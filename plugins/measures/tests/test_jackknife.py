"""The jackknife: one interval for every family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit

import identify_measures as measures
from identify_measures.inputs import InputError
from identify_measures.jackknife import half_width, jackknife


def test_of_a_mean_it_is_students_interval() -> None:
    rows = np.random.default_rng(0).normal(size=20)
    left = [(rows.sum() - each) / 19 for each in rows]
    interval = jackknife(float(rows.mean()), left, (-math.inf, math.inf))
    assert interval is not None
    half = stdtrit(19, 0.975) * rows.std(ddof=1) / math.sqrt(20)
    assert interval.high - interval.low == pytest.approx(2 * half)
    assert interval.method == "jackknife over 20 random blocks of rows"


def test_where_a_value_is_not_known_there_is_none() -> None:
    assert jackknife(0.5, [0.4], (0, 1)) is None
    assert jackknife(0.5, [0.4, math.nan], (0, 1)) is None
    assert math.isnan(half_width([0.4]))


def test_it_is_cut_at_the_bounds() -> None:
    interval = jackknife(0.9, [0.5, 0.99], (0.0, 1.0), kept="the ranks kept")
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert interval.method.endswith(", the ranks kept")


MASKED: dict[str, Callable[..., Any]] = {
    "pearson": measures.pearson_mcc,
    "spearman": measures.spearman_mcc,
    "weak": measures.weak_mcc,
    "r2": measures.linear_r2,
}


@pytest.mark.parametrize("name", MASKED)
def test_rows_to_fit_on_are_told_apart_in_one_way(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x @ rng.normal(size=(3, 3)) + 0.3 * rng.normal(size=(60, 3))
    marks = np.arange(60) < 40
    expected = MASKED[name](x, y, fit=40).value
    for fit in (np.int64(40), marks, marks.tolist(), np.ma.array(marks)):
        assert MASKED[name](x, y, fit=fit).value == expected
    order = rng.permutation(60)
    assert MASKED[name](x[order], y[order], fit=marks[order]).value == pytest.approx(expected, abs=1e-12)
    with pytest.raises(InputError, match=r"(?m)^fit holds bool values in the shape \(\)$"):
        MASKED[name](x, y, fit=True)
