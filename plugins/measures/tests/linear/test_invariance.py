"""Theorems: each measure keeps its value under the classes that it declares, and loses it outside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import identify_measures as measures
from identify_core import includes, invariance_of
from identify_measures.catalogue import CATALOGUE

Array = np.ndarray[Any, Any]
FAMILY = [each.name for each in CATALOGUE.values() if each.family == "linear" and each.arity == "pair"]
RUNGS = [
    "permutation",
    "signed-permutation",
    "permutation-positive-scaling",
    "permutation-scaling",
    "orthogonal",
    "similarity",
    "linear",
    "affine",
]


def function(name: str) -> Callable[..., Any]:
    return getattr(measures, name.replace("-", "_"))  # type: ignore[no-any-return]


def element(rung: str, d: int, seed: int) -> Callable[[Array], Array]:
    """A random element of a rung, far from the smaller ones."""
    rng = np.random.default_rng(seed)
    permutation = np.eye(d)[rng.permutation(d)]
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    scales = rng.uniform(0.3, 3.0, size=d)
    signs = np.where(np.arange(d) % 2, 1.0, -1.0)
    maps: dict[str, tuple[Array, float]] = {
        "permutation": (permutation, 0.0),
        "signed-permutation": (permutation * signs, 0.0),
        "permutation-positive-scaling": (permutation * scales, 0.0),
        "permutation-scaling": (permutation * scales * signs, 0.0),
        "orthogonal": (rotation, 0.0),
        "similarity": (2.5 * rotation, 7.0),
        "linear": (rng.normal(size=(d, d)) + np.eye(d), 0.0),
        "affine": (rng.normal(size=(d, d)) + np.eye(d), 7.0),
    }
    matrix, shift = maps[rung]
    return lambda x: x @ matrix + shift


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("name", FAMILY)
def test_declared_classes_and_no_others(name: str, rung: str, pair: tuple[Array, Array]) -> None:
    x, y = pair
    measure = function(name)
    before = measure(x, y)
    moved = {
        "source": measure(element(rung, 6, 0)(x), y).value,
        "target": measure(x, element(rung, 4, 1)(y)).value,
    }
    changes = {role: abs(value - before.value) for role, value in moved.items()}
    declared = {
        role: any(includes(larger, rung) for larger in invariance_of(before.invariant_to, role)) for role in moved
    }
    for role in moved:
        if declared[role]:
            assert changes[role] < 1e-7, f"the measure is declared invariant for the {role} and is not"
        elif CATALOGUE[name].symmetric:
            assert max(changes.values()) > 1e-4, "the measure is invariant to more than it declares"
        else:
            assert changes[role] > 1e-4, f"the measure is invariant to more of the {role} than it declares"


@pytest.mark.parametrize("name", FAMILY)
def test_a_translation_never_matters(name: str, pair: tuple[Array, Array]) -> None:
    x, y = pair
    assert function(name)(x + 50.0, y - 30.0).value == pytest.approx(function(name)(x, y).value, abs=1e-7)


@pytest.mark.parametrize("name", FAMILY)
def test_symmetry_is_as_declared(name: str, pair: tuple[Array, Array]) -> None:
    x, y = pair
    there, back = function(name)(x, y).value, function(name)(y, x).value
    assert (abs(there - back) < 1e-9) == CATALOGUE[name].symmetric


@pytest.mark.parametrize("name", FAMILY)
def test_a_representation_agrees_with_itself(name: str, pair: tuple[Array, Array]) -> None:
    x, _ = pair
    value = function(name)(x, x).value
    low, high = CATALOGUE[name].bounds
    best = {"more similar": 6.0 if name == "pillai" else high, "more distant": low}[CATALOGUE[name].larger_is]
    assert value == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in FAMILY if CATALOGUE[name].is_metric])
def test_triangle_inequality(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        a, b, c = (rng.normal(size=(8, d)) @ np.diag(rng.uniform(0.1, 3, size=d)) for d in (1, 2, 3))
        sides = [function(name)(u, v).value for u, v in ((a, b), (b, c), (a, c))]
        assert sides[2] <= sides[0] + sides[1] + 1e-9


SCALABLE = [name for name in FAMILY if "similarity" in invariance_of(CATALOGUE[name].invariant_to, "target")]


@pytest.mark.parametrize("scale", [1e-18, 1e-9, 1e12, 1e18])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SCALABLE)
def test_no_unit_is_too_small_or_too_large(name: str, dtype: Any, scale: float, pair: tuple[Array, Array]) -> None:
    x, y = (each.astype(dtype) for each in pair)
    moved = function(name)(x * dtype(scale), y / dtype(scale))
    assert moved.value == pytest.approx(function(name)(x, y).value, abs=1e-5)


@pytest.mark.parametrize("name", FAMILY)
def test_zero_columns_change_nothing_but_names(name: str, pair: tuple[Array, Array]) -> None:
    x, y = pair
    padded = np.hstack([x, np.full((400, 2), 3.3)])
    assert function(name)(padded, y).value == pytest.approx(function(name)(x, y).value, abs=1e-9)


@pytest.mark.parametrize("rung", RUNGS)
def test_total_correlation_sees_rotations_and_no_scales(rung: str, pair: tuple[Array, Array]) -> None:
    x, _ = pair
    change = abs(measures.total_correlation(element(rung, 6, 0)(x)).value - measures.total_correlation(x).value)
    assert (change < 1e-9) == includes("permutation-scaling", rung)
