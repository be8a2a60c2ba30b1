"""The evaluators `nullity`, `symmetry` and `trace` on runs whose answers are known, and their pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Finding, Interrupted, OptionsError, RunError, Subject, save_figure
from identify_core.testing.contexts import make_context
from identify_genni.evaluators import nullity, symmetry, trace
from identify_genni.options.nullity import NullityOptions
from identify_genni.options.symmetry import SymmetryOptions
from identify_genni.options.trace import TraceOptions
from identify_genni.views import nullity as nullity_view
from identify_genni.views import symmetry as symmetry_view
from identify_genni.views import trace as trace_view

STUCK = torch.tensor([0.5, 0.8, -0.3, 0.1], dtype=torch.float64)
QUICK = TraceOptions(walkers=4, steps=12, cloud=60)


def column(finding: Finding, table: str, name: str) -> list[Any]:
    found = finding.tables[table]
    return [row[found.columns.index(name)] for row in found.rows]


@pytest.fixture
def pieces(four: Any, four_subject: Callable[..., Subject]) -> Subject:
    """Two replicates on the solid piece (one a copy of the other), one on each flat piece, and one outside."""
    copy = four.solid[[1, 0, 3, 2]] * torch.tensor([2.0, 0.5, 0.5, 2.0])
    return four_subject(four.solid, copy, four.flat, four.mirror, STUCK)


def test_nullity_of_the_pieces(pieces: Subject, tmp_path: Path) -> None:
    finding = nullity.evaluate(NullityOptions(), pieces, make_context(tmp_path))
    assert column(finding, "replicates", "rank") == [1, 1, 2, 2, 1]
    assert column(finding, "replicates", "nullity") == [3, 3, 2, 2, 3]
    assert column(finding, "replicates", "nullity held-out") == [3, 3, 2, 2, 3]
    assert column(finding, "replicates", "symmetry dimension") == [2] * 5
    assert column(finding, "replicates", "excess") == [1, 1, 0, 0, 1]
    assert np.allclose(column(finding, "replicates", "J/ε on the small ellipsoid"), 1, atol=1e-2)
    assert finding.scalars["symmetry-dimension"] == 2
    best = column(finding, "replicates", "nullity")[int(finding.scalars["best-replicate"] or 0)]
    assert finding.summary.startswith(f"{best} of 4 dimensions are free at replicate ")
    assert "by known symmetry" in finding.summary
    assert "between 2 and 3" in finding.summary


def test_replicates_beyond_the_allowance_are_left_out_and_named(pieces: Subject, tmp_path: Path) -> None:
    finding = nullity.evaluate(NullityOptions(effort=1e-9, replicates=(0, 2, 4)), pieces, make_context(tmp_path))
    kept = column(finding, "replicates", "replicate")
    assert kept in ([0], [2])  # the better of those in the class, never the one outside
    left = ", ".join(str(each) for each in (0, 2, 4) if each not in kept)
    assert any(f"replicates {left} were left out" in each for each in finding.warnings)


def test_stopping_between_jacobians(pieces: Subject, tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="Jacobians of 0 of 5 replicates"):
        nullity.evaluate(NullityOptions(), pieces, make_context(tmp_path, stop_requested=lambda: True))


def test_more_outputs_than_data_is_said(subject_of: Callable[..., Subject], tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
    x = torch.randn(8, 2)
    subject = subject_of([module], x, module(x).detach(), train=5)
    finding = nullity.evaluate(NullityOptions(), subject, make_context(tmp_path))
    assert column(finding, "replicates", "nullity") == [25 - 5]
    assert column(finding, "replicates", "nullity on both") == [25 - 8]
    assert any("more inputs would leave fewer directions free" in each for each in finding.warnings)


def test_a_linear_network_shows_its_fibre(subject_of: Callable[..., Subject], tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 3, bias=False), nn.Linear(3, 2, bias=False))
    x = torch.randn(40, 4)
    finding = nullity.evaluate(
        NullityOptions(), subject_of([module], x, module(x).detach(), train=30), make_context(tmp_path)
    )
    # P = 12 + 9 + 6 and a map of rank 2 from 4 inputs to 2 outputs: 27 − 2 (4 + 2 − 2).
    assert column(finding, "replicates", "linear fibre dimension") == [19]
    assert column(finding, "replicates", "nullity") == [19]


def test_verdicts_on_the_pieces(pieces: Subject, tmp_path: Path) -> None:
    finding = symmetry.evaluate(SymmetryOptions(), pieces, make_context(tmp_path))
    pairs = zip(column(finding, "pairs", "replicate"), column(finding, "pairs", "other"), strict=True)
    verdicts = dict(zip(pairs, column(finding, "pairs", "verdict"), strict=True))
    copy, piece, outside = "symmetric copy", "same connected piece", "not equivalent"
    assert verdicts == {
        (0, 1): copy, (2, 3): copy, (0, 2): piece, (0, 3): piece, (1, 2): piece, (1, 3): piece,
        (0, 4): outside, (1, 4): outside, (2, 4): outside, (3, 4): outside,
    }  # fmt: skip
    assert column(finding, "replicates", "in the class") == [True] * 4 + [False]
    assert column(finding, "replicates", "group") == [0, 0, 0, 0, None]
    before, after = (column(finding, "pairs", f"barrier {when}") for when in ("before", "after"))
    assert before[0] > 0.1  # the copy lies across a barrier,
    assert after[0] < 1e-10  # which alignment takes away
    assert any("replicates 4 are not in the class" in each for each in finding.warnings)


def test_isolated_solutions_of_a_tanh_network_are_copies(
    subject_of: Callable[..., Subject], tmp_path: Path, generator: torch.Generator
) -> None:
    from identify_genni.layers import describe
    from identify_genni.symmetries.actions import apply, random_element

    torch.manual_seed(0)
    modules = [nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double() for _ in range(3)]
    structure = describe(modules[0])
    state = apply(structure, random_element(structure, generator), modules[0].state_dict())
    modules[1].load_state_dict(state)
    x = torch.randn(80, 2, generator=generator, dtype=torch.float64)
    y = modules[0](x).detach()
    finding = symmetry.evaluate(SymmetryOptions(), subject_of(modules, x, y, train=60), make_context(tmp_path))
    assert column(finding, "pairs", "verdict") == ["symmetric copy", "not equivalent", "not equivalent"]


class Alias(nn.Module):
    """sin(w x), whose values on integers do not tell w from w + 2π."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x * self.weight)


def test_aliases_are_called_different_and_the_claim_is_limited(
    subject_of: Callable[..., Subject], tmp_path: Path
) -> None:
    modules: list[nn.Module] = [Alias(0.7), Alias(0.7 + 2 * torch.pi), Alias(0.7)]
    x = torch.arange(-20.0, 20.0)[:, None]
    options = SymmetryOptions(path_iterations=5, path_attempts=2)
    finding = symmetry.evaluate(options, subject_of(modules, x, torch.sin(0.7 * x), train=30), make_context(tmp_path))
    assert column(finding, "pairs", "verdict") == ["genuinely different", "symmetric copy", "genuinely different"]
    assert any("symmetries are left out" in each for each in finding.warnings)
    assert any("no path was found with this search" in each for each in finding.warnings)
    assert column(finding, "replicates", "group") == [0, 1, 0]


def test_large_networks_are_not_searched(pieces: Subject, tmp_path: Path) -> None:
    finding = symmetry.evaluate(SymmetryOptions(path_parameters=3), pieces, make_context(tmp_path))
    assert set(column(finding, "pairs", "verdict")) == {"symmetric copy", "not searched", "not equivalent"}
    assert any("4 parameters are more than path_parameters = 3" in each for each in finding.warnings)


def test_a_small_allowance_leaves_pairs_undecided_and_says_so(pieces: Subject, tmp_path: Path) -> None:
    """Without work nothing is claimed: a pair is never called different because the search had to end."""
    finding = symmetry.evaluate(SymmetryOptions(effort=1e-3, polish=False), pieces, make_context(tmp_path))
    verdicts = column(finding, "pairs", "verdict")
    assert verdicts.count("not decided") == 4
    assert verdicts.count("symmetric copy") == 2
    assert finding.scalars["not-decided"] == 4
    assert finding.scalars["genuinely-different"] == 0
    assert "4 not decided within the search's budget" in finding.summary
    assert any("4 pairs are not decided: the search's budget ended first" in each for each in finding.warnings)
    (figure,) = symmetry_view.draw(SymmetryOptions(), finding, None)
    assert "not decided (4)" in {text.get_text() for legend in figure.static.legends for text in legend.get_texts()}


def test_copies_and_linked_pairs_are_not_searched(
    pieces: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five pairs of the class are not copies or linked already once two copies and one path are known."""
    searched: list[float] = []

    def counted(*arguments: Any) -> Any:
        searched.append(arguments[-1].limit)
        return join(*arguments)

    join = symmetry.join
    monkeypatch.setattr(symmetry, "join", counted)
    finding = symmetry.evaluate(SymmetryOptions(), pieces, make_context(tmp_path))
    assert finding.scalars["same-connected-piece"] == 4
    assert len(searched) == 1
    assert searched[0] <= 20e9 / 4


def test_a_step_of_polishing_must_fit_the_allowance(pieces: Subject, tmp_path: Path) -> None:
    finding = symmetry.evaluate(SymmetryOptions(effort=1e-7, paths=False), pieces, make_context(tmp_path))
    assert np.isnan(column(finding, "replicates", "J/Var(f*) polished")).all()
    assert any("no replicate was polished" in each for each in finding.warnings)


def test_stopping_within_the_search_for_paths(pieces: Subject, tmp_path: Path) -> None:
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) > 5 + 10  # five replicates, ten pairs, then the rounds of the search

    with pytest.raises(Interrupted, match="replicates were compared"):
        symmetry.evaluate(SymmetryOptions(), pieces, make_context(tmp_path, stop_requested=stop))


def test_trace_of_the_pieces(pieces: Subject, four: Any, tmp_path: Path) -> None:
    options = TraceOptions(walkers=4, steps=20, replicates=(0, 2, 4))
    finding = trace.evaluate(options, pieces, make_context(tmp_path))
    assert column(finding, "dimensions", "replicate") == [0, 2]
    assert column(finding, "dimensions", "nullity") == [3, 2]
    assert column(finding, "dimensions", "local PCA") == [3, 2]
    for value, dimension in zip(column(finding, "dimensions", "TwoNN"), (3, 2), strict=True):
        assert value == pytest.approx(dimension, rel=0.25)
    assert any("replicate 4 is not in the class" in each for each in finding.warnings)
    assert finding.arrays["relative"].values.max() <= options.tolerance
    assert finding.arrays["held-out"].values.max() <= 1e-8  # functions, not only data, stay the same
    points = torch.from_numpy(finding.arrays["points"].values)
    assert four.deviation(points) < 1e-4 * 0.3
    projected = finding.arrays["projected"].values
    steps = np.linalg.norm(np.diff(projected, axis=2), axis=-1)
    assert steps.max() <= 1.5 * options.length * 2  # |θ| is about 1 and corrections are at most half a step


def test_the_headline_names_every_nullity_that_the_panels_show(pieces: Subject, tmp_path: Path) -> None:
    """Replicate 2 lies on the piece of two dimensions; its walks cross into the piece of three."""
    options = TraceOptions(walkers=4, steps=60, replicates=(2,), cloud=100)
    finding = trace.evaluate(options, pieces, make_context(tmp_path))
    nullities = 4 - finding.arrays["ranks"].values[0]
    assert set(np.unique(nullities)) == {2, 3}
    (figure,) = trace_view.draw(options, finding, None)
    legends = [each.get_legend() for each in figure.static.axes if each.get_legend() is not None]
    panel = {text.get_text() for legend in legends for text in legend.get_texts()}
    for free in (2, 3):
        share = f"{np.mean(nullities == free):.0%}"
        assert f"{free} ({share} of the points)" in finding.summary
        assert f"nullity {free}: {share}" in panel
    assert "walks from there meet pieces of nullity" in finding.summary
    assert len(finding.summary) < 220
    stays = trace.evaluate(attrs.evolve(options, strata="stay"), pieces, make_context(tmp_path))
    assert "pieces of nullity" not in stays.summary


def test_the_class_of_a_replicates_own_function(pieces: Subject, tmp_path: Path) -> None:
    options = TraceOptions(walkers=2, steps=5, cloud=40, replicates=(4,), around="replicate")
    finding = trace.evaluate(options, pieces, make_context(tmp_path))
    assert column(finding, "dimensions", "nullity") == [3]


def test_nothing_to_trace_is_a_finding(four_subject: Callable[..., Subject], tmp_path: Path) -> None:
    finding = trace.evaluate(QUICK, four_subject(STUCK, 2 * STUCK), make_context(tmp_path))
    assert finding.scalars["traced"] == 0
    assert len(finding.warnings) == 2
    assert list(trace_view.draw(QUICK, finding, None)) == []


def test_an_interrupted_trace_goes_on_to_the_same_finding(pieces: Subject, tmp_path: Path) -> None:
    whole = trace.evaluate(QUICK, pieces, make_context(tmp_path / "whole"))
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) == 17

    with pytest.raises(Interrupted, match="stopped after 5 of 12 steps"):
        trace.evaluate(QUICK, pieces, make_context(tmp_path / "part", stop_requested=stop))
    again = trace.evaluate(QUICK, pieces, make_context(tmp_path / "part"))
    for name, array in whole.arrays.items():
        assert np.array_equal(array.values, again.arrays[name].values, equal_nan=True), name


@pytest.mark.parametrize(
    ("evaluator", "options", "view"),
    [
        (nullity, NullityOptions(), nullity_view),
        (symmetry, SymmetryOptions(), symmetry_view),
        (trace, QUICK, trace_view),
    ],
)
def test_pictures_are_drawn_from_the_finding_alone(
    pieces: Subject, tmp_path: Path, evaluator: Any, options: Any, view: Any
) -> None:
    finding = evaluator.evaluate(options, pieces, make_context(tmp_path))
    (figure,) = view.draw(options, finding, None)
    (written,) = save_figure(figure, tmp_path, ("png",))
    assert written.stat().st_size > 20_000
    assert "plotly" in (figure.interactive or "").lower()
    assert figure.caption


@pytest.mark.parametrize(
    ("evaluator", "options", "message"),
    [
        (nullity, NullityOptions(replicates=(9,)), "no replicate 9"),
        (nullity, NullityOptions(split="validation"), "no samples in the split 'validation'"),
        (symmetry, SymmetryOptions(replicates=(1,)), "there is only one"),
        (trace, TraceOptions(replicates=(7,)), "no replicate 7"),
    ],
)
def test_what_does_not_exist_is_said(
    pieces: Subject, tmp_path: Path, evaluator: Any, options: Any, message: str
) -> None:
    with pytest.raises(OptionsError, match=message):
        evaluator.evaluate(options, pieces, make_context(tmp_path))


def test_single_representations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="studies a whole run"):
        nullity.evaluate(NullityOptions(), Subject(representations=()), make_context(tmp_path))


def test_a_constant_target_is_refused(subject_of: Callable[..., Subject], tmp_path: Path) -> None:
    x = torch.randn(10, 1)
    with pytest.raises(OptionsError, match="constant on the split"):
        nullity.evaluate(NullityOptions(), subject_of([nn.Linear(1, 1)], x, 0 * x, train=5), make_context(tmp_path))


def test_stopping_between_pairs(pieces: Subject, tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="replicates were compared"):
        symmetry.evaluate(SymmetryOptions(), pieces, make_context(tmp_path, stop_requested=lambda: True))
