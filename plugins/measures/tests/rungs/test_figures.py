"""The ladder as a picture, drawn from what a finding stores."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from PIL import Image

from identify_core import RUNGS, Chance, Evaluator, Figure, Interval, Score, Verdict, includes, lowest, save_figure
from identify_core.testing.grids import Grid, grid_finding
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs import figures
from identify_measures.rungs.figures import draw

LADDER = Evaluator(name="ladder", summary="", target="a:b", arity="pair")


def score(value: float, estimator: str = "held out; seed 0") -> Score:
    return Score(
        measure="ladder",
        value=value,
        larger_is="more distant",
        bounds=(0.0, np.inf),
        is_metric=False,
        invariant_to=(),
        n=100,
        widths=(3, 3),
        estimator=estimator,
        dtype="float64",
        interval=Interval(low=value / 2, high=value * 2, level=0.95, method="jackknife"),
        chance=Chance(mean=1.0),
        reason="it does not vary" if np.isnan(value) else "",
    )


def verdict(values: dict[str, float], **more: Any) -> Verdict:
    passed = [name for name, value in values.items() if 2 * value <= 0.01]
    return Verdict(
        residuals={name: score(value, f"fit of {name}; held out; seed 0") for name, value in values.items()},
        tolerance=0.01,
        lowest=lowest(passed),
        **more,
    )


def grid(count: int, values: dict[str, float], **more: Any) -> Grid:
    registered = SimpleNamespace(component=LADDER, qualified_name="measures:ladder", kind="evaluator")
    verdicts = {
        (i, j): verdict({name: 0.0 if i == j else value * (1 + j) for name, value in values.items()}, **more)
        for i in range(count)
        for j in range(i, count)
    }
    verdicts |= {(j, i): each for (i, j), each in verdicts.items()}
    return Grid(
        chosen=SimpleNamespace(registered=registered, label="ladder"),  # type: ignore[arg-type]
        labels=tuple(f"run:{i}" for i in range(count)),
        claims=("",) * count,
        scores={name: {pair: each.residuals[name] for pair, each in verdicts.items()} for name in values},
        verdicts=verdicts,
    )


def drawn(made: Grid) -> Figure:
    (figure,) = draw(LadderOptions(), grid_finding(made), None)
    return figure


VALUES = {"identity": 2.0, "permutation": 1e-4, "orthogonal": 1e-12, "linear": 1e9, "affine": float("nan")}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_number_of_pairs_gives_one_picture(count: int, tmp_path: Any) -> None:
    figure = drawn(grid(count, VALUES))
    assert figure.name == "ladder"
    (path,) = save_figure(figure, tmp_path)
    with Image.open(path) as image:
        assert min(image.size) > 400
        assert np.asarray(image.convert("L")).std() > 5


def test_names_of_the_lowest_rungs_stand_out_and_others_do_not() -> None:
    order, axes = drawn(grid(2, VALUES)).static.axes
    names = {label.get_text(): label.get_fontweight() for label in order.get_yticklabels()}
    assert names == {
        "identity": "normal",
        "permutation": "bold",
        "orthogonal": "normal",
        "linear": "normal",
        "affine": "normal",
    }
    said = [text.get_text() for text in axes.texts]
    assert said.count("passes") == 2


def test_pairs_that_pass_are_counted() -> None:
    # 1 + j up to 4 scales the residual: 0.0012 · 2 · 4 is within 0.01, 0.0022 · 2 · 3 is not.
    _, axes = drawn(grid(4, {"identity": 0.0012, "permutation": 0.0022, "affine": 0.5})).static.axes
    said = [text.get_text() for text in axes.texts]
    assert said[:3] == ["6 of 6", "1 of 6", "0 of 6"]


def test_the_control_is_what_the_fit_of_the_class_alone_leaves_of_a_representation_and_itself() -> None:
    controls = {"identity": {"linear": score(0.25)}}
    order, axes = drawn(grid(3, {"linear": 0.002}, controls=controls)).static.axes
    hollow = [each for each in axes.collections if isinstance(each, PathCollection) and not len(each.get_facecolors())]
    assert [np.asarray(each.get_offsets()).tolist() for each in hollow] == [[[0.25, 0.0]]]
    assert [label.get_text() for label in order.get_yticklabels()] == ["linear"]


def test_residuals_beyond_the_axis_are_drawn_at_its_ends() -> None:
    _, axes = drawn(grid(2, VALUES)).static.axes
    low, high = axes.get_xlim()
    points = np.concatenate(
        [np.asarray(each.get_offsets())[:, 0] for each in axes.collections if hasattr(each, "get_offsets")]
    )
    shown = points[np.isfinite(points) & (points > 0)]
    assert low < shown.min()
    assert shown.max() < high


@pytest.mark.parametrize(
    "names", [tuple(RUNGS), tuple(name for name in RUNGS if name not in ("isometry", "lipschitz"))]
)
def test_no_line_of_the_order_runs_through_a_rung_that_it_does_not_join(names: tuple[str, ...]) -> None:
    places = {name: (figures._LANES[name], position) for position, name in enumerate(names)}
    for larger in names:
        for smaller in names:
            if larger == smaller or not includes(larger, smaller):
                continue
            if any(includes(larger, other) and includes(other, smaller) for other in set(names) - {larger, smaller}):
                continue
            (x, y), (u, v) = places[larger], places[smaller]
            for other in set(names) - {larger, smaller}:
                a, b = places[other]
                if v < b < y:
                    assert abs(u + (x - u) * (b - v) / (y - v) - a) > 0.2, (larger, smaller, other)


def test_every_rung_has_a_lane() -> None:
    assert set(figures._LANES) == set(RUNGS)


def test_conventions_say_once_what_all_scores_share_and_by_name_what_they_do_not() -> None:
    finding = grid_finding(grid(2, VALUES, left_out={"isometry": "no decoders"}))
    assert finding.conventions["estimator"] == "held out; seed 0"
    assert finding.conventions["estimator of linear"] == "fit of linear"
    assert finding.conventions["isometry left out"] == "no decoders"


def test_a_verdict_without_directions_or_controls_leaves_their_cells_empty() -> None:
    rows = grid_finding(grid(2, VALUES)).tables["directions"].rows
    assert [row[2] for row in rows] == list(VALUES)
    assert all(cell is None for row in rows for cell in row[3:])
    both = {side: {"identity": score(value)} for side, value in (("forward", 0.25), ("backward", 0.5))}
    rows = grid_finding(grid(2, {"identity": 0.5}, directions=both)).tables["directions"].rows
    assert rows == (("run:0", "run:1", "identity", 0.25, 0.5, None, None),)


def test_one_pair_is_said_shortly_and_several_are_counted() -> None:
    assert grid_finding(grid(2, VALUES)).summary == "lowest rung: permutation"
    assert grid_finding(grid(3, VALUES)).summary == "lowest rung of 3 pairs: permutation for 3"


def test_lanes_are_in_the_order_of_the_rungs() -> None:
    order = [list(RUNGS).index(name) for name in figures._LANES]
    assert all(first < second for first, second in pairwise(order))
