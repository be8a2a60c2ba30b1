"""The ladder keeps its inclusions: a class that contains a passing one passes, whatever the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from identify_core import RUNGS, Verdict, includes
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.dense import column_units, least_squares
from identify_measures.rungs.inclusion import best_of_class
from identify_measures.rungs.residuals import Residual
from identify_measures.rungs.verdict import equivalence_ladder

Array = np.ndarray[Any, Any]
CLASSES = ("permutation", "permutation-scaling", "permutation-monotone", "orthogonal", "similarity", "linear", "affine")


def carried(name: str, x: Array, units: Array, rng: np.random.Generator) -> Array:
    """x carried by a random element of the class; linear maps mix columns in their own units."""
    d = x.shape[1]
    order, scales = rng.permutation(d), np.exp(rng.normal(size=d) * rng.choice([1.0, 12.0])) * rng.choice([-1, 1], d)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    if name.startswith("permutation"):
        moved = x[:, order]
        if name == "permutation-monotone":
            unit = moved / moved.std(axis=0)
            moved = unit + np.tanh(unit)  # without heavy tails: rows beyond all knots would rest on extrapolation
        return moved if name == "permutation" else moved * scales
    if name == "orthogonal":
        return x @ rotation
    if name == "similarity":
        return 1.7 * x @ rotation + units.max() * rng.normal(size=d)
    mixed = (x / units) @ rng.normal(size=(d, d)) * np.abs(scales)
    return mixed + np.abs(scales) * rng.normal(size=d) if name == "affine" else mixed


def pair(seed: int) -> tuple[str, Array, Array]:
    """Two representations related by a random class: badly scaled, of any rank, in either precision."""
    rng = np.random.default_rng(seed)
    name, d = str(rng.choice(CLASSES)), int(rng.integers(1, 9))
    rank = int(rng.integers(1, d + 1)) if rng.random() < 0.5 else d
    units = 10 ** rng.uniform(-8, 8, size=d) if rng.random() < 0.7 else np.ones(d)
    x = rng.normal(size=(600, rank)) @ rng.normal(size=(rank, d)) * units
    dtype = rng.choice([np.float32, np.float64])
    x = x.astype(dtype)
    return name, x, carried(name, x.astype(np.float64), units, rng).astype(dtype)


def keeps_inclusions(verdict: Verdict) -> None:
    for large, above in verdict.residuals.items():
        for small, below in verdict.residuals.items():
            if includes(large, small):
                assert above.value <= below.value, (large, small)
                assert above.interval is not None
                assert below.interval is not None
                assert above.interval.low <= below.interval.low, (large, small)
                assert above.interval.high <= below.interval.high, (large, small)


@pytest.mark.parametrize("seed", range(60))
def test_a_class_that_contains_the_true_one_passes(seed: int) -> None:
    name, x, y = pair(seed)
    verdict = equivalence_ladder(x, y, LadderOptions(monotone_rows=1000), seed=seed)
    keeps_inclusions(verdict)
    for rung, score in verdict.residuals.items():
        if includes(rung, name):
            assert score.interval is not None
            assert score.interval.high <= verdict.tolerance, (name, rung, x.shape, x.dtype)


@pytest.mark.parametrize("seed", range(12))
def test_inclusions_hold_where_nothing_passes_and_rows_are_few(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, e = rng.integers(1, 30, size=2)
    n = int(rng.integers(4, 80))
    x, y = rng.normal(size=(n, d)), rng.normal(size=(n, e)) + rng.normal() * 3
    keeps_inclusions(equivalence_ladder(x, y, LadderOptions(lipschitz=1.5), seed=seed))


def test_the_unit_of_a_column_decides_nothing() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 2)).astype(np.float32) * np.array([1, 3e-7], dtype=np.float32)
    y = (x * np.array([1.3, 7e6])).astype(np.float32)
    verdict = equivalence_ladder(x, y)
    assert verdict.lowest == ("permutation-positive-scaling",)
    for rung in ("permutation-scaling", "linear", "affine"):
        assert verdict.residuals[rung].value < 1e-14
    assert verdict.residuals["linear"].ranks == (2, 2)
    assert "no more than 1e-05 of its spread outside the span of the others" in verdict.residuals["affine"].estimator
    single = equivalence_ladder(x, y.astype(np.float64)).residuals["linear"].estimator
    assert "no more than 1e-05 or, for float64, 1e-10 of its spread" in single
    assert not any("rows" in text for text in verdict.warnings)


@pytest.mark.parametrize("rank", [2, 5])
def test_least_squares_give_the_same_fit_in_any_unit_and_turn_with_the_source(rank: int) -> None:
    rng = np.random.default_rng(rank)
    x = torch.from_numpy(rng.normal(size=(40, rank)) @ rng.normal(size=(rank, 5)))
    y = torch.from_numpy(rng.normal(size=(40, 3)))
    rotation = torch.from_numpy(np.linalg.qr(rng.normal(size=(5, 5)))[0])
    units = torch.from_numpy(10.0 ** rng.uniform(-12, 12, size=5))
    matrix, found = least_squares(x, y, column_units(x, x), 1e-10)
    expected = np.linalg.lstsq(x.numpy(), y.numpy(), rcond=1e-10)[0]
    assert found == rank
    np.testing.assert_allclose(matrix, expected, atol=1e-10)
    scaled, again = least_squares(x * units, y, column_units(x * units, x * units), 1e-10)
    assert again == rank
    np.testing.assert_allclose((x * units) @ scaled, x @ matrix, atol=1e-6)
    turned, _ = least_squares(x @ rotation, y, column_units(x @ rotation, x @ rotation), 1e-10)
    np.testing.assert_allclose(rotation @ turned, matrix, atol=1e-9)


def test_zeros_have_rank_0_and_a_constant_column_has_its_size_as_unit() -> None:
    x = torch.zeros(7, 2, dtype=torch.float64)
    matrix, rank = least_squares(x, torch.ones(7, 3, dtype=torch.float64), column_units(x, x), 1e-10)
    assert (rank, matrix.shape, bool(matrix.any())) == (0, (2, 3), False)
    constant = torch.full((4, 1), 3.0, dtype=torch.float64)
    assert column_units(constant, torch.zeros_like(constant)).tolist() == [6.0]


def test_a_class_is_served_by_the_best_map_within_it() -> None:
    def left(value: float) -> Residual:
        return Residual(value=value, low=value / 2, high=value * 2)

    best = best_of_class({"permutation": left(0.3), "orthogonal": left(0.1), "linear": left(0.2), "affine": left(0.05)})
    assert {name: each.of for name, each in best.items()} == {
        "permutation": "permutation",
        "orthogonal": "orthogonal",
        "linear": "orthogonal",
        "affine": "affine",
    }
    assert best["linear"].residual == left(0.1)
    crossed = best_of_class(
        {"permutation": Residual(value=0.3, low=0.0, high=0.4), "linear": Residual(value=0.2, low=0.1, high=0.9)}
    )["linear"]
    assert (crossed.residual, crossed.of) == (Residual(value=0.2, low=0.0, high=0.4), "linear")


def test_every_class_stands_after_those_within_it() -> None:
    assert all(
        list(RUNGS).index(small) < list(RUNGS).index(large) for large in RUNGS for small in RUNGS[large].contains
    )
