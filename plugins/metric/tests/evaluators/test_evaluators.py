"""Whole runs of the study at toy size, and what its evaluators say when something is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify_core import OptionsError, Replicates, Representation, RunError, RunSubject, Subject
from identify_core.testing.contexts import make_context
from identify_metric.datasets.digits import make_digits
from identify_metric.evaluators import distances, stability
from identify_metric.evaluators.pairs import choose_pairs, draw_pairs
from identify_metric.geometry import geodesics, stack
from identify_metric.networks.dense import build_dense
from identify_metric.options.data import DigitsOptions
from identify_metric.options.evaluators import DistancesOptions, StabilityOptions
from identify_metric.options.models import DenseOptions


def test_pairs_are_those_of_the_study():
    """numpy's legacy generator, seed 101: each side without replacement, then equal ends again."""
    random = np.random.RandomState(101)
    start, end = random.choice(10_000, 100, replace=False), random.choice(10_000, 100, replace=False)
    pairs = choose_pairs(DistancesOptions(), np.arange(10_000))
    np.testing.assert_array_equal(pairs, np.stack([start, end], axis=1))
    few = draw_pairs(5, 5, np.random.RandomState(0))
    assert (few[:, 0] != few[:, 1]).all()


def test_pairs_can_be_all_or_read(tmp_path):
    ids = np.array([7, 8, 9, 11])
    assert len(choose_pairs(DistancesOptions(pairs="all", points=4), ids)) == 6
    file = tmp_path / "pairs.csv"
    file.write_text("7,11\n9,8\n")
    assert choose_pairs(DistancesOptions(pairs_file=str(file)), ids).tolist() == [[0, 3], [2, 1]]
    with pytest.raises(OptionsError, match="5 pairs are to be drawn from 4 samples"):
        choose_pairs(DistancesOptions(pairs=5), ids)
    for text, said in (
        ("7,12\n", "line 1 of .* names the sample '12'"),
        ("7\n", "has 1 cells"),
        ("", "holds no pairs"),
    ):
        file.write_text(text)
        with pytest.raises(RunError, match=said):
            choose_pairs(DistancesOptions(pairs_file=str(file)), ids)
    with pytest.raises(RunError, match="there is no file"):
        choose_pairs(DistancesOptions(pairs_file=str(tmp_path / "none.csv")), ids)


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """Two replicates of a small autoencoder, untrained, on 40 digits."""
    context = make_context(tmp_path_factory.mktemp("run"), count=2)
    samples = make_digits(DigitsOptions(test=40), context)
    modules = []
    for seed in range(2):
        torch.manual_seed(seed)
        options = DenseOptions(latent_dim=2, decoders=2, hidden=(16,), activation="tanh")
        modules.append(build_dense(options, samples.shape, context))
    replicates = Replicates.from_modules(modules).eval()
    z = 3 * replicates(samples.split("test").tensor("x")).detach().numpy()
    return run_subject(samples, replicates, z), context


def run_subject(samples, replicates, z):
    ids = samples.ids[samples.splits["test"]]
    group = tuple(
        Representation(
            label=f"z[{r}]",
            run_id="run",
            latents="z",
            replicate=r,
            ids=ids,
            identified_up_to="isometry",
            shape=z[r].shape,
            load_rows=lambda start, stop, r=r: z[r][start:stop],
        )
        for r in range(len(z))
    )
    run = RunSubject(
        run_id="run",
        count=len(z),
        model_name="metric:dense",
        model_options=None,
        load_samples=lambda: samples,
        load_replicates=lambda: replicates,
        load_history=dict,
        findings={},
        latents={"z": group},
    )
    return Subject(representations=group, run=run)


def test_distances_are_those_of_the_library(subject):
    study, context = subject
    finding = distances.evaluate(DistancesOptions(pairs=5), study, context)
    run = study.run
    pairs = finding.arrays["pairs"].values
    for r in range(2):
        z = torch.from_numpy(run.latents["z"][r].values()).double()
        decoders = [each.double() for each in run.replicates.module(r).decoders]
        alone = geodesics(stack(decoders), z[pairs[:, 0]], z[pairs[:, 1]])
        np.testing.assert_allclose(finding.arrays["length"].values[r], alone.length, rtol=1e-5)
        np.testing.assert_allclose(finding.arrays["straight"].values[r], alone.line, rtol=1e-9)
        euclid = (z[pairs[:, 0]] - z[pairs[:, 1]]).norm(dim=1)
        np.testing.assert_allclose(finding.arrays["euclid"].values[r], euclid)
    assert (finding.arrays["chord"].values <= finding.arrays["length"].values * (1 + 1e-9)).all()
    assert len(finding.tables["geodesics"].rows) == 10
    assert finding.scalars["converged"] == 1


def test_the_same_model_twice_agrees_with_itself(subject):
    study, context = subject
    run = study.run
    twins = Replicates.from_modules([run.replicates.module(0)] * 2).eval()
    z = run.latents["z"][0].values()
    twin = run_subject(run.samples, twins, np.stack([z, z]))
    finding = stability.evaluate(StabilityOptions(pairs=5, draws=100), twin, context)
    assert finding.scalars["cv-geodesic-expected"] < 1e-9
    assert finding.scalars["cv-euclid"] == 0
    different = stability.evaluate(StabilityOptions(pairs=5, draws=100), study, context)
    assert different.scalars["cv-geodesic-expected"] > 1e-3
    assert different.scalars["cv-ambient"] == pytest.approx(0, abs=1e-12)
    assert [row[0] for row in different.tables["differences"].rows][:2] == ["geodesic-expected", "geodesic-single"]


def test_pairs_without_a_distance_are_said_and_left_out(subject):
    study, context = subject
    run = study.run
    z = np.stack([each.values() for each in run.latents["z"]]).copy()
    pairs = choose_pairs(StabilityOptions(pairs=6), run.latents["z"][0].ids)
    z[0, pairs[0, 0]] = np.nan
    z[1, pairs[1, 0]] = z[1, pairs[1, 1]]
    broken = run_subject(run.samples, run.replicates, z)
    finding = stability.evaluate(StabilityOptions(pairs=6, ensembles=("single",), draws=100), broken, context)
    said = " ".join(finding.warnings)
    assert "pairs have latents that are not finite" in said
    assert "coincident latents" in said
    assert finding.arrays["euclid"].values.shape[1] <= 4


def test_what_cannot_be_measured_is_refused(subject):
    study, context = subject
    with pytest.raises(OptionsError, match="the run has no latents 'h'; it has z"):
        distances.evaluate(DistancesOptions(latents="h"), study, context)
    run = study.run
    alone = run_subject(run.samples, run.replicates.select([0]), run.latents["z"][0].values()[None])
    with pytest.raises(OptionsError, match="compares replicates, and the run has 1"):
        stability.evaluate(StabilityOptions(), alone, context)
