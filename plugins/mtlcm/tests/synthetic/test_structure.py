"""Tasks: which latents are causes, their parameters, and what the target says of a latent, against large samples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from identify_core import Streams
from identify_mtlcm.options.synthetic import LinearOptions
from identify_mtlcm.synthetic.latents import draw_latents
from identify_mtlcm.synthetic.structure import draw_structure


def structure_of(seed: int = 0, **options: object):
    return draw_structure(LinearOptions(**options), Streams(seed))


def test_every_set_of_causal_latents_is_equally_likely():
    causal = structure_of(latents=5, causal_factors=2, tasks=4000).causal
    assert (causal.sum(1) == 2).all()
    sets, counts = np.unique(causal, axis=0, return_counts=True)
    assert len(sets) == 10
    assert stats.chisquare(counts).pvalue > 1e-3


def test_weights_belong_to_causes_and_gamma_to_the_others():
    structure = structure_of(tasks=2000)
    causal = structure.causal
    assert (structure.weights[~causal] == 0).all()
    assert (structure.gamma[causal] == 0).all()
    assert (structure.spurious_noise[causal] == 0).all()
    assert stats.kstest(structure.weights[causal], "norm").pvalue > 1e-3
    assert stats.kstest(structure.gamma[~causal], stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert stats.kstest(structure.target_noise, stats.uniform(2, 1).cdf).pvalue > 1e-3
    assert set(structure.spurious_noise[~causal]) == {0.1}


def test_every_quantity_has_options_that_fix_it():
    structure = structure_of(
        gamma=(0.5, 0.5), weights="ones", target_noise=(1.0, 1.0), fixed_causal_ids=(7, 2), spurious_noise=0.3
    )
    assert set(np.flatnonzero(structure.causal[11])) == {2, 7}
    assert (structure.causal == structure.causal[0]).all()
    assert set(structure.gamma[~structure.causal]) == {0.5}
    assert set(structure.weights[structure.causal]) == {1.0}
    assert set(structure.target_noise) == {1.0}
    assert set(structure.spurious_noise[~structure.causal]) == {0.3}


def test_the_spurious_noise_spreads_as_a_lognormal_number():
    structure = structure_of(tasks=500, spurious_noise_spread=0.5)
    logs = np.log(structure.spurious_noise[~structure.causal])
    assert stats.kstest(logs, stats.norm(np.log(0.1), 0.5).cdf).pvalue > 1e-3


@pytest.mark.parametrize("flip", ["never", "test", "random"])
def test_flips(flip):
    plain, structure = structure_of(tasks=1000), structure_of(tasks=1000, flip_spurious=flip)
    np.testing.assert_array_equal(np.abs(plain.gamma), np.abs(structure.gamma))
    on_test = structure.gamma * structure.test_sign[:, None]
    if flip == "never":
        np.testing.assert_array_equal(on_test, plain.gamma)
        return
    np.testing.assert_array_equal(on_test, -structure.gamma)  # flipped in exactly one of the two
    flipped = (structure.gamma != plain.gamma).any(1).mean()
    assert flipped == 0 if flip == "test" else abs(flipped - 0.5) < 0.06


@pytest.mark.parametrize(("tasks", "k"), [(1, 2), (2, 2), (3, 1), (5, 3), (40, 2), (6, 0), (6, 6)])
def test_pairs_that_no_task_separates(tasks, k):
    structure = structure_of(latents=6, causal_factors=k, tasks=tasks)
    slow = sum(
        all(structure.causal[t, i] == structure.causal[t, j] for t in range(tasks))
        for i, j in itertools.combinations(range(6), 2)
    )
    assert structure.unseparated_pairs == slow
    assert slow == 15 if k in (0, 6) else True


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"spurious_parent": "confounder"},
        {"spurious_parent": "confounder", "confounding": 0.6, "causal_noise": 2.0},
        {"causal_correlation": 0.7, "weights": "ones", "spurious_noise": 0.5},
        {"spurious_parent": "confounder", "causal_correlation": 0.4, "target_noise": (0.5, 0.5)},
        {"causal_law": "bimodal", "spurious_law": "student-t", "causal_correlation": 0.5},
    ],
)
def test_what_the_target_says_of_a_latent_agrees_with_large_samples(options):
    options = LinearOptions(latents=5, tasks=3, points=60_000, standardise="none", **options)
    structure = draw_structure(options, Streams(1))
    z, y = draw_latents(options, structure, Streams(1), "train")
    np.testing.assert_allclose(y.std(1), structure.target_spread, rtol=0.02)
    spurious = ~structure.causal
    slopes = np.einsum("tnd,tn->td", z - z.mean(1, keepdims=True), y - y.mean(1, keepdims=True)) / (
        y.shape[1] * y.var(1)[:, None]
    )
    np.testing.assert_allclose(slopes[spurious], structure.slopes[spurious], atol=0.01)
    residuals = (z - structure.slopes[:, None] * y[..., None]).std(1)
    np.testing.assert_allclose(residuals, structure.residual_noise, rtol=0.02)
    assert (structure.slopes[structure.causal] == 0).all()
