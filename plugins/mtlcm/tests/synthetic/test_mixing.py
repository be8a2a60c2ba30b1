"""Mixings: Haar-distributed, of the known condition number, and drawn again where nearly singular."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify_core import OptionsError
from identify_core.testing.contexts import make_context
from identify_mtlcm.options.synthetic import LinearOptions
from identify_mtlcm.synthetic.datasets import make_linear
from identify_mtlcm.synthetic.mixing import draw_mixing, shape_mixing


def test_random_mixings_have_the_measured_condition_numbers():
    random = np.random.default_rng(0)
    conditions = [draw_mixing("random", 10, 10, random, np.inf).condition for _ in range(2000)]
    assert np.median(conditions) == pytest.approx(33, rel=0.08)
    # Edelman (1988), SIAM J. Matrix Anal. Appl. 9(4): P(condition / n < x) tends to exp(-2/x - 2/x²) as n grows.
    x = np.quantile(conditions, 0.95) / 10
    assert np.exp(-2 / x - 2 / x**2) == pytest.approx(0.95, abs=0.01)


def test_orthogonal_mixings_are_the_nearest_to_the_normal_matrix_and_uniform():
    random = np.random.default_rng(1)
    normal = random.standard_normal((4, 4))
    orthogonal = shape_mixing("orthogonal", normal)
    np.testing.assert_allclose(orthogonal @ orthogonal.T, np.eye(4), atol=1e-12)
    symmetric = orthogonal.T @ normal  # the polar factor of the normal matrix: what is left is positive definite
    np.testing.assert_allclose(symmetric, symmetric.T, atol=1e-12)
    assert np.linalg.eigvalsh(symmetric).min() > 0
    many = np.stack([shape_mixing("orthogonal", random.standard_normal((3, 3))) for _ in range(4000)])
    np.testing.assert_allclose(many.mean(0), 0, atol=0.05)
    np.testing.assert_allclose((many**2).mean(0), 1 / 3, atol=0.03)


def test_nearly_singular_mixings_are_drawn_again(tmp_path):
    random = np.random.default_rng(0)
    drawn = draw_mixing("random", 10, 10, random, 8.0)
    assert drawn.condition <= 8.0
    assert drawn.draws > 1
    samples = make_linear(LinearOptions(tasks=3, points=3, largest_condition=12.0), make_context(tmp_path))
    assert samples.facts["mixing-condition"] <= 12.0
    assert samples.facts["mixing-draws"] > 1


def test_by_default_no_direction_drowns_in_noise_and_three_in_five_draws_are_kept(tmp_path):
    conditions, draws, lowest = [], [], []
    for seed in range(60):
        options = LinearOptions(tasks=20, points=50, test_points=1)
        samples = make_linear(options, make_context(tmp_path, seed=seed, dtype=torch.float64))
        conditions.append(samples.facts["mixing-condition"])
        draws.append(samples.facts["mixing-draws"])
        z = np.stack([factor.values for factor in samples.factors.values()], axis=1)
        noisy = samples.tensor("noisy-latents").numpy()
        lowest.append(np.mean([np.corrcoef(z[:, j], noisy[:, j])[0, 1] for j in range(10)]))
    assert max(conditions) <= 50
    assert np.mean([each == 1 for each in draws]) == pytest.approx(0.62, abs=0.15)
    assert min(lowest) > 0.999
    every = make_linear(LinearOptions(tasks=3, largest_condition=np.inf), make_context(tmp_path, seed=8))
    assert every.facts["mixing-draws"] == 1
    assert every.facts["mixing-condition"] > 50


def test_a_condition_number_that_no_draw_reaches():
    with pytest.raises(OptionsError, match="none of 1000 random mixings of 10 latents into 10 features") as caught:
        draw_mixing("random", 10, 10, np.random.default_rng(0), 1.5)
    assert "orthogonal" in caught.value.hint
