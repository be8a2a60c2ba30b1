"""Directed measures: every pair in both orders, source and target by name, invariance by role, both ways pictured."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from identify_core import ByRole, Evaluator, Finding, Score, Subject, invariance_of
from identify_core.errors import PluginError
from identify_core.evaluation.grids import grid_finding
from identify_core.evaluation.pairs import Member, Preparations, score_pairs
from identify_core.hookspecs import hookimpl
from identify_core.plugins import Registered, load_registry
from identify_core.reports.directed_figures import explained
from identify_core.reports.pair_figures import draw_grid
from identify_core.reports.relations_text import answer_lines
from identify_core.scores import say_invariance
from identify_core.spec import Chosen
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent

ROLES = ByRole(source=("affine",), target=("similarity",))


def left_over(options: Any, subject: Subject, context: Any) -> Score:
    """1 − R² of the best affine map from the source to the target."""
    source, target = subject.source.values(), subject.target.values()
    design = np.column_stack([source, np.ones(len(source))])
    centred = target - target.mean(0)
    rest = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return Score(
        measure="fit", value=float(np.square(rest).sum() / np.square(centred).sum()), larger_is="more distant",
        bounds=(0.0, 1.0), is_metric=False, invariant_to=ROLES, n=len(source), widths=(2, 3), estimator="in sample",
        dtype="float64",
    )  # fmt: skip


@pytest.fixture
def component(monkeypatch: pytest.MonkeyPatch) -> Evaluator:
    module = ModuleType("directed_targets")
    module.fit = left_over  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "directed_targets", module)
    return Evaluator(
        name="fit", summary="", target="directed_targets:fit", arity="pair", symmetric=False, invariant_to=ROLES,
        bounds=(0.0, 1.0), larger_is="more distant",
    )  # fmt: skip


def found(component: Evaluator, tmp_path: Path, count: int) -> Finding:
    """Of `count` representations of falling width: a narrow one is easy to reach and a bad place to start from."""
    wide = np.random.default_rng(0).normal(size=(60, count + 1))
    representations = [represent(wide[:, : count + 1 - k], f"{'abcdef'[k]}.npy") for k in range(count)]
    chosen = Chosen(
        registered=Registered(owner="p", component=component, distribution="d", version="1"),
        options=component.options(),
        label="fit",
    )
    return grid_finding(score_pairs(chosen, Preparations(representations), make_context(tmp_path)))


def test_tables_and_arrays_name_source_and_target(component: Evaluator, tmp_path: Path) -> None:
    finding = found(component, tmp_path, 3)
    table = finding.tables["pairs"]
    assert table.columns[:3] == ("source", "target", "measure")
    values = {row[:2]: row[3] for row in table.rows}
    assert len(values) == 6
    assert values["a.npy", "b.npy"] == pytest.approx(0, abs=1e-12)
    assert isinstance(values["b.npy", "a.npy"], float)
    assert values["b.npy", "a.npy"] > 0.1
    matrix = finding.arrays["value"]
    assert matrix.dimensions == ("source", "target")
    assert matrix.values[0, 1] == values["a.npy", "b.npy"]
    assert matrix.values[1, 0] == values["b.npy", "a.npy"]
    assert finding.conventions["invariant to"] == "source affine; target similarity"
    assert finding.summary.startswith("median over 6 ordered pairs: fit ")


def test_a_single_pair_is_told_both_ways(component: Evaluator, tmp_path: Path) -> None:
    finding = found(component, tmp_path, 2)
    back = finding.tables["pairs"].rows[1][3]
    assert finding.summary.endswith(f"fit {back:.4g} from b.npy to a.npy")
    assert "from a.npy to b.npy, fit" in finding.summary
    lines = answer_lines({"fit": finding}, {"a.npy": (60, 3), "b.npy": (60, 2)}, width=90)
    assert lines[0].startswith("fit a to b ")
    assert [line.split("  ")[0] for line in lines[-2:]] == ["fit a to b", "fit b to a"]
    assert all("source affine; target similarity" in line for line in lines[-2:])


def test_figures_keep_the_direction(component: Evaluator, tmp_path: Path) -> None:
    members = [Member(group=name, latents="z", width=2) for name in "abcd"]
    figures = {each.name: each for each in draw_grid(found(component, tmp_path, 4), component, members)}
    assert "map" not in figures, "a map of the representations has no direction"
    (axes, _) = figures["heat-map"].static.axes
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("source", "target")
    assert "from the source in its row to the target in its column" in figures["heat-map"].caption
    offsets = figures["directions"].static.axes[0].collections[0].get_offsets()
    assert len(offsets) == 6
    assert (offsets[:, 0] < offsets[:, 1]).all(), "down to a narrower one is easier than back"


def test_what_source_and_target_explain() -> None:
    generator = np.random.default_rng(1)
    targets, sources = generator.normal(size=5), generator.normal(size=5)
    only_target = np.broadcast_to(targets, (5, 5))
    assert explained(only_target)[1] == pytest.approx(1)
    assert explained(np.broadcast_to(sources[:, None], (5, 5)))[0] == pytest.approx(1)
    # A loop over the ordered pairs, for a matrix with both and a hole.
    matrix = sources[:, None] + 2 * targets + generator.normal(size=(5, 5))
    matrix[0, 1] = np.nan
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j and (i, j) != (0, 1)]
    values = np.array([matrix[pair] for pair in pairs])
    for side in (0, 1):
        means = {
            k: np.mean([value for pair, value in zip(pairs, values, strict=True) if pair[side] == k]) for k in range(5)
        }
        fitted = np.array([means[pair[side]] for pair in pairs])
        assert explained(matrix)[side] == pytest.approx(fitted.var() / values.var())
    assert np.isnan(explained(np.ones((3, 3)))).all()


def test_one_invariance_stands_for_both_roles() -> None:
    assert invariance_of(("orthogonal",), "source") == invariance_of(("orthogonal",), "target") == ("orthogonal",)
    assert (invariance_of(ROLES, "source"), invariance_of(ROLES, "target")) == (("affine",), ("similarity",))
    assert say_invariance(ByRole(source=("affine", "permutation"))) == "source affine, permutation; target nothing"
    assert say_invariance(()) == "nothing"


@pytest.mark.parametrize("declared", [{"arity": "pair"}, {"arity": "run", "symmetric": False}])
def test_an_invariance_by_role_needs_a_directed_measure(declared: Any) -> None:
    with pytest.raises(ValueError, match="'fit' has an invariance by role, and is not a pair evaluator with symmetric"):
        Evaluator(name="fit", summary="", target="a:b", invariant_to=ROLES, **declared)


def test_an_unknown_rung_of_a_role_is_refused() -> None:
    class Plugin:
        @hookimpl
        def identify_evaluators(self) -> list[Evaluator]:
            roles = ByRole(target=("rotation",))
            return [Evaluator(name="fit", summary="", target="a:b", arity="pair", symmetric=False, invariant_to=roles)]

    with pytest.raises(PluginError, match="'fit' names an unknown rung 'rotation'"):
        load_registry(only=("p",), extra={"p": Plugin()}, strict=True)
