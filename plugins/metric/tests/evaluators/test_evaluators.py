"""Whole runs of the study at toy size, and what its evaluators say when something is wrong."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import torch

from identify_core import OptionsError, Replicates, RunError, Subject
from identify_metric.evaluators import angles, conditions, distances, isometry, stability, volumes
from identify_metric.evaluators.decoders import module_map
from identify_metric.evaluators.isometry import fit_transition, stretches
from identify_metric.evaluators.pairs import choose_pairs, draw_pairs
from identify_metric.evaluators.volumes import triangle_area
from identify_metric.geometry import GeodesicSettings, geodesics, log_volume, stack
from identify_metric.networks.dense import build_dense
from identify_metric.options.evaluators import (
    AnglesOptions,
    ConditionsOptions,
    DistancesOptions,
    IsometryOptions,
    StabilityOptions,
    VolumesOptions,
)
from identify_metric.options.models import DenseOptions
from identify_metric.views.stability import draw


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


def test_the_same_model_twice_agrees_with_itself(subject, run_subject):
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


def test_pairs_without_a_distance_are_said_and_left_out(subject, run_subject):
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


def test_what_cannot_be_measured_is_refused(subject, run_subject):
    study, context = subject
    with pytest.raises(OptionsError, match="the run has no latents 'h'; it has z"):
        distances.evaluate(DistancesOptions(latents="h"), study, context)
    run = study.run
    alone = run_subject(run.samples, run.replicates.select([0]), run.latents["z"][0].values()[None])
    with pytest.raises(OptionsError, match="compares models, and there are 1"):
        stability.evaluate(StabilityOptions(), alone, context)


def test_angles_of_a_linear_decoder_are_those_of_its_matrix(subject, run_subject):
    """Geodesics of a linear decoder are straight, so that the angle is that of the mapped differences."""
    study, context = subject
    run = study.run
    module = run.replicates.module(0)
    for number in range(2):
        module.decoders[number] = torch.nn.Sequential(torch.nn.Linear(2, 64, dtype=torch.float64))
    maps = [module.decoders[number][0].weight.detach() for number in range(2)]
    linear = Replicates.from_modules([module, module]).eval()
    z = run.latents["z"][0].values()
    options = AnglesOptions(pairs=4)
    finding = angles.evaluate(options, run_subject(run.samples, linear, np.stack([z, z])), context)
    corner, first, second = (torch.from_numpy(z[each]).double() for each in angles.choose_triples(options, len(z)).T)
    F = torch.cat(maps)
    u, v = (first - corner) @ F.double().T, (second - corner) @ F.double().T
    expected = torch.arccos((u * v).sum(1) / (u.norm(dim=1) * v.norm(dim=1)))
    np.testing.assert_allclose(finding.arrays["geodesic"].values[0], expected, rtol=1e-4)
    assert finding.scalars["deviation-geodesic"] < 1e-4
    with pytest.raises(OptionsError, match="needs three samples, and there are 2"):
        angles.choose_triples(options, 2)


def test_a_latent_that_decoder_and_encoder_ignore_is_found(subject, run_subject):
    study, context = subject
    run = study.run
    sound = conditions.evaluate(ConditionsOptions(), study, context)
    assert sound.scalars["full-rank"] == 1
    module = run.replicates.module(0)
    with torch.no_grad():
        for decoder in module.decoders:
            decoder[1].weight[:, 1] = 0  # the second latent is not looked at
        module.encoder[-1].weight[[1, 3]] = 0
        module.encoder[-1].bias[[1, 3]] = 0  # and its posterior is the prior
    broken = Replicates.from_modules([module, run.replicates.module(1)]).eval()
    z = np.stack([each.values() for each in run.latents["z"]])
    finding = conditions.evaluate(ConditionsOptions(), run_subject(run.samples, broken, z), context)
    assert finding.scalars["full-rank"] == 0.5
    assert finding.arrays["divergence"].values[0, 1] < 1e-6
    said = " ".join(finding.warnings)
    assert "lacks full rank at 50.0% of the samples" in said
    assert "latents have collapsed" in said
    F = stack([each.double() for each in run.replicates.module(0).decoders])
    z0 = torch.from_numpy(z[0]).double()
    element = log_volume(F, z0).value
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(z0).sum(1)
    np.testing.assert_allclose(sound.arrays["invariant-density"].values[0], (prior - element).detach(), rtol=1e-6)


def test_the_picture_of_stability_has_every_distance(subject):
    study, context = subject
    options = StabilityOptions(pairs=5, draws=100)
    finding = stability.evaluate(options, study, context)
    (figure,) = draw(options, finding, context)
    shown = [text.get_text() for text in figure.static.axes[0].get_legend().get_texts()]
    assert shown == ["geodesic-expected", "geodesic-single", "euclid"]


def test_stability_across_runs_takes_models_of_other_widths(subject, run_subject):
    """Two runs with two and three latents: their distances in the decoded space can be compared."""
    study, context = subject
    run = study.run
    torch.manual_seed(5)
    options = DenseOptions(latent_dim=3, decoders=1, hidden=(12,), activation="tanh")
    wide = Replicates.from_modules([build_dense(options, run.samples.shape, context)]).eval()
    z = 3 * wide(run.samples.split("test").tensor("x")).detach().numpy()
    other = run_subject(run.samples, wide, z, name="other")
    models = (*study.representations, *other.representations)
    both = Subject(representations=models)
    finding = stability.evaluate(StabilityOptions(pairs=4, draws=100), both, context)
    assert finding.arrays["geodesic-expected"].values.shape == (3, 4)
    assert [row[1] for row in finding.tables["models"].rows] == ["run", "run", "other"]
    alone = stability.evaluate(StabilityOptions(pairs=4, draws=100), study, context)
    np.testing.assert_allclose(
        finding.arrays["geodesic-expected"].values[:2], alone.arrays["geodesic-expected"].values, rtol=1e-4
    )


def test_models_of_different_data_are_not_compared(subject, run_subject):
    study, context = subject
    run = study.run
    z = np.stack([each.values() for each in run.latents["z"]])
    first = run_subject(run.samples, run.replicates, z, fingerprints=np.zeros(len(z[0]), dtype=np.uint64))
    prints = np.zeros(len(z[0]), dtype=np.uint64)
    prints[:3] = 7
    second = run_subject(run.samples, run.replicates, z, name="other", fingerprints=prints)
    both = Subject(representations=(*first.representations, *second.representations))
    with pytest.raises(OptionsError, match=r"3 of 40 samples of z\[0\] have other inputs"):
        stability.evaluate(StabilityOptions(pairs=4, draws=100), both, context)
    turned = run_subject(run.samples, run.replicates, z, name="turned").representations[0]
    turned = attrs.evolve(turned, ids=turned.ids[::-1])
    with pytest.raises(OptionsError, match=r"z\[0\] and z\[0\] hold other samples"):
        stability.evaluate(
            StabilityOptions(pairs=4), Subject(representations=(study.representations[0], turned)), context
        )


def test_the_three_tables_of_the_study(subject):
    study, context = subject
    finding = stability.evaluate(StabilityOptions(pairs=4, draws=100), study, context)
    table, cv, pivot = (finding.tables[name] for name in ("geodesics", "geodesics-cv", "geodesics-pivot"))
    lengths = finding.arrays["geodesic-expected"].values
    assert [row[2] for row in table.rows] == pytest.approx(lengths.ravel().tolist())
    at = cv.columns.index("geolength cv")
    assert [row[at] for row in cv.rows] == pytest.approx((lengths.std(0, ddof=1) / lengths.mean(0)).tolist())
    assert pivot.columns[1:3] == ("geolength 0", "geolength 1")
    assert len(pivot.rows) == 4


def test_the_original_procedure_and_other_starts_are_options(subject):
    study, context = subject
    sure = distances.evaluate(DistancesOptions(pairs=3, ensemble="single"), study, context)
    original = distances.evaluate(DistancesOptions(pairs=3, ensemble="single", method="original"), study, context)
    assert original.scalars["converged"] == 0
    assert any("did not converge" in each for each in original.warnings)
    ratio = original.arrays["length"].values / sure.arrays["length"].values
    assert 0.999 < ratio.min() <= ratio.max() < 1.05
    graph = distances.evaluate(DistancesOptions(pairs=3, ensemble="single", graph=4), study, context)
    np.testing.assert_allclose(graph.arrays["length"].values, sure.arrays["length"].values, rtol=1e-4)


def test_the_precision_network_makes_ways_far_from_the_data_longer(subject):
    study, context = subject
    quick = {"pairs": 1, "doublings": 0, "starts": 1, "iterations": 40}
    rbf = distances.evaluate(DistancesOptions(ensemble="rbf", **quick), study, context)
    single = distances.evaluate(DistancesOptions(ensemble="single", **quick), study, context)
    assert (rbf.arrays["length"].values > single.arrays["length"].values).all()
    with pytest.raises(OptionsError, match="'rbf' is measured at samples alone"):
        module_map(DistancesOptions(), study.run.replicates.module(0), "rbf")


def bent(subject, run_subject):
    """A run and its twin: the latents bent by a diffeomorphism and the decoders by its inverse."""
    study, context = subject
    run = study.run
    module = run.replicates.module(0)
    turned = run.replicates.module(0)
    S = torch.tensor([[1.5, 0.4], [-0.3, 0.8]])
    for number, decoder in enumerate(turned.decoders):
        with torch.no_grad():
            decoder[1].weight.copy_(module.decoders[number][1].weight @ torch.linalg.inv(S).T)
    z = run.latents["z"][0].values()
    first = run_subject(run.samples, Replicates.from_modules([module]).eval(), z[None])
    second = run_subject(run.samples, Replicates.from_modules([turned]).eval(), (z @ S.numpy())[None], name="twin")
    return Subject(representations=(first.representations[0], second.representations[0])), context, z, S


def test_a_transition_that_carries_the_metric_is_an_isometry(subject, run_subject):
    pair, context, _, _ = bent(subject, run_subject)
    found = isometry.evaluate(IsometryOptions(ridge=1e-6), pair, context)
    assert found["isometry"].value < 0.02
    assert found["control-itself"].value < 0.02
    assert found["latent-isometry"].value > 0.2  # a shear: coordinates tell another story
    assert found["control-shuffled"].value > 5 * max(found["isometry"].value, 0.02)
    study, _ = subject
    other = Subject(representations=study.representations)
    assert isometry.evaluate(IsometryOptions(), other, context)["isometry"].value > 0.2  # untrained: not one surface


def test_stretches_are_the_roots_of_generalised_eigenvalues(subject):
    z = torch.randn(5, 2, dtype=torch.float64)
    scaled = stretches(
        lambda x: x @ torch.diag(torch.tensor([1.0, 2.0]).double()), lambda x: 3 * x, lambda x: x, z, 0.0
    )
    torch.testing.assert_close(scaled.sort().values, torch.tensor([[1.5, 3.0]] * 5).double().log())


def test_a_transition_is_refused_where_samples_are_few(subject, run_subject):
    study, context = subject
    z = np.stack([each.values() for each in study.run.latents["z"]]).copy()
    z[0, :25] = np.nan
    few = run_subject(study.run.samples, study.run.replicates, z)
    with pytest.raises(OptionsError, match="at least 20 samples, and there are 15"):
        isometry.evaluate(IsometryOptions(), few, context)


def test_a_smooth_transition_is_found_on_rows_that_were_left_out():
    x = torch.randn(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def bend(z):
        return torch.stack([z[:, 0] + 0.3 * torch.sin(2 * z[:, 1]), z[:, 1] + 0.4 * torch.tanh(z[:, 0])], dim=1)

    fitted = fit_transition(x[:150], bend(x[:150]))
    inside = x[150:][x[150:].norm(dim=1) < 1.5]
    assert (fitted(inside) - bend(inside)).abs().max() < 0.02


def test_areas_of_triangles_are_those_of_girard():
    """On the unit sphere a geodesic triangle has the area α + β + γ − π."""

    def sphere(z):
        t, p = z[:, :1], z[:, 1:]
        return torch.cat([t.sin() * p.cos(), t.sin() * p.sin(), t.cos()], dim=1)

    corners = torch.tensor([[1.0, 0.1], [1.4, 1.2], [2.0, 0.5]], dtype=torch.float64)
    a, b = corners[[0, 0, 1]], corners[[1, 2, 2]]
    found = geodesics(sphere, a, b, settings=GeodesicSettings(starts=1))
    one, two, three = found.points.split(1)
    sides = found.length[[2, 1, 0]].tolist()  # opposite to the corners
    total = 0.0
    for k in range(3):
        x, y, s = sides[(k + 1) % 3], sides[(k + 2) % 3], sides[k]
        total += np.arccos((np.cos(s) - np.cos(x) * np.cos(y)) / (np.sin(x) * np.sin(y)))
    assert triangle_area(sphere, one, two, three).item() == pytest.approx(total - np.pi, rel=1e-3)


def test_volumes_agree_where_the_metric_does(subject, run_subject):
    pair, context, z, S = bent(subject, run_subject)
    first, second = (each.run for each in pair.representations)
    twins = Replicates.from_modules([first.replicates.module(0), second.replicates.module(0)]).eval()
    both = run_subject(first.samples, twins, np.stack([z, z @ S.numpy()]))
    finding = volumes.evaluate(VolumesOptions(triangles=5), both, context)
    np.testing.assert_allclose(finding.arrays["area"].values[0], finding.arrays["area"].values[1], rtol=1e-4)
    assert finding.scalars["cv-area"] < 1e-4 < finding.scalars["cv-latent-area"]
    elements = finding.arrays["log-volume"].values
    shift = -np.log(abs(float(torch.linalg.det(S))))
    np.testing.assert_allclose(elements[1] - elements[0], shift, rtol=1e-4, atol=1e-5)  # |det A| is taken up
    one = run_subject(first.samples, first.replicates, z[None])
    assert np.isnan(volumes.evaluate(VolumesOptions(triangles=2), one, context).scalars["cv-area"])


def test_a_numerical_error_near_the_variation_is_said(subject, run_subject):
    study, context = subject
    run = study.run
    twins = Replicates.from_modules([run.replicates.module(0)] * 2).eval()
    z = run.latents["z"][0].values()
    twin = run_subject(run.samples, twins, np.stack([z, z * (1 + 1e-7)]))
    finding = stability.evaluate(StabilityOptions(pairs=4, draws=100, doublings=1, nodes=2, segments=2), twin, context)
    assert any("is more than a tenth of the median CV" in each for each in finding.warnings)
