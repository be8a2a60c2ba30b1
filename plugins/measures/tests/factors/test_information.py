"""Mutual information against scikit-learn's, against entropies, and against what independence gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from identify_measures.factors.information import bin_latents, mutual_information
from identify_measures.factors.study import make_study


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(4, 60), d=st.integers(1, 4), bins=st.integers(2, 9))
def test_it_is_scikit_learns_on_numpys_histogram_bins(seed: int, n: int, d: int, bins: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.choice([random.normal(size=(n, d)), random.integers(0, 3, size=(n, d)).astype(float)])
    factors = random.integers(0, 4, size=(n, 3))
    factors[:2] = [[0, 0, 0], [1, 1, 1]]
    study = make_study(codes, factors)
    found = mutual_information(study, bins)
    for i in range(d):
        edges = np.histogram(study.codes[:, i], bins)[1][:-1]
        binned = np.digitize(study.codes[:, i], edges)
        for j in range(3):
            assert found.values[i, j] == pytest.approx(mutual_info_score(factors[:, j], binned), abs=1e-12)
            assert found.entropies[j] == pytest.approx(mutual_info_score(factors[:, j], factors[:, j]), abs=1e-12)


def test_a_copy_knows_the_entropy_and_a_constant_nothing(grid: np.ndarray) -> None:
    codes = np.stack([grid[:, 1], grid[:, 1] * -3.0 + 7, np.full(360, 5.0)], axis=1)
    found = mutual_information(make_study(codes, grid), 20)
    assert found.entropies == pytest.approx(np.log([3, 4, 5]))
    assert found.values[:2, 1] == pytest.approx(np.log(4))
    assert found.values[:2, [0, 2]] == pytest.approx(0, abs=1e-12)
    assert (found.values[2] == 0).all()


def test_independent_variables_have_the_bias_of_the_plug_in_estimate() -> None:
    random = np.random.default_rng(0)
    n, bins, classes = 4000, 8, 5
    study = make_study(random.uniform(size=(n, 60)), random.integers(0, classes, size=(n, 3)))
    expected = (bins - 1) * (classes - 1) / (2 * n)  # Miller & Madow 1955
    assert mutual_information(study, bins).values.mean() == pytest.approx(expected, rel=0.1)


def test_values_on_edges_and_crowded_bins_are_said() -> None:
    _, notes = bin_latents(np.arange(41.0)[:, None], 20)
    assert len(notes) == 1
    assert "lie on edges" in notes[0]
    heavy = np.concatenate([np.random.default_rng(0).normal(size=999), [1e6]])
    _, notes = bin_latents(heavy[:, None], 20)
    assert len(notes) == 1
    assert "more than 95 %" in notes[0]
    assert bin_latents(np.random.default_rng(0).normal(size=(500, 3)), 20)[1] == ()


def test_counting_in_pieces_gives_the_same(
    monkeypatch: pytest.MonkeyPatch, grid: np.ndarray, noisy: np.ndarray
) -> None:
    whole = mutual_information(make_study(noisy, grid), 20).values
    monkeypatch.setattr("identify_measures.factors.information._CHUNK", 100)
    assert np.array_equal(mutual_information(make_study(noisy, grid), 20).values, whole)
