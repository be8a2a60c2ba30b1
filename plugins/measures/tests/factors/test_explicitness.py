"""Explicitness: the area under the curve, its chance level, and classes that are missing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from identify_measures.factors.explicitness import area_under_curve
from identify_measures.factors.functions import explicitness


def test_the_area_is_scikit_learns_with_ties() -> None:
    random = np.random.default_rng(0)
    scores, positive = random.integers(0, 9, size=200) / 9, random.integers(0, 2, size=200) == 1
    assert area_under_curve(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_a_perfect_code_is_explicit_and_noise_is_at_chance(grid: np.ndarray) -> None:
    random = np.random.default_rng(0)
    mixed = (grid + 0.05 * random.normal(size=grid.shape)) @ random.normal(size=(3, 3))
    assert explicitness(mixed, grid).value > 0.99
    noise = explicitness(random.normal(size=(360, 3)), grid)
    assert noise.value == pytest.approx(0.5, abs=0.08)
    scaled = explicitness(random.normal(size=(360, 3)), grid, scaled=True)
    assert abs(scaled.value) < 0.16
    assert "2 AUC − 1" in scaled.estimator


def test_continuous_factors_are_cut_into_classes() -> None:
    values = np.random.default_rng(0).uniform(size=600)
    found = explicitness(np.stack([values, values**2], axis=1), values, factor_bins=4)
    assert found.value > 0.9
    assert "4 equal-width bins" in found.estimator


def test_missing_classes_are_said(noisy: np.ndarray, grid: np.ndarray) -> None:
    labels = grid[:, 2].copy()
    labels[:5] = 9
    found = explicitness(noisy, {"a": labels, "b": grid[:, 0]}, test_rows=np.arange(0, 360, 3) + 2)
    assert not any("9" in warning for warning in found.warnings)
    found = explicitness(noisy, {"a": labels, "b": np.arange(360) % 3}, test_rows=np.arange(5, 120))
    assert any("1 classes of a" in warning for warning in found.warnings)
    rare = (np.arange(360) < 50).astype(int)
    found = explicitness(noisy, {"rare": rare, "b": np.arange(360) % 3}, test_rows=np.arange(100))
    assert any("rows to fit on have one class: rare" in warning for warning in found.warnings)
    late = (np.arange(360) > 300).astype(int)
    found = explicitness(noisy, {"late": late, "b": np.arange(360) % 3}, test_rows=np.arange(100))
    assert any("rows that judge have one class: late" in warning for warning in found.warnings)
    assert "two classes" in explicitness(noisy, late, test_rows=np.arange(100)).reason
