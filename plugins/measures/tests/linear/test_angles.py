"""Metrics at and near identity: zero where two representations agree, and right to the last digits next to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import identify_measures as measures
from identify_core.testing.representations import represent
from identify_measures.linear import angles, cka, rotation
from identify_measures.linear.measuring import evaluate
from identify_measures.options.linear import PairOptions
from identify_measures.statistics.gathering import Memory, from_representations

Array = np.ndarray[Any, Any]
METRICS: dict[str, Callable[..., Any]] = {
    "angular-cka": measures.angular_cka,
    "procrustes": measures.procrustes,
    "procrustes-angular": measures.procrustes_angular,
    "procrustes-normalised": measures.procrustes_normalised,
    "procrustes-disparity": measures.procrustes_disparity,
    "shape-metric": measures.shape_metric,
    "shape-metric 0": partial(measures.shape_metric, alpha=0.0),
    "shape-metric 1": partial(measures.shape_metric, alpha=1.0),
    "permutation-metric": measures.permutation_metric,
    "permutation-distance": measures.permutation_distance,
}


def spread(n: int, d: int, condition: float, dtype: Any = np.float64) -> Array:
    rng = np.random.default_rng(0)
    found: Array = (rng.normal(size=(n, d)) * np.geomspace(1, 1 / condition, d) + 3.0).astype(dtype)
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
@pytest.mark.parametrize(("n", "d"), [(300, 6), (8, 20), (2000, 1)])
@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_zero_at_identity(name: str, n: int, d: int, condition: float, dtype: Any) -> None:
    x = spread(n, d, condition, dtype)
    assert METRICS[name](x, x).value == 0.0
    assert METRICS[name](x, x.copy()).value == 0.0


@pytest.mark.parametrize("name", [name for name in METRICS if not name.startswith("permutation")])
@pytest.mark.parametrize("condition", [1.0, 1e4])
def test_it_is_zero_after_a_rotation(name: str, condition: float) -> None:
    x = spread(500, 16, condition)
    turned = x @ np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0]
    assert METRICS[name](x, turned).value < 1e-11 * (1 + np.linalg.norm(x))


@pytest.mark.parametrize("condition", [1.0, 1e4])
def test_whitened_shapes_do_not_see_linear_maps(condition: float) -> None:
    x = spread(500, 16, condition)
    mixed = x @ np.random.default_rng(1).normal(size=(16, 16))
    assert measures.shape_metric(x, mixed, alpha=0.0).value < 1e-9


@pytest.mark.parametrize("name", [name for name in METRICS if name != "procrustes-disparity"])
def test_small_distances_are_proportional_to_what_was_added(name: str) -> None:
    rng = np.random.default_rng(0)
    x, added = rng.normal(size=(200, 5)), rng.normal(size=(200, 5))
    ratios = [METRICS[name](x, x + size * added).value / size for size in (1e-4, 1e-6, 1e-9)]
    assert ratios[1] == pytest.approx(ratios[0], rel=1e-3)
    assert ratios[2] == pytest.approx(ratios[1], rel=1e-5)


def test_wider_representations_keep_what_a_narrower_one_cannot_meet() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    x = x - x.mean(0)
    more = rng.normal(size=(300, 1))
    more = more - more.mean(0)
    more = (more - x @ np.linalg.lstsq(x, more, rcond=None)[0]) * 1e-7
    wide = np.hstack([x, more])
    for pair in ((x, wide), (wide, x)):
        assert measures.procrustes(*pair).value == pytest.approx(np.linalg.norm(more), rel=1e-9)
        expected = math.atan2(np.linalg.norm(more), np.linalg.norm(x))
        assert measures.procrustes_angular(*pair).value == pytest.approx(expected, rel=1e-9)


def test_angles_of_kernels_are_those_of_full_matrices() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 3))
    k, m = (each @ each.T / np.linalg.norm(each.T @ each) for each in (x, y))
    x, y = (each / np.sqrt(np.linalg.norm(each.T @ each)) for each in (x, y))
    found = angles.between_kernels(torch.from_numpy(x), torch.from_numpy(y))
    assert found == pytest.approx(math.acos((k * m).sum()), abs=1e-12)


@pytest.mark.parametrize("formula", [cka.ANGULAR_CKA, rotation.PROCRUSTES, rotation.PROCRUSTES_ANGULAR])
def test_streamed_rows_that_agree_are_at_zero_and_say_what_they_cannot_tell(formula: Any) -> None:
    x = np.random.default_rng(0).normal(size=(5000, 4)).astype(np.float32)
    found = [represent(x, "first"), represent(x.copy(), "second")]
    statistics = from_representations(found, torch.device("cpu"), memory=Memory(rows=0, span=2.0**16))
    score = evaluate(formula, statistics, 0, 1, PairOptions(interval="never"))
    assert score.value == 0.0
    assert score.warnings == ("sums over streamed rows cannot tell angles below 0.002 from zero",)
    assert evaluate(formula, statistics, 0, 0, PairOptions(interval="never")).warnings == ()
