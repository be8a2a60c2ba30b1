"""Measures that do not see linear maps do not see badly scaled columns, from memory and from a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import identify_measures as measures
from identify_core.testing.representations import represent
from identify_measures.linear import canonical, correlation, regression
from identify_measures.linear.measuring import evaluate
from identify_measures.options.linear import PairOptions, RegressionOptions, WeakMatchingOptions
from identify_measures.statistics.gathering import Memory, from_representations

Array = np.ndarray[Any, Any]
AFFINE: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "cca": (measures.cca, {}),
    "cca-r2": (measures.cca_r2, {}),
    "yanai": (measures.yanai, {}),
    "pillai": (measures.pillai, {}),
    "gulp": (measures.gulp, {}),
    "weak-mcc": (measures.weak_mcc, {}),
    "weak-mcc of ranks": (measures.weak_mcc, {"correlation_of": "ranks"}),
    "weak-mcc held out": (measures.weak_mcc, {"held_out": True}),
    "linear-r2 uniform": (measures.linear_r2, {"average": "uniform"}),
    "shape-metric 0": (measures.shape_metric, {"alpha": 0.0}),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [3e-7, 1e-12, 1e7])
@pytest.mark.parametrize("name", AFFINE)
def test_scales_of_columns_decide_nothing(name: str, scale: float, dtype: Any, pair: tuple[Array, Array]) -> None:
    x, y = (each.astype(dtype) for each in pair)
    measure, options = AFFINE[name]
    expected = measure(x, y, interval="ranks" not in name, **options)
    scales = np.array([1.0, scale, 1.0, scale**0.5, 1.0, 2.0], dtype=dtype)
    for left, right in ((x * scales, y), (x * scales, y * scales[:4]), (x, y * scales[:4])):
        found = measure(left, right, interval="ranks" not in name, **options)
        assert found.value == pytest.approx(expected.value, rel=1e-4, abs=1e-5)
        assert found.ranks == expected.ranks == (6, 4)
        assert found.warnings == expected.warnings
        if expected.interval is not None:
            assert found.interval.high - found.interval.low == pytest.approx(
                expected.interval.high - expected.interval.low, rel=0.01
            )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("held_out", [False, True])
def test_what_a_map_explains_does_not_depend_on_the_scales_of_its_inputs(
    held_out: bool, dtype: Any, pair: tuple[Array, Array]
) -> None:
    x, y = (each.astype(dtype) for each in pair)
    scales = np.array([1.0, 3e-7, 1.0, 1e-9, 1.0, 2.0], dtype=dtype)
    found = measures.linear_r2(x * scales, y, held_out=held_out).value
    assert found == pytest.approx(measures.linear_r2(x, y, held_out=held_out).value, abs=1e-5)


def test_what_is_small_beside_many_columns_than_rows_counts_too() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 50)), rng.normal(size=(30, 2))
    scales = np.where(np.arange(50) < 10, 1.0, 1e-12)
    assert measures.linear_r2(x * scales, y).value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        (canonical.CCA, PairOptions()),
        (correlation.WEAK_MCC, WeakMatchingOptions()),
        (regression.LINEAR_R2, RegressionOptions()),
        (correlation.PEARSON_MCC, WeakMatchingOptions()),
    ],
)
@pytest.mark.parametrize("products", [2.0**30, 0.0])
def test_streamed_rows_are_equilibrated_too(formula: Any, options: Any, products: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 5)).astype(np.float32)
    y = (x @ rng.normal(size=(5, 4)) + rng.normal(size=(4000, 4))).astype(np.float32)
    scales = np.array([1.0, 3e-7, 1.0, 1e-10, 1.0], dtype=np.float32)
    values = []
    for left in (x, x * scales):
        found = [represent(left, "x"), represent(y, "y")]
        memory = Memory(rows=0, products=products, span=2.0**16)
        statistics = from_representations(found, torch.device("cpu"), memory=memory)
        values.append(evaluate(formula, statistics, 0, 1, options).value)
    assert values[1] == pytest.approx(values[0], abs=1e-5)


def test_dependent_columns_are_still_found_and_the_cut_is_stated(pair: tuple[Array, Array]) -> None:
    x, y = pair
    dependent = np.hstack([x, x[:, :2] @ np.array([[1.0], [2.0]])]) * np.array([1, 1e-8, 1, 1, 1, 1, 1e-4])
    score = measures.cca(dependent, y)
    assert score.ranks == (6, 4)
    assert score.warnings == (
        "x has rank 6 with 7 columns that vary: singular values below 1e-10 of the largest count as 0; the value is "
        "about its column space",
    )
