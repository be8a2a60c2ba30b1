"""The picture of how far replicates agree shows the pairs within each run and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from identify_core.components import Evaluator
from identify_core.findings import Figure, Finding, LabelledArray
from identify_core.reports.numerals import short_of_bounds
from identify_core.reports.pair_figures import draw_grid
from identify_core.reports.spread_figures import Member, draw_spread, spreads


def member(group: str, width: int = 4, latents: str = "z") -> Member:
    return Member(group=group, latents=latents, width=width)


def test_only_pairs_within_one_run_count() -> None:
    matrix = np.arange(25.0).reshape(5, 5)
    members = [member("a"), member("a"), member("b"), member("b"), member("a")]
    first, second = spreads(matrix, members)
    assert first.values == (matrix[0, 1], matrix[0, 4], matrix[1, 4])
    assert second.values == (matrix[2, 3],)


def test_an_asymmetric_measure_counts_both_ways() -> None:
    matrix = np.arange(4.0).reshape(2, 2)
    (only,) = spreads(matrix, [member("a"), member("a")], symmetric=False)
    assert only.values == (1.0, 2.0)


def test_latents_of_one_run_are_kept_apart_and_undefined_scores_left_out() -> None:
    matrix = np.full((4, 4), np.nan)
    matrix[2, 3] = 0.5
    members = [member("a", latents="h"), member("a", latents="h"), member("a"), member("a")]
    (only,) = spreads(matrix, members)
    assert only.member.latents == "z"


def test_single_replicates_give_no_picture() -> None:
    assert draw_spread(np.eye(2), [member("a"), member("b")], "cka", "") is None


def test_runs_of_one_width_stand_side_by_side() -> None:
    matrix = np.random.default_rng(0).uniform(size=(6, 6))
    figure = draw_spread(matrix, [member("a")] * 3 + [member("b")] * 3, "cka", "-cka")
    assert figure is not None
    (axes,) = figure.static.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a", "b"]
    drawn = np.concatenate([np.asarray(points.get_offsets())[:, 1] for points in axes.collections])
    expected = [matrix[i, j] for rows in ((0, 1, 2), (3, 4, 5)) for i in rows for j in rows if i < j]
    np.testing.assert_allclose(np.sort(drawn), np.sort(expected))
    assert "3 pairs" in figure.caption


def test_runs_of_several_widths_stand_along_the_dimension() -> None:
    members = [Member(group=f"r{w}", latents=kind, width=w) for w in (8, 5) for kind in ("h", "z") for _ in range(2)]
    figure = draw_spread(np.full((8, 8), 0.7), members, "mcc", "")
    assert figure is not None
    (axes,) = figure.static.axes
    assert axes.get_xlabel() == "latent dimension"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["5", "8"]
    assert [line.get_label() for line in axes.get_lines() if not line.get_label().startswith("_")] == ["h", "z"]
    assert all(line.get_ydata() == pytest.approx([0.7, 0.7]) for line in axes.get_lines() if line.get_label() in "hz")


def test_a_grid_without_a_single_value_is_drawn_without_a_warning() -> None:
    """Warnings are errors in this suite; numpy has one for the largest of no numbers."""
    arrays = {
        "labels": LabelledArray(values=np.array(["a", "b", "c"]), dimensions=("representation",)),
        "value": LabelledArray(values=np.full((3, 3), np.nan), dimensions=("representation", "other")),
    }
    evaluator = Evaluator(name="cka", summary="", target="a:b", arity="pair")
    figures = list(
        draw_grid(Finding(summary="", arrays=arrays), evaluator, [Member(group="g", latents="h", width=2)] * 3)
    )
    assert figures[0].name == "heat-map"


def test_a_box_needs_eight_points() -> None:
    matrix = np.random.default_rng(0).uniform(size=(9, 9))
    few = draw_spread(matrix, [member("a")] * 4, "cka", "")  # six pairs
    assert few is not None
    assert few.static.axes[0].patches[:] == []
    assert "box" not in few.caption
    many = draw_spread(matrix, [member("a")] * 5, "cka", "")  # ten
    assert many is not None
    assert len(many.static.axes[0].patches) == 1
    assert "from 8 points upwards" in many.caption


def heat_map(values: np.ndarray, bounds: tuple[float | None, float | None], groups: int = 1) -> Figure:
    return figures(values, bounds, groups)["heat-map"]


def figures(values: np.ndarray, bounds: tuple[float | None, float | None], groups: int) -> dict[str, Figure]:
    count = len(values)
    arrays = {
        "labels": LabelledArray(values=np.array([f"r{i}" for i in range(count)]), dimensions=("representation",)),
        "value": LabelledArray(values=values, dimensions=("representation", "other")),
    }
    evaluator = Evaluator(name="cka", summary="", target="a:b", arity="pair", bounds=bounds)
    members = [Member(group=f"run-{i * groups // count}", latents="h", width=2) for i in range(count)]
    return {each.name: each for each in draw_grid(Finding(summary="", arrays=arrays), evaluator, members)}


def test_a_heat_map_ends_at_its_measures_bounds_or_says_otherwise() -> None:
    values = np.full((3, 3), 0.998)
    bounded = heat_map(values, (0.0, 1.0))
    axes, bar = bounded.static.axes
    assert axes.images[0].get_clim() == (0.0, 1.0)
    assert bar.get_ylabel().startswith("cka\n")
    assert "ends at the measure's bounds" in bounded.caption
    assert {text.get_text() for text in axes.texts} == {"0.998"}
    free = heat_map(values + np.eye(3), (None, None))
    assert free.static.axes[0].images[0].get_clim() == (0.998, 1.998)
    assert "the measure has no bounds" in free.caption
    half = heat_map(values, (0.0, None))
    assert half.static.axes[0].images[0].get_clim() == (0.0, 0.998)
    assert "ends at the largest value here" in half.caption


@pytest.mark.parametrize("count", [10, 100])
def test_a_heat_map_names_what_it_shows(count: int) -> None:
    axes = heat_map(np.eye(count), (0.0, 1.0), groups=4).static.axes[0]
    names = [text.get_text() for text in axes.get_xticklabels()]
    wanted = sorted(f"r{i}" for i in range(10)) if count == 10 else [f"run-{i} (25)" for i in range(4)]
    assert sorted(names) == wanted


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.0, "1"), (0.998, "0.998"), (0.99996, "0.99996"), (1 - 1e-9, "<1"), (0.5, "0.5"), (1e-9, "1e-9")],
)
def test_a_number_is_not_printed_as_a_bound_that_it_does_not_reach(value: float, words: str) -> None:
    assert short_of_bounds(value, 0.0, 1.0) == words


def test_a_hundred_groups_of_one_hide_nothing() -> None:
    drawn = figures(np.eye(100) + np.random.default_rng(0).uniform(size=(100, 100)) / 9, (0.0, None), 100)
    axes = drawn["heat-map"].static.axes[0]
    assert len(axes.lines) == 0
    assert len(axes.get_xticklabels()) <= 30
    assert all("(" not in text.get_text() for text in axes.get_xticklabels())
    axes = drawn["map"].static.axes[0]
    assert axes.get_legend() is None
    assert len([text for text in axes.texts if text.get_text()]) == 12
    assert "The 12 outermost have their names" in drawn["map"].caption
    few = figures(np.eye(10), (0.0, 1.0), 2)
    assert len(few["heat-map"].static.axes[0].lines) == 2
    assert few["map"].static.axes[0].get_legend() is not None
