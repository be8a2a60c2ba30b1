"""Ties among neighbours: expected overlaps over all orders of the ties, exactly; chance that codes really give."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from identify_measures import cknna, jaccard, mutual_knn
from identify_measures.inputs import as_matrix
from identify_measures.samplewise import neighbours
from identify_measures.samplewise.neighbours import nearest, shared_counts
from identify_measures.samplewise.rows import rows_of_matrix

from . import reference

Array = np.ndarray


def codes(n: int, d: int, levels: int, seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, levels, size=(n, d)).astype(np.float32)


def choices(similarity: Array, i: int, k: int) -> list[frozenset[int]]:
    """Every set of k neighbours that some order of the ties gives."""
    others = [j for j in range(len(similarity)) if j != i]
    last = sorted((similarity[i, j] for j in others), reverse=True)[k - 1]
    above = {j for j in others if similarity[i, j] > last + 1e-9}
    tied = [j for j in others if abs(similarity[i, j] - last) <= 1e-9]
    return [frozenset(above | set(each)) for each in combinations(tied, k - len(above))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("similarity", ["inner-product", "euclidean", "cosine"])
def test_overlaps_are_the_mean_over_all_orders_of_the_ties(
    similarity: neighbours.SimilarityName, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_TILE", 5)
    monkeypatch.setattr(neighbours, "_SETTLED", 40)
    x, y = codes(14, 2, 3, 0) + 1, codes(14, 2, 3, 1) + 1
    functions = {
        "inner-product": lambda z: z @ z.T,
        "euclidean": lambda z: -((z[:, None] - z[None]) ** 2).sum(2),
        "cosine": reference.cosine,
    }
    k = 4
    expected = []
    for i in range(14):
        first, second = (choices(functions[similarity](each.astype(float)), i, k) for each in (x, y))
        expected.append(np.mean([len(a & b) for a in first for b in second]))
    found = [nearest(rows_of_matrix(as_matrix(each.astype(dtype))), similarity, k) for each in (x, y)]
    np.testing.assert_allclose(shared_counts(*found).numpy(), expected, atol=1e-12)
    score = mutual_knn(x.astype(dtype), y.astype(dtype), k=k, similarity=similarity)
    assert score.value == pytest.approx(np.mean(expected) / k, abs=1e-12)
    index = np.mean([each / (2 * k - each) for each in expected])
    score = jaccard(x.astype(dtype), y.astype(dtype), k=k, similarity=similarity)
    assert score.value == pytest.approx(index, abs=1e-12)


@pytest.mark.parametrize(("d", "levels"), [(1, 3), (2, 3), (4, 2)])
@pytest.mark.parametrize("measure", [mutual_knn, jaccard])
def test_unrelated_codes_give_what_is_stated_as_chance(measure, d: int, levels: int) -> None:  # type: ignore[no-untyped-def]
    for similarity in ("cosine", "euclidean"):
        score = measure(codes(500, d, levels, 0), codes(500, d, levels, 1), similarity=similarity)
        assert score.value == pytest.approx(score.chance.mean, rel=0.25)
        assert score.chance.mean < 0.03


def test_codes_are_said_to_tie_and_how_much_they_share_with_themselves() -> None:
    x, y = codes(300, 1, 3, 0), np.random.default_rng(0).normal(size=(300, 4))
    warnings = mutual_knn(x, y, similarity="euclidean").warnings
    itself = mutual_knn(x, x, similarity="euclidean")
    assert warnings[-1] == (
        "in 300 of 300 rows of x other rows are as near as the last of the 10 neighbours: even with itself its overlap "
        f"is {itself.value:.2g}"
    )
    assert itself.value == pytest.approx(0.1, abs=0.01)
    assert mutual_knn(y, y).warnings == ()
    assert mutual_knn(y, y).value == 1.0


@pytest.mark.parametrize("measure", [mutual_knn, jaccard, cknna])
def test_the_order_of_tied_rows_decides_nothing(measure) -> None:  # type: ignore[no-untyped-def]
    x, y = codes(200, 2, 4, 0) + 1, codes(200, 3, 3, 1) + 1
    y[:, 0] = x[:, 0]
    order = np.random.default_rng(2).permutation(200)
    assert measure(x[order], y[order]).value == pytest.approx(measure(x, y).value, abs=1e-12)


def test_nearly_tied_float32_rows_are_told_apart_in_float64() -> None:
    rng = np.random.default_rng(0)
    x = (1 + 1e-4 * rng.normal(size=(400, 3))).astype(np.float32)
    found = nearest(rows_of_matrix(as_matrix(x)), "cosine", 5)
    exact = reference.neighbours(reference.cosine(x.astype(np.float64)), 5)
    assert (found.indices.numpy() == exact).mean() > 0.99
    assert int(found.tied.sum()) < 4


def test_cknna_of_codes_is_one_for_the_same_and_a_reason_where_masks_grow_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = codes(200, 2, 3, 0) + 1
    assert cknna(x, x).value == pytest.approx(1.0, abs=1e-12)
    monkeypatch.setattr("identify_measures.samplewise.neighbourhood._LARGEST_MASK", 2500)
    assert cknna(x, x).reason.startswith("so many samples tie")


def test_memberships_sum_to_k() -> None:
    found = nearest(rows_of_matrix(as_matrix(codes(60, 2, 3, 0))), "euclidean", 7)
    parts = found.memberships(torch.arange(60))
    torch.testing.assert_close(parts.sum(1), torch.full((60,), 7.0, dtype=torch.float64))
    assert found.self_overlap() == pytest.approx(float(parts.square().sum()) / (60 * 7))
