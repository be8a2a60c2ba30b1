"""The multi-task regression: weak identifiability on noiseless problems, resuming, and every refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Context, Finding, Interrupted, Latents, OptionsError, Replicates, Samples
from identify_core.testing.contexts import make_context
from identify_mtlcm.objectives.mtrn import train
from identify_mtlcm.options.regression import MtrnOptions

QUICK = MtrnOptions(epochs=3, batch_size=100)


def run(
    problem: Any, folder: Path, options: MtrnOptions = QUICK, **more: Any
) -> tuple[Finding, torch.Tensor, Replicates, Context]:
    context = problem.context(folder, **more)
    replicates = problem.replicates(context)
    finding, latents = train(options, replicates, problem.samples, context)
    assert isinstance(finding, Finding)
    assert isinstance(latents, Latents)
    assert isinstance(latents.values, torch.Tensor)
    return finding, latents.values, replicates, context


@pytest.mark.parametrize("wide", [False, True])
def test_two_optima_agree_up_to_a_linear_map(
    tmp_path: Path, make_problem: Any, make_regression: Any, explained: Any, wide: bool
) -> None:
    problem = make_problem(samples=make_regression(wide=wide), latents=3)
    options = MtrnOptions(epochs=120, batch_size=100, polish=60, weight_decay=1e-8, head_penalty=1e-8)
    finding, h, _, _ = run(problem, tmp_path, options)
    truth = np.stack([each.values[500:] for each in problem.samples.factors.values()], axis=1)
    assert explained(h[0], h[1]) > 0.999
    assert explained(h[1], h[0]) > 0.999
    assert explained(h[0], truth) > 0.999
    assert finding.scalars["head-rank"] == 3
    assert finding.scalars["test-loss"] < 1e-3  # type: ignore[operator]
    untrained = problem.replicates(problem.context(tmp_path / "untrained"))
    assert explained(untrained(problem.samples.tensor("x")[500:])[0], truth) < 0.999


def test_the_kept_heads_on_the_kept_representation_predict_the_targets(
    tmp_path: Path, make_problem: Any, make_regression: Any
) -> None:
    """The encoder that the engine stores and the heads of the finding belong together, in the targets' own units."""
    samples = make_regression()
    options = MtrnOptions(epochs=60, batch_size=100, keep="all")
    finding, h, replicates, _ = run(make_problem(samples=samples, latents=3), tmp_path, options)
    weights, biases = finding.arrays["weights"].values, finding.arrays["biases"].values
    task, y = samples.tensor("task").numpy(), samples.tensor("y")[:, 0].numpy()
    for r in range(2):
        with torch.no_grad():
            assert torch.allclose(replicates.module(r)(samples.tensor("x")), h[r], atol=1e-5)
        predicted = (h[r].numpy() * weights[r][task]).sum(1) + biases[r][task]
        assert np.corrcoef(predicted, y)[0, 1] > 0.995
        scale = np.array([y[:500][task[:500] == t].std() for t in range(12)])
        loss = float((((predicted - y) / scale[task])[:500] ** 2).mean() / 2)
        assert loss == pytest.approx(finding.tables["replicates"].rows[r][4], rel=1e-3)


def test_rows_with_missing_targets_do_not_count(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    """Rows without a target change nothing: with full batches, training with them and without them is the same."""
    samples = make_regression()
    y = samples.tensor("y").clone()
    gone = np.arange(0, 500, 5)
    y[gone] = torch.nan
    blank = attrs.evolve(samples, columns={**samples.columns, "y": y})
    rest = attrs.evolve(samples, splits={**samples.splits, "train": np.setdiff1d(np.arange(500), gone)})
    options = MtrnOptions(epochs=5, batch_size=None, inputs="as-given", covariance_penalty=0.0)
    first, h, _, _ = run(make_problem(samples=blank, latents=3), tmp_path / "blank", options)
    second, other, _, _ = run(make_problem(samples=rest, latents=3), tmp_path / "rest", options)
    assert torch.allclose(h, other, atol=1e-4)
    assert first.scalars["train-loss"] == pytest.approx(second.scalars["train-loss"], rel=1e-4)


def test_both_layouts_of_the_same_problem_learn_the_same(
    tmp_path: Path, make_problem: Any, make_regression: Any
) -> None:
    """A wide layout in which every row has one target is the long layout."""
    long = make_regression()
    wide = torch.full((600, 12), torch.nan)
    wide[torch.arange(600), long.tensor("task")] = long.tensor("y")[:, 0]
    broad = attrs.evolve(long, columns={"x": long.tensor("x"), "y": wide})
    options = MtrnOptions(epochs=4, batch_size=100)
    first, h, _, _ = run(make_problem(samples=long, latents=3), tmp_path / "long", options)
    second, other, _, _ = run(make_problem(samples=broad, latents=3), tmp_path / "wide", options)
    assert torch.allclose(h, other, atol=1e-3)
    assert np.allclose(first.arrays["weights"].values, second.arrays["weights"].values, rtol=1e-2, atol=1e-2)


def test_a_replicate_does_not_depend_on_how_many_there_are(
    tmp_path: Path, make_problem: Any, make_regression: Any
) -> None:
    problem = make_problem(samples=make_regression(), latents=3)
    _, three, _, _ = run(problem, tmp_path / "three", count=3)
    _, two, _, _ = run(problem, tmp_path / "two", count=2)
    assert torch.equal(three[:2], two)
    assert not torch.allclose(three[0], three[1])


@pytest.mark.parametrize("polish", [0, 4])
def test_a_resumed_run_ends_with_the_same_bits(
    tmp_path: Path, make_problem: Any, make_regression: Any, polish: int
) -> None:
    problem = make_problem(samples=make_regression(), latents=3)
    options = MtrnOptions(epochs=3, batch_size=100, polish=polish)
    whole, expected, state, context = run(problem, tmp_path / "whole", options)
    for stop_at in (2, 15, *([17] if polish else [])):
        calls = iter(range(1, 1000))
        folder = tmp_path / str(stop_at)
        with pytest.raises(Interrupted):
            run(problem, folder, options, stop_requested=lambda calls=calls, at=stop_at: next(calls) == at)
        finding, h, resumed, again = run(problem, folder, options)
        assert torch.equal(h, expected)
        assert torch.equal(resumed.vectors(), state.vectors())
        assert np.array_equal(finding.arrays["weights"].values, whole.arrays["weights"].values)
        assert again.history.series().keys() == context.history.series().keys()


def test_heads_without_biases_claim_a_linear_map(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    problem = make_problem(samples=make_regression(), latents=3)
    for biases, claim in ((True, "affine"), (False, "linear")):
        context = problem.context(tmp_path / claim)
        options = attrs.evolve(QUICK, head_biases=biases)
        finding, latents = train(options, problem.replicates(context), problem.samples, context)
        assert latents.identified_up_to == claim  # type: ignore[union-attr]
        assert (finding.arrays["biases"].values == 0).all() is np.bool_(not biases)  # type: ignore[union-attr]


def test_more_latents_than_tasks_is_said(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    problem = make_problem(samples=make_regression(tasks=2), latents=3)
    finding, _, _, _ = run(problem, tmp_path)
    assert finding.scalars["head-rank"] == 2
    assert "more latents (3) than tasks (2)" in finding.warnings[0]
    assert "at most 2 directions" in finding.warnings[0]


def test_collinear_tasks_are_said(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    samples = make_regression(wide=True, latents=2, tasks=6)
    finding, _, _, _ = run(make_problem(samples=samples, latents=3), tmp_path)
    assert finding.scalars["task-rank"] == 2
    assert "the targets of the 6 tasks have rank 2, below the 3 latents" in finding.warnings[0]


def test_heads_that_see_too_few_directions_are_said(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    samples = make_regression(latents=1)
    options = attrs.evolve(QUICK, epochs=30, rank_tolerance=0.3, covariance_penalty=0.0)
    finding, _, _, _ = run(make_problem(samples=samples, latents=3), tmp_path, options)
    assert any("see fewer than 3 directions of h" in each for each in finding.warnings)


def test_one_latent(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    finding, h, _, _ = run(make_problem(samples=make_regression(latents=1), latents=1), tmp_path)
    assert h.shape == (2, 100, 1)
    assert finding.scalars["head-rank"] == 1


class Sideways(nn.Module):
    """An encoder that gives a matrix a row."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).reshape(-1, 2, 2)


def test_refusals(tmp_path: Path, make_problem: Any, make_regression: Callable[..., Samples]) -> None:
    samples = make_regression()
    context = make_problem(samples=samples, latents=3).context(tmp_path)

    def refused(samples: Samples, message: str, options: MtrnOptions = QUICK, encoder: bool = True) -> None:
        problem = make_problem(samples=samples, latents=3)
        replicates = problem.replicates(context) if encoder else None
        with pytest.raises(OptionsError, match=message):
            list(train(options, replicates, samples, context))

    def changed(**columns: torch.Tensor) -> Samples:
        return attrs.evolve(samples, columns={**samples.columns, **columns})

    broken = samples.tensor("x").clone()
    broken[3] = torch.nan
    refused(samples, "trains an encoder, but this run has no model", encoder=False)
    refused(changed(x=broken), "1 rows of the column 'x' hold NaN")
    refused(
        attrs.evolve(samples, splits={"test": np.arange(9)}), r"no rows in the split 'train'; their splits: test \(9"
    )
    refused(
        attrs.evolve(samples, splits={"train": np.arange(500)}),
        r"no rows in the split .test.; .* train \(500",
    )
    refused(changed(y=torch.zeros(600, 1)), "12 tasks .* whose targets are all equal")
    refused(changed(y=torch.full((600, 1), torch.nan)), "12 tasks .* without any target")
    sideways = Replicates.from_modules([Sideways(), Sideways()])
    with pytest.raises(OptionsError, match=r"the encoder gives \(2, 2, 2\) for 2 rows"):
        list(train(QUICK, sideways, samples, make_context(tmp_path / "sideways", count=2)))


def test_a_run_without_held_out_rows_keeps_what_it_is_told(
    tmp_path: Path, make_problem: Any, make_regression: Any
) -> None:
    samples = attrs.evolve(make_regression(), splits={"train": np.arange(500)})
    finding, h, _, _ = run(make_problem(samples=samples, latents=3), tmp_path, attrs.evolve(QUICK, keep="all"))
    assert h.shape == (2, 600, 3)
    assert "test-loss" not in finding.scalars
    assert finding.tables["replicates"].rows[0][5] is None


def test_a_reconstruction_holds_the_encoder_to_all_of_the_latents(
    tmp_path: Path, make_problem: Any, make_regression: Any, explained: Any
) -> None:
    """One task sees one direction of three; a decoder that must give the inputs back needs all of them."""
    samples = make_regression(tasks=1, wide=True)
    problem = make_problem(samples=samples, latents=3)
    truth = np.stack([each.values[500:] for each in samples.factors.values()], axis=1)
    found = {}
    for weight in (0.0, 1.0):
        options = MtrnOptions(epochs=100, batch_size=100, reconstruction=weight, covariance_penalty=0.0)
        _, h, replicates, _ = run(problem, tmp_path / str(weight), options)
        found[weight] = explained(h[0], truth)
        assert not any("decoder" in name for name in replicates.parameter_names)
    assert found[1.0] > 0.99 > 0.9 > found[0.0]


def test_images_cannot_be_given_back(tmp_path: Path, make_regression: Any) -> None:
    samples = make_regression()
    pictures = attrs.evolve(samples, columns={**samples.columns, "x": samples.tensor("x").reshape(-1, 2, 3)})
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))
    options = attrs.evolve(QUICK, reconstruction=0.1)
    with pytest.raises(OptionsError, match=r"reconstruction is 0.1, but one input has the shape \(2, 3\)"):
        list(train(options, Replicates.from_modules([encoder]), pictures, make_context(tmp_path, count=1)))
