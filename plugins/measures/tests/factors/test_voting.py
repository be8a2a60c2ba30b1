"""FactorVAE and BetaVAE: known codes, chance, finite tables and their limits."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.factors.functions import beta_vae, factor_vae
from identify_measures.factors.groups import group_rows
from identify_measures.factors.study import make_study

FEW = {"train_votes": 600, "test_votes": 400}


def test_a_perfect_code_is_told_and_noise_is_at_chance(grid: np.ndarray, noisy: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(size=(360, 3))
    for measure in (factor_vae, beta_vae):
        assert measure(noisy, grid, **FEW).value > 0.98  # type: ignore[operator]
        assert measure(noise, grid, **FEW).value < 0.65  # type: ignore[operator]


def test_latents_that_hardly_vary_are_left_out_wherever_they_stand(grid: np.ndarray, noisy: np.ndarray) -> None:
    quiet = 0.01 * np.random.default_rng(0).normal(size=(360, 2))
    padded = factor_vae(np.concatenate([quiet, noisy], axis=1), grid, **FEW)
    assert padded.value == factor_vae(noisy, grid, **FEW).value
    assert "4 of 6 latents active" in padded.estimator
    assert "below 0.05" in factor_vae(quiet, grid, **FEW).reason
    assert factor_vae(quiet, grid, inactive_below=0, **FEW).value < 0.65
    assert factor_vae(noisy, grid, inactive_below=0, **FEW).invariant_to == ("permutation-scaling",)


def test_batches_share_the_value_and_pairs_are_different_rows(grid: np.ndarray, noisy: np.ndarray) -> None:
    study = make_study(noisy, grid)
    groups, notes = group_rows(study, 16)
    assert notes == []
    generator = np.random.default_rng(0)
    for factor, group in zip(study.truth, groups, strict=True):
        labels = factor.labels[group.batches(50, 8, generator)]
        assert (labels == labels[:, :1]).all()
        assert len(np.unique(labels)) == factor.classes
        one, two = group.pairs(200, 8, generator)
        assert (factor.labels[one] == factor.labels[two]).all()
        assert (one != two).all()


def test_every_row_of_a_class_is_drawn_as_often_as_any_other() -> None:
    labels = np.repeat([0, 1], [20, 40])
    (group,), _ = group_rows(make_study(np.arange(60.0), labels), 16)
    generator = np.random.default_rng(0)
    drawn = np.bincount(group.batches(20_000, 6, generator).reshape(-1), minlength=60) / 2000
    assert drawn == pytest.approx(np.ones(60), abs=0.15)
    second = np.bincount(group.pairs(20_000, 6, generator)[1].reshape(-1), minlength=60) / 2000
    assert second == pytest.approx(np.ones(60), abs=0.15)


def test_rare_values_are_never_fixed_and_too_few_rows_say_so(grid: np.ndarray, noisy: np.ndarray) -> None:
    rare = grid[:, 0].copy()
    rare[:5] = 9
    found = factor_vae(noisy, {"a": rare, "b": grid[:, 1]}, **FEW)
    assert any("1 values of a with fewer than 16 rows" in warning for warning in found.warnings)
    for measure in (factor_vae, beta_vae):
        unique = measure(noisy, {"a": np.arange(360), "b": grid[:, 1]}, **FEW)  # type: ignore[operator]
        assert "a has 0 values that 16 rows share, out of 360" in unique.reason
        assert "at least two factors" in measure(noisy, grid[:, 0], **FEW).reason  # type: ignore[operator]


def test_continuous_factors_are_held_within_a_bin() -> None:
    values = np.random.default_rng(0).uniform(size=(1500, 2))
    found = factor_vae(values, values, factor_bins=10, **FEW)
    assert found.value > 0.98
    assert "2 factors in 10 equal-width bins" in found.estimator


def test_the_seed_decides(grid: np.ndarray) -> None:
    codes = np.random.default_rng(0).normal(size=(360, 4))
    one, same, other = (factor_vae(codes, grid, seed=seed, **FEW).value for seed in (0, 0, 1))
    assert one == same != other


def test_without_the_threshold_the_scale_of_a_latent_means_nothing(grid: np.ndarray, noisy: np.ndarray) -> None:
    weak = noisy + np.random.default_rng(4).normal(size=noisy.shape)
    before = factor_vae(weak, grid, inactive_below=0, batch=8, **FEW)
    after = factor_vae(weak * [-1e4, 1e-5, 30, 0.2], grid, inactive_below=0, batch=8, **FEW)
    assert after.value == pytest.approx(before.value, abs=1e-9)
    assert before.value < 0.95
