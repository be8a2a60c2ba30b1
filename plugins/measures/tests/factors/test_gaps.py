"""The gap and modularity: closed forms and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.factors.functions import mig, modularity
from identify_measures.inputs import InputError


def _entropy(*p: float) -> float:
    return -sum(q * np.log(q) for q in p if q > 0)


def test_a_perfect_code_has_gap_one_and_a_repeated_one_none(grid: np.ndarray) -> None:
    assert mig(grid.astype(float), grid).value == pytest.approx(1, abs=1e-12)
    assert mig(np.repeat(grid, 2, axis=1).astype(float), grid).value == pytest.approx(0, abs=1e-12)
    assert modularity(np.repeat(grid, 2, axis=1).astype(float), grid).value == pytest.approx(1, abs=1e-12)


def test_the_gap_is_over_the_entropy_of_the_factor() -> None:
    # A latent of four values that tells a binary factor apart exactly: its own entropy is twice the factor's.
    factor = np.repeat([0, 1], 40)
    code = np.tile(np.arange(20), 4) % 2 + 2.0 * factor
    assert mig(code, factor).value == pytest.approx(1, abs=1e-12)
    # A binary symmetric channel with an eighth of the rows flipped, and a latent that knows nothing.
    flipped = np.where(np.arange(80) % 8 == 0, 1 - factor, factor)
    nothing = np.arange(80) // 8 % 5
    expected = 1 - _entropy(1 / 8, 7 / 8) / _entropy(1 / 2, 1 / 2)
    assert mig(np.stack([flipped, nothing], axis=1), factor).value == pytest.approx(expected, abs=1e-9)


def test_modularity_by_hand(grid: np.ndarray) -> None:
    # One latent holds the pair of the first two factors exactly, another the third.
    codes = np.stack([grid[:, 0] + 3 * grid[:, 1], grid[:, 2]], axis=1)
    squares = np.log([3, 4]) ** 2
    mixed = 1 - squares.min() / (squares.max() * 2)
    assert modularity(codes, grid, bins=12).value == pytest.approx((mixed + 1) / 2, abs=1e-9)


def test_a_latent_that_knows_nothing_counts_zero_in_modularity(grid: np.ndarray) -> None:
    codes = np.concatenate([grid, np.zeros((360, 1))], axis=1)
    found = modularity(codes, grid)
    assert found.value == pytest.approx(3 / 4, abs=1e-12)
    assert any("1 of 4 latents know of no factor" in warning for warning in found.warnings)


def test_mixing_by_a_rotation_lowers_all_of_them(grid: np.ndarray, noisy: np.ndarray) -> None:
    clean = noisy[:, :3] / [0.8, 1.1, 1.4]
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    for measure in (mig, modularity):
        assert measure(clean @ rotation, grid).value < measure(clean, grid).value - 0.02


def test_what_is_undefined_says_why(grid: np.ndarray) -> None:
    one = grid[:, 0].astype(float)
    assert "at least two factors" in modularity(one, grid[:, 0]).reason
    assert any("there is one latent" in warning for warning in mig(one, grid).warnings)


def test_a_factor_that_falls_in_one_class_is_left_out(grid: np.ndarray) -> None:
    angle = 1e-3 + 1e-6 * np.random.default_rng(0).uniform(size=360)
    found = mig(grid, {"a": grid[:, 0], "angle": angle}, kinds={"angle": "circular"})
    assert any("fall in one class: angle" in warning for warning in found.warnings)
    assert found.value == pytest.approx(mig(grid, grid[:, 0]).value)
    assert mig(grid, {"angle": angle}, kinds="circular").reason == "no factor has more than one class"


def test_continuous_and_circular_factors_need_no_dataset() -> None:
    random = np.random.default_rng(0)
    angle, height = random.uniform(0, 2 * np.pi, size=3000), random.normal(size=3000)
    codes = np.stack([height**3 / 10 + height, angle, random.normal(size=3000)], axis=1)
    found = mig(codes, {"angle": angle, "height": height}, kinds={"angle": "circular"})
    assert 0.5 < found.value < 1
    assert "2 continuous or circular factors in 20 equal-width bins" in found.estimator
    turned = mig(
        codes,
        {"angle": angle + 2 * np.pi * random.integers(-3, 3, size=3000), "height": height},
        kinds={"angle": "circular"},
    )
    assert turned.value == pytest.approx(found.value, abs=5e-3)


def test_declared_symbols_are_not_cut_into_bins(grid: np.ndarray) -> None:
    # Numbers that stand for symbols: far apart or crowded, which equal-width bins would put together.
    names = np.array([0.0, 1e-6, 1e6, 1e6 + 1e-6])
    codes = np.stack([names[grid[:, 1]], grid[:, 0].astype(float)], axis=1)
    assert mig(codes, grid[:, :2], latents="symbols").value == pytest.approx(1, abs=1e-12)
    assert mig(codes, grid[:, :2]).value < 0.8
    found = modularity(codes, grid[:, :2], latents="symbols")
    assert found.value == pytest.approx(1, abs=1e-12)
    assert "latents read as symbols, plug-in estimate" in found.estimator


def test_the_estimator_is_chosen_and_said(grid: np.ndarray, noisy: np.ndarray) -> None:
    found = mig(noisy, grid, estimator="neighbours", neighbours=5, interval_draws=5)
    assert "5 nearest neighbours (Ross 2014)" in found.estimator
    assert found.interval is not None
    assert "5 halves of the distinct rows" in found.interval.method
    corrected = mig(noisy, grid, estimator="permutation")
    assert "less its expectation over permutations" in corrected.estimator
    assert corrected.value < mig(noisy, grid).value
    with pytest.raises(InputError, match="symbols have no neighbours"):
        mig(grid, grid, latents="symbols", estimator="neighbours")
