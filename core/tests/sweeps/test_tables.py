"""Tables over seeds: the figures of scipy, the layout of a paper, and only what finished runs found."""

from __future__ import annotations

import csv
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from identify_core.errors import UsageError
from identify_core.spreads import Spread, student_quantile
from identify_core.sweeps.summary import Row
from identify_core.sweeps.tables import (
    as_csv,
    as_latex,
    format_interval,
    format_spread,
    tabulate,
)

SETTINGS = ("objective.steps", "seed")


def row(index: int, steps: Any, seed: int, scalars: dict[str, Any], status: str = "finished") -> Row:
    values = {"objective.steps": steps, "seed": seed}
    return Row(
        index=index,
        name=f"s-{index}",
        values=values,
        status=status,
        run=f"run-{index}",
        reason="",
        failures={},
        scalars=scalars if status == "finished" else {},
    )


ROWS = [
    row(1, 50, 0, {"fit/r_2": 0.8, "words": "a"}),
    row(2, 50, 1, {"fit/r_2": 0.9, "words": "b"}),
    row(3, 50, 2, {"fit/r_2": 0.7, "words": "c"}),
    row(4, 200, 0, {"fit/r_2": 0.95}),
    row(5, 200, 1, {"fit/r_2": math.nan}),
    row(6, 200, 2, {}, status="failed"),
]


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 6, 9, 30, 101, 5000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_the_quantile_is_scipys(freedom: int, level: float) -> None:
    assert student_quantile(level, freedom) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_spread_is_scipys(scale: float) -> None:
    numbers = scale * np.random.default_rng(1).gamma(2.0, size=7)
    found = Spread.of(list(numbers))
    expected = stats.t.interval(0.95, 6, loc=numbers.mean(), scale=stats.sem(numbers))
    assert (found.mean, found.deviation) == (pytest.approx(numbers.mean()), pytest.approx(numbers.std(ddof=1)))
    assert found.student == pytest.approx(expected)
    other = stats.bootstrap((numbers,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    assert found.bootstrap == pytest.approx((other.low, other.high), rel=0.03)
    assert Spread.of(list(numbers)) == found


def test_equal_numbers_have_no_spread_and_one_number_no_interval() -> None:
    equal = Spread.of([2.0, 2.0, 2.0])
    assert equal.student == equal.bootstrap == (2.0, 2.0)
    one = Spread.of([2.0])
    assert math.isnan(one.deviation)
    assert (format_spread(one), format_interval(one, "student"), format_spread(None)) == ("2", "-", "-")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([0.8, 0.9, 0.7], "0.80 ± 0.10"),
        ([1234.0, 1290.0, 1190.0], "1238 ± 50"),
        ([1e-9, 3e-9], "2.000e-09 ± 1.4e-09"),
        ([1e8, 3e8], "2.000e+08 ± 1.4e+08"),
        ([2.0, 2.0], "2"),
    ],
)
def test_a_mean_has_the_decimals_of_two_digits_of_its_deviation(numbers: list[float], text: str) -> None:
    assert format_spread(Spread.of(numbers)) == text


def test_a_line_is_a_setting_over_its_seeds_and_counts_what_was_found() -> None:
    first, second = tabulate(ROWS, SETTINGS, best="fit/r_2")
    assert (first.values, first.runs, first.best) == ({"objective.steps": 50}, 3, False)
    assert list(first.spreads) == ["fit/r_2"]
    assert first.spreads["fit/r_2"].mean == pytest.approx(0.8)
    assert (second.runs, second.spreads["fit/r_2"].count, second.best) == (3, 1, True)
    assert [line.best for line in tabulate(ROWS, SETTINGS, best="fit/r_2", extreme="min")] == [True, False]
    assert not any(line.best for line in tabulate(ROWS, SETTINGS))


def test_a_number_that_no_run_has_is_refused() -> None:
    with pytest.raises(UsageError, match="no finished run has the headline number 'fit/r2'") as caught:
        tabulate(ROWS, SETTINGS, ["fit/r2"])
    assert "fit/r_2" in caught.value.hint
    with pytest.raises(UsageError, match="the headline number 'words'"):
        tabulate(ROWS, SETTINGS, best="words")


def test_latex_escapes_and_prints_the_best_in_bold() -> None:
    text = as_latex(tabulate(ROWS, SETTINGS, best="fit/r_2"), SETTINGS)
    assert text.splitlines() == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"objective.steps & fit/r\_2 \\",
        r"\midrule",
        r"50 & $0.80 \pm 0.10$ \\",
        r"200 & $\mathbf{0.95}$ \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_csv_has_every_figure_in_full() -> None:
    lines = tabulate(ROWS, SETTINGS, best="fit/r_2")
    first, second = csv.DictReader(as_csv(lines, SETTINGS).splitlines())
    spread = lines[0].spreads["fit/r_2"]
    assert (first["objective.steps"], first["number"], first["runs"], first["count"]) == ("50", "fit/r_2", "3", "3")
    assert (float(first["mean"]), float(first["t_low"])) == (spread.mean, spread.student[0])
    assert (second["count"], second["deviation"], second["bootstrap_high"], second["best"]) == ("1", "", "", "1")
