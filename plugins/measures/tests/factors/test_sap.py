"""SAP: closed forms of the continuous form, and the discrete one."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.factors.functions import sap


def test_the_continuous_gap_is_that_of_squared_correlations(grid: np.ndarray, noisy: np.ndarray) -> None:
    squares = np.array([[np.corrcoef(z, y)[0, 1] ** 2 for y in grid[60:].T] for z in noisy[60:].T])
    ordered = np.sort(squares, axis=0)
    found = sap(noisy, grid, kinds="continuous", test_rows=np.arange(60))
    assert found.value == pytest.approx((ordered[-1] - ordered[-2]).mean(), abs=1e-12)
    assert found.invariant_to == ("permutation-scaling",)


def test_a_latent_that_runs_with_the_cosine_explains_a_circle() -> None:
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, size=900)
    codes = np.stack([np.cos(angle - 1), random.normal(size=900)], axis=1)
    found = sap(codes, angle, kinds="circular")
    assert found.value == pytest.approx(1, abs=0.02)
    assert "circular-linear" in found.estimator
    # Where the circle begins does not matter.
    assert sap(codes, angle + 2, kinds="circular").value == pytest.approx(found.value, abs=1e-10)


def test_a_binary_factor_is_told_by_its_latent(grid: np.ndarray) -> None:
    factor = grid[:, 0] == 1
    codes = np.stack([4.0 * factor - 2, grid[:, 2] - 2.0], axis=1)
    codes += 1e-3 * np.random.default_rng(0).normal(size=codes.shape)  # rows that repeat would count once
    found = sap(codes, factor)
    assert found.value == pytest.approx(0.5, abs=0.2)
    assert "accuracy for 1" in found.estimator
    assert any("one latent" in warning for warning in sap(codes[:, 0], factor).warnings)


def test_a_constant_latent_explains_nothing(noisy: np.ndarray, grid: np.ndarray) -> None:
    codes = np.stack([noisy[:, 0], np.full(360, 3.0)], axis=1)
    only = sap(noisy[:, :1], grid[:, 0], kinds="continuous").value
    assert sap(codes, grid[:, 0], kinds="continuous").value == pytest.approx(only, abs=1e-12)


def test_a_factor_that_is_constant_where_it_is_fitted_is_left_out(noisy: np.ndarray) -> None:
    rare = np.zeros(360, dtype=int)
    rare[:50] = 1
    found = sap(noisy, {"rare": rare, "half": np.arange(360) % 2}, test_rows=np.arange(100))
    assert any("one value: rare" in warning for warning in found.warnings)
    assert "rows to fit on" in sap(noisy, rare, test_rows=np.arange(100)).reason


def test_symbols_have_no_order(grid: np.ndarray) -> None:
    # Six symbols that say which of three classes a row has: no line through their numbers tells the classes apart.
    random = np.random.default_rng(0)
    codes = np.stack([grid[:, 0] + 3 * random.integers(0, 2, size=360), random.integers(0, 4, size=360)], axis=1)
    found = sap(codes, grid[:, 0], latents="symbols")
    assert found.value > 0.5
    assert sap(codes, grid[:, 0]).value < 0.3
    assert "latents read as symbols" in found.estimator
    height = np.array([0.0, 5.0, 1.0])[grid[:, 0]]
    ratio = sap(codes[:, 0], {"height": height}, kinds="continuous", latents="symbols")
    assert ratio.value == pytest.approx(1, abs=1e-9)
    assert sap(codes[:, 0], {"height": height}, kinds="continuous").value < 0.3
    assert "correlation ratio" in ratio.estimator
