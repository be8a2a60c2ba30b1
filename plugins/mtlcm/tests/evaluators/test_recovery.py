"""Recovery tells planted truths from mixtures of them, with what guessing gives, and says what cannot be judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import Context, Finding, OptionsError, Samples, Subject
from identify_mtlcm.evaluators.recovery import CEILING, FLOOR, evaluate
from identify_mtlcm.options.evaluators import RecoveryOptions
from identify_mtlcm.views.recovery import draw

ORDER, SCALES = [2, 0, 3, 1], np.array([-2.0, 0.5, 3.0, -0.1])
QUIET = RecoveryOptions(refit=False, mixings=1)


def rows(finding: Finding, name: str) -> list[tuple[Any, ...]]:
    return [row for row in finding.tables["scores"].rows if row[0] == name]


def perfect(planted: Any, causal_model: Any, replicates: int = 2) -> Subject:
    """Replicates that found everything, each in another scale."""
    causal, gamma = planted.truths("causal"), planted.truths("gamma")
    scales = [SCALES * (r + 1) for r in range(replicates)]
    model = causal_model(
        np.stack([np.where(causal, 0.97, 0.0)[:, ORDER]] * replicates),
        np.stack([(gamma * ~causal)[:, ORDER] * each for each in scales]),
    )
    latents = np.stack([planted.truth[:, ORDER] * each for each in scales])
    subject: Subject = planted.subject({"z": latents}, {"causal-model": model})
    return subject


@pytest.mark.parametrize("split", ["train", "test"])
def test_who_found_everything_is_told_so(plant: Any, causal_model: Any, consulting: Context, split: str) -> None:
    finding = evaluate(QUIET, perfect(plant(split=split), causal_model), consulting)
    for key in ("z-weak", "z-strong", "z-per-task", "indicator-accuracy", "indicator-auc", "gamma-correlation"):
        assert finding.scalars[key] == pytest.approx(1, abs=1e-6), key
    assert finding.scalars["gamma-error"] == pytest.approx(0, abs=1e-6)
    assert finding.scalars["indicator-majority"] == pytest.approx(0.75)
    assert [row[1] for row in rows(finding, "z")] == [0, 1]
    assert finding.warnings == ()
    assert "z agrees with the true latents up to order and scale: strong MCC 1" in finding.summary


def test_what_is_found_is_stored_in_the_order_and_units_of_the_truth(
    plant: Any, causal_model: Any, consulting: Context
) -> None:
    planted = plant()
    finding = evaluate(QUIET, perfect(planted, causal_model), consulting)
    causal, gamma = planted.truths("causal"), planted.truths("gamma")
    for r in range(2):
        np.testing.assert_array_equal(finding.arrays["probabilities"].values[r] > 0.5, causal)
        np.testing.assert_allclose(finding.arrays["effects"].values[r][~causal], gamma[~causal], atol=1e-6)


def test_a_mixture_stands_on_the_floor_and_the_noisy_truth_at_the_ceiling(plant: Any, consulting: Context) -> None:
    planted = plant(latents=8, causal_factors=2, observation_noise=0.05, mixing="orthogonal", split="train")
    mixed = planted.truth @ np.random.default_rng(1).standard_normal((8, 8)).T
    finding = evaluate(RecoveryOptions(refit=False, mixings=4), planted.subject({"z": [mixed]}), consulting)
    assert finding.scalars["z-weak"] == pytest.approx(1)
    assert finding.scalars["z-strong"] == pytest.approx(finding.scalars["floor"], abs=0.12)
    assert finding.scalars["floor"] < 0.7 < finding.scalars["floor-per-task"]
    assert 0.99 < finding.scalars["ceiling"] < 1
    assert len(rows(finding, FLOOR)) == len(rows(finding, CEILING)) == 1
    assert rows(finding, "inputs")[0][3] < 0.8


def test_chance_is_half_for_indicators_that_know_nothing(plant: Any, causal_model: Any, consulting: Context) -> None:
    planted = plant(tasks=200)
    guessed = np.random.default_rng(0).uniform(size=(1, 200, 4))
    model = causal_model(guessed, np.zeros((1, 200, 4)))
    finding = evaluate(QUIET, planted.subject({"z": [planted.truth]}, {"causal-model": model}), consulting)
    assert finding.scalars["indicator-auc"] == pytest.approx(0.5, abs=0.06)
    assert finding.scalars["indicator-accuracy"] == pytest.approx(0.5, abs=0.06)
    assert "gamma-correlation" not in finding.scalars


@pytest.mark.parametrize("width", [2, 6])
def test_fewer_or_more_latents_are_judged_as_far_as_they_match(
    plant: Any, causal_model: Any, consulting: Context, width: int
) -> None:
    planted = plant()
    noise = np.random.default_rng(0).standard_normal((len(planted.rows), 2))
    latents = np.column_stack([planted.truth, noise])[:, :width]
    said = np.column_stack([planted.truths("causal"), np.zeros((30, 2))])[:, :width]
    subject = planted.subject({"z": [latents]}, {"causal-model": causal_model(said[None], np.zeros_like(said)[None])})
    finding = evaluate(QUIET, subject, consulting)
    assert finding.scalars["z-strong"] == pytest.approx(1)
    assert finding.scalars["indicator-accuracy"] == 1
    assert f"z: {width} latents against 4 true ones: the means are over {min(width, 4)} matches" in finding.warnings
    assert np.isnan(finding.arrays["probabilities"].values[0]).any(0).tolist() == [False, False, *[width == 2] * 2]
    assert {figure.name for figure in draw(QUIET, finding, None)} == {"agreement", "tasks"}


@pytest.mark.parametrize(("causes", "has_slopes"), [(0, True), (4, False)])
def test_tasks_whose_latents_are_all_of_one_kind(
    plant: Any, causal_model: Any, consulting: Context, causes: int, has_slopes: bool
) -> None:
    planted = plant(causal_factors=causes)
    finding = evaluate(QUIET, perfect(planted, causal_model, 1), consulting)
    assert finding.scalars["indicator-accuracy"] == finding.scalars["indicator-majority"] == 1
    assert "indicator-auc" not in finding.scalars
    assert ("gamma-error" in finding.scalars) == has_slopes
    assert len(list(draw(QUIET, finding, None))) == 2


def test_one_latent_has_no_mixtures_to_compare_with(plant: Any, consulting: Context) -> None:
    planted = plant(latents=1, causal_factors=0)
    finding = evaluate(QUIET, planted.subject({"z": [-planted.truth]}), consulting)
    assert finding.scalars["z-strong"] == pytest.approx(1)
    assert "floor" not in finding.scalars
    assert [figure.name for figure in draw(QUIET, finding, None)] == ["agreement"]


def test_a_replicate_that_diverged_does_not_spoil_the_others(
    plant: Any, causal_model: Any, consulting: Context
) -> None:
    planted = plant()
    subject = perfect(planted, causal_model)
    broken = np.full_like(planted.truth, np.nan)
    kept = planted.subject({"z": [planted.truth, broken]}, {"causal-model": subject.run.findings["causal-model"]})  # type: ignore[union-attr]
    finding = evaluate(QUIET, kept, consulting)
    assert finding.scalars["z-strong"] == pytest.approx(1)
    assert finding.warnings == (f"z: {len(planted.rows)} rows are not finite",)


def test_without_the_measures_plugin_the_rest_is_there(plant: Any, causal_model: Any, alone: Context) -> None:
    finding = evaluate(QUIET, perfect(plant(), causal_model), alone)
    (warning,) = finding.warnings
    assert "measures:weak-mcc, measures:pearson-mcc, measures:spearman-mcc not installed" in warning
    assert "pip install identify-measures" in warning
    assert "z-strong" not in finding.scalars
    assert finding.scalars["z-per-task"] == pytest.approx(1)
    assert finding.scalars["indicator-accuracy"] == 1
    assert {figure.name for figure in draw(QUIET, finding, None)} == {"agreement", "tasks"}


def test_correlations_over_all_tasks_are_from_no_more_rows_than_allowed(plant: Any, consulting: Context) -> None:
    planted = plant()
    subject = planted.subject({"z": [planted.truth @ np.random.default_rng(1).standard_normal((4, 4))]})
    few, all_rows = (
        evaluate(RecoveryOptions(refit=False, mixings=1, rows=count), subject, consulting) for count in (12, 20_000)
    )
    assert few.scalars["z-strong"] != all_rows.scalars["z-strong"]
    assert few.scalars["z-per-task"] == all_rows.scalars["z-per-task"]


def test_a_run_without_a_causal_model_has_no_tasks_to_judge(plant: Any, consulting: Context) -> None:
    planted = plant()
    finding = evaluate(RecoveryOptions(mixings=1), planted.subject({"h": [planted.truth]}), consulting)
    assert "h-strong" in finding.scalars
    assert not {"indicator-accuracy", "likelihood-gap"} & set(finding.scalars)
    assert [figure.name for figure in draw(QUIET, finding, None)] == ["agreement"]


def test_measured_samples_have_no_truth_to_recover(alone: Context) -> None:
    samples = Samples(columns={"x": torch.zeros(3, 2)}, ids=np.arange(3), splits={})
    run: Any = type("Run", (), {"samples": samples})
    with pytest.raises(OptionsError, match="the true latents of these samples are not known") as raised:
        evaluate(QUIET, Subject(representations=(), run=run), alone)
    assert "compare replicates" in str(raised.value.hint)


def test_a_run_that_kept_no_latents_is_refused(plant: Any, alone: Context) -> None:
    with pytest.raises(OptionsError, match="kept no latents"):
        evaluate(QUIET, plant().subject({}), alone)


def test_latents_of_other_rows_are_refused(plant: Any, alone: Context) -> None:
    planted = plant()
    subject = planted.subject({"z": [planted.truth]})
    object.__setattr__(subject.run.latents["z"][0], "ids", np.arange(len(planted.rows)))  # type: ignore[union-attr]
    with pytest.raises(OptionsError, match="have rows that the samples do not have"):
        evaluate(QUIET, subject, alone)


BASELINE = """
format = 1
replicates = 2
[dataset]
type = "linear"
latents = 3
causal_factors = 1
tasks = 30
points = 40
test_points = 20
[objective]
type = "whitening"
[[evaluators]]
type = "recovery"
"""


def test_a_baseline_is_judged_like_the_method(project: Any) -> None:
    pytest.importorskip("identify_measures")
    run = project.run("mtlcm", spec=BASELINE)
    finding = run.findings["recovery"].finding
    (name,) = run.latents
    assert finding.scalars[f"{name}-weak"] > 0.99
    assert finding.scalars[f"{name}-strong"] < 0.95
    assert f"{name} agrees with the true latents up to order and scale: strong MCC" in finding.summary
    assert "likelihood-gap" not in finding.scalars


def test_the_smoke_run_is_judged_with_core_alone(project: Any, only_plugins: Any) -> None:
    only_plugins("mtlcm")
    run = project.run("mtlcm", preset="smoke", overrides=["replicates=1", "objective.regression.epochs=2"])
    finding = run.findings["recovery"].finding
    assert "not installed" in finding.warnings[0]
    assert {"z-per-task", "floor-per-task", "indicator-accuracy", "gamma-error", "likelihood-gap"} <= set(
        finding.scalars
    )
    assert rows(finding, "untrained encoder")
    assert run.findings["task-rank"].finding.scalars["head-rank"] == 4
    for name in ("agreement", "tasks"):
        assert list((Path(run.folder) / "figures").glob(f"*recovery*{name}*.png"))
