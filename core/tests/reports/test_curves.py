"""Curves: quantiles over replicates, and a downscaling that loses no extreme and no end."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from identify_core.reports.curves import POINTS, Curve, downscale, draw_curve, summarise

Array = np.ndarray[Any, Any]


def svg_of(markup: str) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", markup, re.DOTALL)
    assert found is not None
    return ElementTree.fromstring(found.group())


def find(svg: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [each for each in svg.iter() if each.get("class") == kind]


def points(element: ElementTree.Element) -> Array:
    return np.array([pair.split(",") for pair in str(element.get("points")).split()], dtype=float)


def spread(steps: int, replicates: int = 7) -> Curve:
    rng = np.random.default_rng(0)
    return summarise(np.arange(steps), rng.lognormal(size=(steps, replicates)))


def test_quantiles_are_those_of_the_finite_replicates() -> None:
    values = np.array([[1.0, 2.0, 3.0, np.inf], [np.nan] * 4])
    curve = summarise(np.array([1, 2]), values)
    np.testing.assert_allclose(curve.quantiles[:, 0], np.quantile([1, 2, 3], [0, 0.1, 0.5, 0.9, 1]))
    assert np.isnan(curve.quantiles[:, 1]).all()
    assert curve.lost == 4


def test_one_replicate_is_its_own_quantile() -> None:
    curve = summarise(np.arange(3), np.array([3.0, 1.0, 2.0]))
    np.testing.assert_array_equal(curve.quantiles, np.tile([3.0, 1.0, 2.0], (5, 1)))
    assert curve.replicates == 1


@pytest.mark.parametrize("steps", [POINTS + 1, POINTS + 2, 3 * POINTS - 1, 50_000])
def test_downscaling_keeps_ends_extremes_and_order(steps: int) -> None:
    curve = spread(steps)
    small = downscale(curve)
    assert len(small.steps) == POINTS
    assert (np.diff(small.steps) > 0).all()
    assert small.steps[0] == 0
    assert small.steps[-1] == steps - 1
    np.testing.assert_array_equal(small.quantiles[:, [0, -1]], curve.quantiles[:, [0, -1]])
    assert small.quantiles[0].min() == curve.quantiles[0].min()
    assert small.quantiles[4].max() == curve.quantiles[4].max()
    assert (np.diff(small.quantiles, axis=0) >= 0).all()


def test_a_short_curve_is_left_as_it_is() -> None:
    curve = spread(POINTS)
    assert downscale(curve) is curve


def test_a_single_bad_step_survives_downscaling() -> None:
    values = np.ones((100_000, 2))
    values[54_321, 1] = 1e6
    assert downscale(summarise(np.arange(100_000), values)).quantiles[4].max() == 1e6


def test_the_drawing_is_bounded_however_long_the_history_is() -> None:
    drawn = svg_of(draw_curve("loss", spread(200_000)))
    assert len(points(find(drawn, "median")[0])) <= POINTS
    assert all(len(points(each)) <= 2 * POINTS for kind in ("range", "band") for each in find(drawn, kind))


def test_a_straight_line_is_drawn_straight() -> None:
    curve = summarise(np.arange(11), np.linspace(-1, 1, 11))
    drawn = points(find(svg_of(draw_curve("x", curve)), "median")[0])
    np.testing.assert_allclose(np.diff(drawn, axis=0), np.diff(drawn, axis=0)[[0] * 10], atol=0.11)
    assert drawn[0, 1] > drawn[-1, 1]  # pixels count downwards


def test_values_over_decades_are_drawn_on_a_logarithmic_scale() -> None:
    curve = summarise(np.arange(9), 10.0 ** -np.arange(9))
    svg = svg_of(draw_curve("loss", curve))
    drawn = points(find(svg, "median")[0])
    np.testing.assert_allclose(np.diff(drawn[:, 1]), np.diff(drawn[:, 1])[0], atol=0.11)
    assert "10⁻⁶" in [each.text for each in find(svg, "up")]


def test_there_are_no_half_steps() -> None:
    svg = svg_of(draw_curve("x", summarise(np.array([1, 2]), np.array([1.0, 2.0]))))
    assert [each.text for each in find(svg, "across")] == ["1", "2"]


def test_zero_among_decades_stays_on_the_picture() -> None:
    curve = summarise(np.arange(3), np.array([1.0, 1e-6, 0.0]))
    svg = svg_of(draw_curve("loss", curve))
    height = float(str(svg.get("viewBox")).split()[3])
    assert ((points(find(svg, "median")[0])[:, 1] >= 0) & (points(find(svg, "median")[0])[:, 1] <= height)).all()


@pytest.mark.parametrize("values", [[2.0, 2.0], [0.0, 0.0], [5.0], [1e-300, 1e300], [-3.0, -3.0]])
def test_degenerate_curves_are_drawn(values: list[float]) -> None:
    drawn = draw_curve("x", summarise(np.arange(len(values)), np.array(values)))
    assert "nan" not in drawn
    assert np.isfinite(points(find(svg_of(drawn), "median")[0])).all()


def test_lost_replicates_are_said_and_a_lost_curve_is_words() -> None:
    values = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, np.nan]])
    assert "1 of 3 have no finite value at the end" in draw_curve("loss", summarise(np.arange(2), values))
    lost = draw_curve("loss", summarise(np.arange(2), np.full((2, 3), np.nan)))
    assert "no finite value was recorded" in lost
    assert "<svg" not in lost


def test_the_picture_says_in_words_what_it_shows() -> None:
    title = next(iter(svg_of(draw_curve("loss", spread(5)))))
    assert str(title.text).startswith("loss over training steps. Ends at ")


def test_a_hostile_name_stays_text() -> None:
    assert "<script>" not in draw_curve("<script>", spread(5))
