"""Pictures of a sweep: every run is a point where its setting and number say, the line goes through the means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.sweeps import figures
from identify_core.sweeps.figures import draw_sweep
from identify_core.sweeps.summary import Row


def row(index: int, values: dict[str, Any], status: str = "finished", **scalars: Any) -> Row:
    return Row(
        index=index,
        name=f"toy-{index:03d}",
        values=values,
        status=status,
        run="",
        reason="",
        failures={},
        scalars={name.replace("_", "/"): value for name, value in scalars.items()},
    )


def drawn(monkeypatch: pytest.MonkeyPatch, rows: list[Row], settings: list[str]) -> dict[str, Any]:
    """Figures by name, instead of files."""
    found: dict[str, Any] = {}

    def keep(figure: Any, folder: Path) -> list[Path]:
        found[figure.name] = figure
        return []

    monkeypatch.setattr(figures, "save_figure", keep)
    draw_sweep(rows, settings, Path("figures"))
    return found


def panels(figure: Any) -> dict[str, Any]:
    return {axes.get_title(loc="left"): axes for axes in figure.static.axes if axes.axison}


GRID = [
    row(i, {"objective.rate": rate, "seed": seed, "dataset.kind": kind}, whole_loss=rate + seed, whole_name="x")
    for i, (rate, seed, kind) in enumerate(
        [(rate, seed, kind) for rate in (10.0, 0.1, 1.0) for seed in (0, 1) for kind in ("even", "odd")], start=1
    )
]


def test_a_numeric_setting_is_a_line_through_the_means_with_a_band_from_least_to_largest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = drawn(monkeypatch, GRID, ["objective.rate", "seed", "dataset.kind"])
    assert figures.keys() == {"objective-rate", "dataset-kind"}  # the seed is what the spread is over
    panel = panels(figures["objective-rate"])["whole: loss"]
    line, points = panel.lines[:2]
    np.testing.assert_allclose(line.get_xydata(), [[0.1, 0.6], [1.0, 1.5], [10.0, 10.5]])
    assert sorted(map(tuple, points.get_xydata())) == [(r, r + s) for r in (0.1, 1.0, 10.0) for s in (0, 1)]
    band = panel.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.1, 11.0)
    assert (panel.get_xscale(), panel.get_xlabel()) == ("log", "objective.rate")
    legend = figures["objective-rate"].static.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["kind even", "kind odd"]
    assert "dataset.kind" in figures["objective-rate"].caption


def test_another_setting_is_a_row_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = panels(drawn(monkeypatch, GRID, ["objective.rate", "seed", "dataset.kind"])["dataset-kind"])["whole: loss"]
    assert [text.get_text() for text in panel.get_xticklabels()] == ["even", "odd"]
    # One group for each rate, next to one another around the name that they belong to.
    means = np.array([line.get_xdata() for line in panel.lines[::2]])
    np.testing.assert_allclose(means.mean(0), [0, 1], atol=1e-12)
    assert len(set(means[:, 0])) == 3


def test_what_cannot_be_drawn_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        row(1, {"x": 1}, a=1.0, same=2.0, text="a", flag=True, step=1),
        row(2, {"x": 2}, a=float("nan"), same=2.0, text="b", flag=False, step=2),
        row(3, {"x": 3}, a=3.0, same=2.0, text="c", flag=False, step=3),
        row(4, {"x": 4}, "failed", a=9.0),
    ]
    (figure,) = drawn(monkeypatch, rows, ["x"]).values()
    (panel,) = panels(figure).values()
    np.testing.assert_array_equal(panel.lines[1].get_xydata(), [[1, 1], [3, 3]])
    assert panel.get_xscale() == "linear"
    assert drawn(monkeypatch, rows[:1], ["x"]) == {}
    assert drawn(monkeypatch, [row(1, {"seed": 0}, a=1.0), row(2, {"seed": 1}, a=2.0)], ["seed"]) == {}


def test_many_numbers_and_many_groups_are_cut_to_what_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [
        row(i, {"x": i % 2, "k": i // 2}, "finished", **{f"n{j}": float(i * j + j) for j in range(1, 10)})
        for i in range(20)
    ]
    figure = drawn(monkeypatch, numbers, ["x", "k"])["x"]
    assert len(panels(figure)) == 6
    assert figure.static.legends == []
    assert "The first 6 of 9 numbers that vary." in figure.caption
    assert "Runs with other k are shown together." in figure.caption


def test_numbers_of_many_magnitudes_have_a_logarithmic_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(i, {"x": i}, a=10.0**i) for i in range(1, 6)]
    (panel,) = panels(drawn(monkeypatch, rows, ["x"])["x"]).values()
    assert panel.get_yscale() == "log"


def test_true_and_one_are_two_values(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(1, {"x": True}, a=1.0), row(2, {"x": False}, a=2.0)]
    (panel,) = panels(drawn(monkeypatch, rows, ["x"])["x"]).values()
    assert [text.get_text() for text in panel.get_xticklabels()] == ["true", "false"]


def test_the_files_are_pictures(tmp_path: Path) -> None:
    files = draw_sweep(GRID, ["objective.rate", "seed", "dataset.kind"], tmp_path / "figures")
    assert [file.name for file in files] == ["objective-rate.png", "dataset-kind.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
