"""The evaluator on whole runs: its finding is complete, its kept set exact, its warnings true, and it resumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Finding, Interrupted, OptionsError, Replicates, Subject
from identify_core.testing.contexts import make_context
from identify_genni.evaluators.subspace import evaluate
from identify_genni.options.subspace import SubspaceOptions

Make = Callable[[Replicates, torch.Tensor, torch.Tensor], Subject]
SMALL = {"counts": (9,), "precision": "float64"}


def run(subject: Subject, folder: Path, **options: Any) -> Finding:
    return evaluate(SubspaceOptions(**{**SMALL, **options}), subject, make_context(folder))


def parameters_at(finding: Finding, *place: int) -> torch.Tensor:
    """The parameters at a position (i_1, …, i_K) of the grid, from the finding alone."""
    arrays = finding.arrays
    vector = arrays["centre"].values.copy()
    for k, position in enumerate(place, start=1):
        vector += arrays[f"c{k}"].values[position] * arrays["basis"].values[k - 1]
    return torch.from_numpy(vector)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_values_are_the_loss_of_the_parameters_that_the_finding_names(
    subject: Subject, tmp_path: Path, dimension: int, loop: Callable[..., float]
) -> None:
    finding = run(subject, tmp_path, dimension=dimension, counts=tuple(range(3, 3 + dimension)), embedding="off")
    assert subject.run is not None
    held_out = subject.run.samples.split("test")
    values = finding.arrays["values"].values
    assert finding.arrays["values"].dimensions == tuple(f"c{k}" for k in range(dimension, 0, -1))
    assert values.shape == tuple(range(3, 3 + dimension))[::-1]
    module = subject.run.replicates.module(0)
    for place in np.ndindex(*values.shape):
        vector = parameters_at(finding, *place[::-1])
        expected = loop(module, vector, held_out.tensor("x"), held_out.tensor("y"))
        assert float(values[place]) == pytest.approx(expected, rel=1e-10, abs=1e-14)
    assert np.array_equal(finding.arrays["equivalent"].values, values <= finding.scalars["epsilon"])
    assert finding.scalars["kept-points"] == int((values <= finding.scalars["epsilon"]).sum())


def test_tolerances_and_counts_are_reported(subject: Subject, tmp_path: Path) -> None:
    finding = run(subject, tmp_path, epsilon=0.05)
    assert subject.run is not None
    y = subject.run.samples.split("test").tensor("y")
    scalars = finding.scalars
    assert scalars["epsilon-relative"] == pytest.approx(0.05)
    assert scalars["epsilon"] == pytest.approx(0.05 * float(y.var(correction=0)))
    assert scalars["target-energy"] == pytest.approx(float(y.square().mean()))
    assert scalars["points"] == scalars["points-evaluated"] == 729
    assert scalars["parameters"] == 4
    assert (scalars["target-slope-positive"], scalars["target-slope-negative"]) == pytest.approx((0.6, -0.4))
    assert finding.warnings == ()
    absolute = run(subject, tmp_path, epsilon_absolute=0.002)
    assert absolute.scalars["epsilon"] == 0.002
    assert "200 inputs of the split test" in finding.conventions["inputs"]


def test_the_table_names_every_replicate_and_where_it_is(subject: Subject, tmp_path: Path) -> None:
    table = run(subject, tmp_path, dimension=2).tables["nets"]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["role"] for row in rows] == ["centre", "direction", "direction", *["elsewhere"] * 3]
    assert sorted(str(row["net"]) for row in rows) == [f"replicate {r}" for r in range(6)]
    assert rows[0]["c1"] == rows[0]["c2"] == 0.0
    assert float(rows[1]["c1"] or 0) > 0
    assert float(rows[2]["c2"] or 0) > 0
    verdicts = {row["net"]: row["equivalent"] for row in rows}
    assert verdicts["replicate 5"] == "no"
    assert verdicts["replicate 0"] == "yes"
    assert all(float(row["distance"] or 0) > 1e-3 for row in rows[3:])


def test_train_inputs_and_fewer_inputs_on_request(subject: Subject, tmp_path: Path) -> None:
    through = {"centre": 0, "through": (1, 2, 3)}
    train = run(subject, tmp_path, split="train", **through)
    held_out = run(subject, tmp_path, **through)
    few = run(subject, tmp_path, inputs=50, **through)
    losses = [finding.arrays["values"].values for finding in (train, held_out, few)]
    assert not np.allclose(losses[0], losses[1], rtol=1e-3)
    assert not np.allclose(losses[1], losses[2], rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "validation"}, "no split 'validation'; there are: none, test, train"),
        ({"split": "none"}, "the split 'none' is empty"),
        ({"inputs": 5000}, "has 200 inputs, and 5000 are wanted"),
        ({"counts": (3, 4)}, "`counts` has 2 numbers for 3 directions"),
        ({"lower": (1.0,), "upper": (-1.0,)}, "axis c1 would run from 1 to -1"),
        ({"memory": 1}, "a budget of 1 bytes does not hold"),
    ],
)
def test_wrong_options_are_refused(subject: Subject, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionsError, match=words.replace("(", r"\(")):
        run(subject, tmp_path, **options)


@pytest.mark.parametrize(
    "options", [{"dimension": 5}, {"counts": (1,)}, {"epsilon": 0.0}, {"safety": 0.0}, {"centre": -1}, {"levels": 0}]
)
def test_values_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        SubspaceOptions(**options)


def test_a_subject_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="studies a run"):
        run(Subject(representations=()), tmp_path)


@pytest.mark.parametrize("directions", ["null-space", "symmetry", "random", "principal"])
def test_every_kind_of_direction_ends_in_a_finding(subject: Subject, tmp_path: Path, directions: str) -> None:
    finding = run(subject, tmp_path, directions=directions, dimension=2)
    assert finding.arrays["values"].values.shape == (9, 9)
    lows = [finding.arrays[f"c{k}"].values[0] for k in (1, 2)]
    assert all(low < 0 for low in lows)
    if directions != "principal":
        assert finding.arrays["values"].values[4, 4] == pytest.approx(0, abs=1e-14)
        assert finding.arrays["net-coordinates"].values.tolist() == [[0.0, 0.0]]


def test_the_same_bounds_on_request(subject: Subject, tmp_path: Path) -> None:
    finding = run(subject, tmp_path, same_bounds=True)
    axes = [finding.arrays[f"c{k}"].values for k in (1, 2, 3)]
    assert np.array_equal(axes[0], axes[1])
    assert np.array_equal(axes[1], axes[2])


def test_adaptive_keeps_the_same_set(subject: Subject, tmp_path: Path) -> None:
    common = {"counts": (41,), "epsilon": 0.05, "lower": (-1.0,), "upper": (1.0,)}
    full = run(subject, tmp_path, **common)
    adaptive = run(subject, tmp_path, refinement="adaptive", **common)
    assert np.array_equal(full.arrays["equivalent"].values, adaptive.arrays["equivalent"].values)
    assert int(adaptive.scalars["points-evaluated"] or 0) < 41**3 / 5
    marked = np.isnan(adaptive.arrays["values"].values)
    assert int((~marked).sum()) == adaptive.scalars["points-evaluated"]
    assert not np.isnan(adaptive.arrays["values-filled"].values).any()
    assert "points were evaluated" in adaptive.summary


@pytest.mark.parametrize("refinement", ["none", "adaptive"])
def test_a_stopped_run_resumes_to_the_same_bits(subject: Subject, tmp_path: Path, refinement: str) -> None:
    options = SubspaceOptions(counts=(31,), refinement=refinement, memory=2**16)  # type: ignore[arg-type]
    expected = evaluate(options, subject, make_context(tmp_path / "whole"))
    answers = iter([False] * 3 + [True])
    with pytest.raises(Interrupted):
        evaluate(options, subject, make_context(tmp_path / "stopped", stop_requested=lambda: next(answers)))
    assert len(list((tmp_path / "stopped").glob("subspace-*/*.npy"))) == 3
    found = evaluate(options, subject, make_context(tmp_path / "stopped"))
    for name, array in expected.arrays.items():
        assert np.array_equal(array.values, found.arrays[name].values, equal_nan=array.values.dtype.kind == "f"), name


def test_other_weights_do_not_take_over_finished_chunks(subject: Subject, make: Make, tmp_path: Path) -> None:
    assert subject.run is not None
    samples = subject.run.samples
    moved = subject.run.replicates.vectors() * 1.1
    other = Replicates.from_modules([subject.run.replicates.module(r) for r in range(6)])
    other.set_vectors(moved)
    changed = make(other, samples.tensor("x"), samples.tensor("y"))
    common = {"centre": 0, "through": (1, 2, 3), "lower": (-1.0,), "upper": (1.0,)}
    first = run(subject, tmp_path, **common)
    second = run(changed, tmp_path, **common)
    assert not np.allclose(first.arrays["values"].values, second.arrays["values"].values, rtol=1e-3)


def test_dead_nets_and_a_careless_tolerance_are_said(
    two: Callable[..., nn.Module], inputs: torch.Tensor, make: Make, tmp_path: Path
) -> None:
    """The released study's mistakes: a dead centre, nets that are not solutions, an ε far above the target's energy."""
    dead = [two(1.0, 2.0, 0.0, 0.0), two(-1.0, 0.5, 0.0, 0.0), two(0.3, 0.4, 0.0, 0.0)]
    y = 0.01 * inputs.clamp(max=0)
    subject = make(Replicates.from_modules(dead), inputs, y)
    context = make_context(tmp_path)
    options = SubspaceOptions(dimension=2, counts=(9,), epsilon_absolute=0.0025)
    finding = evaluate(options, subject, context)
    words = "\n".join(finding.warnings)
    assert "times J of the zero function" in words
    assert "times J of the best constant function" in words
    assert "replicate 0 is zero on all inputs: it is dead" in words
    assert "of the kept points are better than the best constant function, and" in words
    assert "kept networks that were looked at give one output for all inputs" in words
    assert finding.scalars["kept-constant-functions"] == 1.0
    assert finding.scalars["kept-beating-constant"] == 0.0
    assert context.warnings == []  # whoever runs the evaluator says what its finding warns of


def test_an_empty_set_is_said(subject: Subject, tmp_path: Path) -> None:
    finding = run(subject, tmp_path, lower=(5.0,), upper=(6.0,))
    assert finding.scalars["kept-points"] == 0
    assert any("no grid point is within ε" in sentence for sentence in finding.warnings)


def test_diverged_points_are_counted(subject: Subject, tmp_path: Path) -> None:
    finding = run(subject, tmp_path, lower=(-1e30,), upper=(1e30,), counts=(3,), precision="float32")
    assert any("J is not finite at" in sentence for sentence in finding.warnings)


def test_half_precision_runs_are_evaluated_in_single_or_double(subject: Subject, tmp_path: Path) -> None:
    values = [run(subject, tmp_path, precision=p).arrays["values"].values for p in ("float32", "float64")]
    assert not np.array_equal(*values)
    np.testing.assert_allclose(*values, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_embedding_is_reproducible_and_holds_the_nets(subject: Subject, tmp_path: Path) -> None:
    options = {"dimension": 4, "counts": (13,), "epsilon": 0.2, "embedding_points": 200}
    one, again = run(subject, tmp_path / "a", **options), run(subject, tmp_path / "b", **options)
    places = one.arrays["embedding"].values
    assert np.array_equal(places, again.arrays["embedding"].values)
    assert len(places) == len(one.arrays["embedding-points"].values) + 5
    kept = one.arrays["equivalent"].values.reshape(-1)
    assert kept[one.arrays["embedding-points"].values].all()
