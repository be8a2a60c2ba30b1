"""Neighbours and what is made of them, against full sorts; ties, duplicates, zero rows and large means."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from identify_measures import cknna, jaccard, mutual_knn
from identify_measures.inputs import as_matrix
from identify_measures.samplewise import neighbours
from identify_measures.samplewise.neighbours import chance_overlap, nearest
from identify_measures.samplewise.rows import rows_of_matrix

from . import reference


def found(x: np.ndarray, similarity: neighbours.SimilarityName, k: int) -> np.ndarray:
    return nearest(rows_of_matrix(as_matrix(x)), similarity, k).indices.numpy()


@pytest.mark.parametrize("tile", [7, 64, 2048])
def test_they_are_those_of_a_full_sort(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_TILE", tile)
    x, _ = reference.pair(n=150)
    for name, similarity in {
        "cosine": reference.cosine(x),
        "inner-product": x @ x.T,
        "euclidean": -cdist(x, x, "sqeuclidean"),
    }.items():
        np.testing.assert_array_equal(found(x, name, 8), reference.neighbours(similarity, 8))


def test_a_duplicate_is_a_neighbour_and_the_sample_itself_is_not() -> None:
    x, _ = reference.pair(n=20)
    x = np.repeat(x, 3, axis=0)
    for name in ("cosine", "euclidean"):
        rows = found(x, name, 2)
        assert all(set(row) == set(range(3 * (at // 3), 3 * (at // 3) + 3)) - {at} for at, row in enumerate(rows))


@pytest.mark.parametrize("name", ["cosine", "inner-product", "euclidean"])
def test_float32_with_a_large_mean_finds_the_neighbours_of_float64(name: neighbours.SimilarityName) -> None:
    x = (np.random.default_rng(0).normal(size=(300, 5)) + 1000.0).astype(np.float32)
    agreeing = (found(x, name, 5) == found(x.astype(np.float64), name, 5)).mean()
    assert agreeing > 0.99


def test_mutual_neighbours_and_jaccard_count_sets() -> None:
    x, y = reference.pair(n=90)
    sets = [[set(row) for row in reference.neighbours(reference.cosine(each), 7)] for each in (x, y)]
    overlap = np.mean([len(a & b) / 7 for a, b in zip(*sets, strict=True)])
    index = np.mean([len(a & b) / len(a | b) for a, b in zip(*sets, strict=True)])
    assert mutual_knn(x, y, k=7).value == pytest.approx(overlap, abs=1e-14)
    assert jaccard(x, y, k=7).value == pytest.approx(index, abs=1e-14)


def test_all_others_are_neighbours_of_everyone() -> None:
    x, y = reference.pair(n=12)
    assert mutual_knn(x, y, k=11).value == 1.0
    assert mutual_knn(x, y, k=12).reason == "12 rows are too few for 12 neighbours besides the sample itself"


def test_chance_is_that_of_random_sets() -> None:
    n, k = 12, 4
    overlap, index = chance_overlap(n, k)
    every = comb(n - 1, k)
    shared = [comb(k, h) * comb(n - 1 - k, k - h) / every for h in range(k + 1)]
    assert overlap == pytest.approx(sum(h * p for h, p in enumerate(shared)) / k)
    assert index == pytest.approx(sum(h / (2 * k - h) * p for h, p in enumerate(shared)))
    x, y = np.random.default_rng(0).normal(size=(2, 400, 3))
    assert mutual_knn(x, y, k=20).value == pytest.approx(20 / 399, abs=0.01)


def test_cknna_is_the_masked_matrices_criterion() -> None:
    x, y = reference.pair(n=70)
    k, m = x @ x.T, y @ y.T
    masks = []
    for each in (k, m):
        mask = np.zeros_like(k)
        np.put_along_axis(mask, reference.neighbours(each, 6), 1.0, axis=1)
        masks.append(mask)
    a, b = masks
    terms = [reference.hsic_unbiased(a * b * k, a * b * m)]
    terms += [reference.hsic_unbiased(a * k, a * k), reference.hsic_unbiased(b * m, b * m)]
    assert cknna(x, y, k=6).value == pytest.approx(terms[0] / np.sqrt(terms[1] * terms[2]), abs=1e-12)


def test_cknna_has_no_epsilon_and_does_not_see_scale() -> None:
    x, y = reference.pair()
    assert cknna(1e-5 * x, 1e-5 * y, k=5).value == pytest.approx(cknna(x, y, k=5).value, rel=1e-10)


def test_cknna_by_chance_is_near_zero_for_unrelated_rows() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 200, 4))
    score = cknna(x, y, chance_draws=20)
    assert score.chance is not None
    assert score.chance.method == "20 random pairings of the rows"
    assert abs(score.value - score.chance.mean) < 5 * score.chance.deviation


def test_zero_rows_are_said() -> None:
    x, y = reference.pair(n=30)
    x[3] = 0.0
    assert "1 rows of x are zero and have no direction" in mutual_knn(x, y, k=3).warnings


def test_constant_representations_have_no_cknna() -> None:
    x, _ = reference.pair(n=30)
    score = cknna(x, np.zeros((30, 2)), k=3)
    assert np.isnan(score.value)
    assert score.reason == "the term of y with itself is not positive"
    assert cknna(x[:3], x[:3], k=2).reason == "3 rows are too few for 3 neighbours besides the sample itself"


def test_an_interval_covers_the_value_and_says_what_it_kept() -> None:
    x, y = reference.pair(n=200)
    score = mutual_knn(x, y, interval=True)
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high
    assert "neighbours among all rows kept" in score.interval.method
    assert mutual_knn(x[:40], y[:40], interval=True).interval is None


def test_tensors_are_not_changed() -> None:
    x, y = (torch.from_numpy(each) for each in reference.pair())
    before = x.clone()
    mutual_knn(x, y, similarity="euclidean")
    assert torch.equal(x, before)
