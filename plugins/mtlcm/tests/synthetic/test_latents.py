"""Latents and targets: the model's conditional prior where it holds, how each misspecification breaks it, scaling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from identify_core import OptionsError, Streams
from identify_mtlcm.options.synthetic import LinearOptions
from identify_mtlcm.synthetic.latents import draw_latents, measure_scaling
from identify_mtlcm.synthetic.structure import draw_structure

SPECIFIED = LinearOptions(standardise="none", tasks=400)


def drawn(options: LinearOptions, seed: int = 0, split: str = "train"):
    structure = draw_structure(options, Streams(seed))
    return structure, *draw_latents(options, structure, Streams(seed), split)


def correlations(first, second):
    """|Pearson| of (T, n, d) with (T, n) over the rows of each task."""
    first, second = first - first.mean(1, keepdims=True), second - second.mean(1, keepdims=True)
    numerator = np.einsum("tnd,tn->td", first, second)
    return np.abs(numerator) / np.sqrt((first**2).sum(1) * (second**2).sum(1)[:, None])


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_conditional_prior_of_the_model_holds(split):
    structure, z, y = drawn(SPECIFIED, split=split)
    spurious = np.broadcast_to(~structure.causal[:, None], z.shape)
    residual = z - structure.gamma[:, None] * y[..., None]
    assert stats.kstest(residual[spurious] / 0.1, "norm").pvalue > 1e-3
    assert stats.kstest(z[~spurious], "norm").pvalue > 1e-3
    # Given the target and the task, latents are independent: no correlation beyond sampling error.
    scaled = residual / np.where(structure.causal, 1.0, 0.1)[:, None]
    products = np.einsum("tni,tnj->tij", scaled, scaled) / z.shape[1]
    pairs = products[:, *np.triu_indices(z.shape[2], 1)] * np.sqrt(z.shape[1])
    assert abs(pairs.std() - 1) < 0.02
    # and the residual does not depend on the target
    with_target = np.einsum("tnd,tn->td", scaled, y / structure.target_spread[:, None]) / np.sqrt(z.shape[1])
    assert abs(with_target[~structure.causal].std() - 1) < 0.05


def test_the_target_is_the_weighted_sum_of_its_causes_and_noise():
    structure, z, y = drawn(SPECIFIED)
    noise = y - np.einsum("tnd,td->tn", z, structure.weights)
    assert stats.kstest((noise / structure.target_noise[:, None]).ravel(), "norm").pvalue > 1e-3
    exact = LinearOptions(standardise="none", target_noise=(0.0, 0.0))
    structure, z, y = drawn(exact)
    np.testing.assert_allclose(y, np.einsum("tnd,td->tn", z, structure.weights), atol=1e-12)


def test_the_measured_numbers_of_the_study_come_out():
    """The figures that were measured on the study's own generator at d 10, k 2, n 100 over 400 tasks."""
    structure, z, y = drawn(LinearOptions(tasks=4000))
    strength = correlations(z, y)
    assert strength[structure.causal].mean() == pytest.approx(0.28, abs=0.01)
    assert strength[~structure.causal].mean() == pytest.approx(0.965, abs=0.005)
    assert np.median(strength[~structure.causal]) == pytest.approx(0.997, abs=0.001)
    assert y.std() == pytest.approx(2.86, rel=0.03)
    raw = z.transpose(0, 2, 1)[~structure.causal]
    assert raw.std(axis=1).mean() == pytest.approx(1.44, rel=0.03)
    scaling = measure_scaling(z, "per-task")
    noise = (structure.residual_noise / scaling.scale)[~structure.causal]
    quantiles = np.quantile(noise, (0.05, 0.25, 0.5, 0.75, 0.95))
    np.testing.assert_allclose(quantiles, (0.034, 0.047, 0.071, 0.143, 0.578), rtol=0.06)
    changed = structure.gamma - structure.gamma / scaling.scale
    assert np.sqrt((changed[~structure.causal] ** 2).mean()) == pytest.approx(0.32, rel=0.05)


@pytest.mark.parametrize("kind", ["per-task", "global"])
def test_standardising_brings_latents_to_mean_0_and_variance_1(kind):
    _, z, _ = drawn(LinearOptions(tasks=20, points=30))
    scaling = measure_scaling(z, kind)
    axes = 1 if kind == "per-task" else (0, 1)
    standard = scaling(z)
    np.testing.assert_allclose(standard.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(standard.std(axes), 1)
    np.testing.assert_allclose(standard * scaling.scale[:, None] + scaling.mean[:, None], z)
    assert scaling.scale.shape == (20, 10)
    assert measure_scaling(z, "none") is None


def test_a_constant_latent_cannot_be_standardised():
    _, z, _ = drawn(LinearOptions(tasks=5, gamma=(0.0, 0.0), spurious_noise=0.0))
    with pytest.raises(OptionsError, match=r"latent \d of task 0 is constant"):
        measure_scaling(z, "per-task")
    z = drawn(LinearOptions(tasks=5))[1]
    z[:, :, 3] = 0.1
    with pytest.raises(OptionsError, match="latent 3 is constant"):
        measure_scaling(z, "global")


def test_the_two_splits_share_tasks_and_no_numbers():
    structure, z, y = drawn(SPECIFIED)
    again, other, other_y = drawn(SPECIFIED, split="test")
    np.testing.assert_array_equal(structure.gamma, again.gamma)
    assert not np.isin(other, z).any()
    assert not np.isin(other_y, y).any()


def test_a_confounder_makes_spurious_latents_depend_on_each_other_given_the_target():
    options = LinearOptions(standardise="none", tasks=200, spurious_parent="confounder", gamma=(0.5, 0.5))
    structure, z, y = drawn(options)
    plain = drawn(LinearOptions(standardise="none", tasks=200, gamma=(0.5, 0.5)))[1]
    spurious = ~structure.causal
    np.testing.assert_allclose(z.std(1)[spurious].mean(), plain.std(1)[spurious].mean(), rtol=0.02)  # by design
    residual = (z - structure.slopes[:, None] * y[..., None]).transpose(0, 2, 1)
    first, second = (np.stack([residual[t][spurious[t]][i] for t in range(200)]) for i in (0, 1))
    together = (first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum())
    assert together > 0.5
    assert correlations(z, y)[spurious].mean() > 0.5  # they still follow the target, through the confounder


def test_a_confounder_without_correlation_leaves_spurious_latents_without_the_target():
    structure, z, y = drawn(LinearOptions(tasks=300, spurious_parent="confounder", confounding=0.0))
    assert correlations(z, y)[~structure.causal].mean() == pytest.approx(np.sqrt(2 / np.pi / 100), rel=0.1)
    assert (structure.slopes == 0).all()


@pytest.mark.parametrize("law", ["normal", "laplace"])
def test_correlated_causes(law):
    options = LinearOptions(standardise="none", tasks=300, causal_factors=3, causal_correlation=0.6, causal_law=law)
    structure, z, _ = drawn(options)
    causes = np.stack([z[t][:, structure.causal[t]] for t in range(300)]).reshape(-1, 3)
    np.testing.assert_allclose(np.corrcoef(causes.T)[np.triu_indices(3, 1)], 0.6, atol=0.02)
    np.testing.assert_allclose(causes.std(0), 1, rtol=0.02)


@pytest.mark.parametrize("field", ["causal_law", "spurious_law"])
def test_another_law_changes_those_latents_alone(field):
    structure, z, y = drawn(LinearOptions(standardise="none", tasks=100, **{field: "laplace"}))
    residual = z - structure.gamma[:, None] * y[..., None]
    causal = np.broadcast_to(structure.causal[:, None], z.shape)
    values = {"causal_law": z[causal], "spurious_law": residual[~causal] / 0.1}
    for name, each in values.items():
        kurtosis = stats.kurtosis(each)
        assert kurtosis > 2 if name == field else abs(kurtosis) < 0.2
