"""IRS against a slow version, and where it is exact."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.factors.functions import irs


def _slow(codes: np.ndarray, factors: np.ndarray, quantile: float) -> float:
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    best = np.full(codes.shape[1], -np.inf)
    for factor in factors.T:
        total = np.zeros(codes.shape[1])
        for value in np.unique(factor):
            inside = codes[factor == value]
            total += np.quantile(np.abs(inside - inside.mean(axis=0)), quantile, axis=0)
        best = np.maximum(best, 1 - total / len(np.unique(factor)) / largest)
    return float(np.average(best, weights=largest))


@pytest.mark.parametrize("quantile", [0.9, 1.0])
def test_it_is_the_definition(grid: np.ndarray, noisy: np.ndarray, quantile: float) -> None:
    assert irs(noisy, grid, quantile=quantile).value == pytest.approx(_slow(noisy, grid, quantile), abs=1e-12)


def test_a_perfect_code_does_not_move(grid: np.ndarray) -> None:
    assert irs(grid, grid).value == pytest.approx(1, abs=1e-12)
    assert irs(np.concatenate([grid, np.ones((360, 1))], axis=1), grid).value == pytest.approx(1, abs=1e-12)
    assert irs(grid @ np.array([[1, 1], [1, -1], [0, 0]]), grid).value < 0.7


def test_single_rows_and_dead_codes_are_said(grid: np.ndarray, noisy: np.ndarray) -> None:
    labels = np.arange(360)
    assert any("360 values of factors stand on one row" in warning for warning in irs(noisy, labels).warnings)
    assert irs(np.ones((360, 2)), grid).reason == "all latents are constant"
