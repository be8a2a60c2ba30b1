"""The grid's order and bounds are what the documentation says, and wrong ones are refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from identify_core import OptionsError
from identify_genni.subspace.axes import (
    bounds_around,
    bounds_of_ellipsoid,
    choose_bounds,
    make_grid,
    spread_counts,
)


def test_the_first_direction_is_the_last_axis() -> None:
    grid = make_grid([(0.0, 1.0), (10.0, 12.0), (-5.0, 5.0)], [2, 3, 4])
    assert grid.shape == (4, 3, 2)
    assert grid.dimensions == ("c3", "c2", "c1")
    table = grid.coefficients(np.arange(grid.size)).numpy().reshape(*grid.shape, 3)
    for i3, i2, i1 in np.ndindex(*grid.shape):
        expected = [grid.axes[0][i1], grid.axes[1][i2], grid.axes[2][i3]]
        assert table[i3, i2, i1].tolist() == expected


def test_axes_include_both_ends() -> None:
    grid = make_grid([(-2.0, 2.0)], [5])
    assert grid.axes[0].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_one_number_stands_for_all_axes() -> None:
    assert spread_counts((35,), 3) == (35, 35, 35)
    assert spread_counts((3, 4), 2) == (3, 4)
    assert choose_bounds((-2.0,), (2.0, 3.0), [(0, 1), (0, 1)]) == [(-2.0, 2.0), (-2.0, 3.0)]
    assert choose_bounds((), (), [(0, 1), (2, 3)]) == [(0, 1), (2, 3)]


def test_wrong_numbers_of_counts_and_bounds_are_refused() -> None:
    with pytest.raises(OptionsError, match="`counts` has 2 numbers for 3 directions"):
        spread_counts((3, 4), 3)
    with pytest.raises(OptionsError, match="`lower` has 3 numbers for 2 directions"):
        choose_bounds((1, 2, 3), (), [(0, 1), (0, 1)])
    with pytest.raises(OptionsError, match="axis c2 would run from 3 to 1"):
        choose_bounds((0.0, 3.0), (1.0,), [(0, 1), (0, 1)])
    with pytest.raises(OptionsError, match="axis c1 would run from 0 to inf"):
        choose_bounds((0.0,), (float("inf"),), [(0, 1)])


def test_automatic_bounds_hold_all_points_with_a_margin() -> None:
    coordinates = np.array([[0.0, 0.0], [10.0, -4.0], [2.0, 1.0]])
    (low1, high1), (low2, high2) = bounds_around(coordinates, 0.25)
    assert (low1, high1) == (-2.5, 12.5)
    assert (low2, high2) == (-5.25, 2.25)
    flat = bounds_around(np.array([[0.0, 0.0], [10.0, 0.0]]), 0.25)
    assert flat[1] == (-1.0, 1.0)


def test_ellipsoid_bounds_follow_the_slopes_and_stop_at_the_reach() -> None:
    steep, flat = bounds_of_ellipsoid(np.array([2.0, 0.0]), 0.04, 5.0, radii=3.0)
    assert steep == pytest.approx((-0.3, 0.3))
    assert flat == (-5.0, 5.0)
