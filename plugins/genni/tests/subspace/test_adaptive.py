"""Adaptive refinement finds the full grid's ε-surface from a fraction of its points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from identify_genni.options.subspace import SubspaceOptions
from identify_genni.subspace.adaptive import Refined, refine
from identify_genni.subspace.analytic import Slopes, network_slopes, slopes_loss
from identify_genni.subspace.axes import make_grid
from identify_genni.subspace.isosurface import find_surface

Array = np.ndarray[Any, Any]


def run(
    values: Array, tolerance: float, *, levels: int = 2, safety: float = SubspaceOptions().safety
) -> tuple[Refined, int]:
    asked: list[int] = []

    def evaluate(numbers: Array) -> Array:
        assert len(np.unique(numbers)) == len(numbers)
        assert not set(numbers.tolist()) & set(asked)
        asked.extend(numbers.tolist())
        found: Array = values.reshape(-1)[numbers]
        return found

    return refine(evaluate, values.shape, tolerance, levels=levels, safety=safety), len(asked)


def closed_form(seed: int, count: int) -> tuple[Array, tuple[Array, ...]]:
    """J of two-unit networks over a random three-dimensional subspace through four exact solutions."""
    generator = np.random.default_rng(seed)
    rows = [[w, -v, 0.6 / w, 0.4 / v] for w, v in generator.uniform(0.4, 1.6, (4, 2))]
    centre, basis = np.array(rows[0]), np.linalg.qr((np.array(rows[1:]) - rows[0]).T)[0].T
    grid = make_grid([(-1.5, 1.5)] * 3, [count] * 3)
    coefficients = grid.coefficients(np.arange(grid.size)).numpy()
    x = np.random.default_rng(0).normal(size=300)
    slopes = network_slopes(centre + coefficients @ basis)
    loss = slopes_loss(slopes, Slopes(positive=0.6, negative=-0.4), x, np.full(300, 1 / 300))
    return loss.reshape(grid.shape), grid.axes


@pytest.mark.parametrize("seed", range(6))
def test_same_set_and_same_surface_from_under_a_quarter_of_the_points(seed: int) -> None:
    values, axes = closed_form(seed, 51)
    tolerance = 1e-2 * 0.13  # of about the target's variance
    refined, asked = run(values, tolerance)
    assert np.array_equal(refined.filled <= tolerance, values <= tolerance)
    assert asked == sum(refined.rounds) == int(refined.evaluated.sum())
    assert asked < values.size / 4
    full, found = find_surface(values, axes, tolerance), find_surface(refined.filled, axes, tolerance)
    assert full is not None
    assert found is not None
    assert np.array_equal(full.triangles, found.triangles)
    np.testing.assert_allclose(full.vertices, found.vertices, atol=1e-12)


def test_the_default_safety_finds_a_point_that_less_misses() -> None:
    """The plane through networks 9, 1 and 6 of the released run FCN_Sample, where the set has three points."""
    centre, *others = np.array(
        [[-0.0123, -0.3417, 0.4621, -0.0649], [0.0297, -0.5005, -0.3384, -0.0373], [-0.1068, 0.3561, -0.2653, 0.0228]]
    )
    q, r = np.linalg.qr((np.array(others) - centre).T)
    grid = make_grid([(-2, 2)] * 2, [15] * 2)
    points = centre + grid.coefficients(np.arange(grid.size)).numpy() @ (q * np.sign(np.diag(r))).T
    x = np.random.default_rng(0).normal(size=500)
    target = Slopes(positive=0.0, negative=0.0166519)
    values = slopes_loss(network_slopes(points), target, x, np.full(500, 1 / 500)).reshape(grid.shape)
    found = {safety: run(values, 1e-5, safety=safety)[0].filled <= 1e-5 for safety in (1.0, SubspaceOptions().safety)}
    assert int((values <= 1e-5).sum()) == 3
    assert np.array_equal(found.pop(SubspaceOptions().safety), values <= 1e-5)
    assert int(found.pop(1.0).sum()) == 2


def test_evaluated_values_are_exact_and_the_others_marked() -> None:
    values, _ = closed_form(1, 35)
    refined, _ = run(values, 1e-3)
    np.testing.assert_allclose(refined.values[refined.evaluated], values[refined.evaluated], rtol=1e-12)
    assert np.isnan(refined.values[~refined.evaluated]).all()
    assert np.isfinite(refined.filled).all()


def sphere(shape: tuple[int, ...], radius: float) -> Array:
    grids = np.meshgrid(*[np.linspace(-1, 1, count) for count in shape], indexing="ij")
    distance: Array = np.sqrt(sum(grid**2 for grid in grids)) - radius
    return np.asarray(distance**2)


@pytest.mark.parametrize("shape", [(200,), (60, 45), (33, 34, 35), (13, 14, 15, 16)])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_thin_shells_are_found_in_every_dimension(shape: tuple[int, ...], levels: int) -> None:
    values = sphere(shape, 0.6)
    tolerance = (1.2 / min(shape)) ** 2
    refined, asked = run(values, tolerance, levels=levels)
    assert np.array_equal(refined.filled <= tolerance, values <= tolerance)
    assert asked <= values.size


def test_cost_grows_with_the_surface_not_with_the_volume() -> None:
    counts = [33, 65, 129]
    shares = [run(sphere((count,) * 3, 0.6), 0.05**2)[1] / count**3 for count in counts]
    assert shares[0] > shares[1] > shares[2]
    assert shares[2] < shares[0] / 2


@pytest.mark.parametrize("values", [np.full((9, 9), 2.0), np.zeros((9, 9))], ids=["outside", "inside"])
def test_a_flat_landscape_takes_the_coarse_grid_alone(values: Array) -> None:
    refined, asked = run(values, 1.0)
    assert asked == refined.rounds[0] == 9
    np.testing.assert_allclose(refined.filled, values)


@pytest.mark.parametrize("shape", [(2, 2), (2, 9), (3, 3, 3), (4, 5)])
def test_small_grids_are_evaluated_in_full_where_nothing_can_be_judged(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).uniform(size=shape)
    refined, _ = run(values, 0.5)
    assert np.array_equal(refined.filled <= 0.5, values <= 0.5)


def test_infinite_values_stay_outside() -> None:
    values = sphere((41, 41), 0.5)
    values[:8] = np.inf
    refined, _ = run(values, 0.01)
    assert np.array_equal(refined.filled <= 0.01, values <= 0.01)


def test_more_safety_takes_more_points_and_less_may_miss() -> None:
    values, _ = closed_form(2, 35)
    asked: Callable[[float], int] = lambda safety: run(values, 1e-3, safety=safety)[1]  # noqa: E731
    assert asked(0.01) < asked(1.0) < asked(3.0) <= values.size
