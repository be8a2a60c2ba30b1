"""Gaussian and minibatch CKA and distance correlation: full-matrix references, theorems and undefined cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from identify_measures import debiased_cka, distance_correlation, minibatch_cka, rbf_cka
from identify_measures.inputs import as_matrix
from identify_measures.options.samplewise import GaussianOptions, MinibatchOptions
from identify_measures.samplewise import rows as rows_module
from identify_measures.samplewise.cka import score_minibatch_cka, score_rbf_cka, shuffled_batches
from identify_measures.samplewise.rows import rows_of_matrix
from identify_measures.samplewise.shared import Shared, share_arrays

from .reference import gaussian, hsic_biased, hsic_unbiased, pair, rotation


@pytest.mark.parametrize(("debiased", "hsic"), [(False, hsic_biased), (True, hsic_unbiased)])
def test_rbf_cka_is_that_of_full_matrices(debiased: bool, hsic) -> None:  # type: ignore[no-untyped-def]
    x, y = pair()
    k, m = gaussian(x, 0.8), gaussian(y, 0.8)
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert rbf_cka(x, y, factor=0.8, debiased=debiased).value == pytest.approx(expected, abs=1e-12)


def test_similarities_change_nothing_and_other_maps_do() -> None:
    x, y = pair()
    moved = 3.0 * x @ rotation(6) + 5.0
    stretched = x * np.array([1.0, 1.0, 5.0, 1.0, 1.0, 1.0])
    for measure in (rbf_cka, distance_correlation):
        assert measure(moved, y).value == pytest.approx(measure(x, y).value, abs=1e-10)
        assert abs(measure(stretched, y).value - measure(x, y).value) > 1e-3
        assert measure(x, y).value == pytest.approx(measure(y, x).value, abs=1e-14)
        assert measure(x, moved).value == pytest.approx(1.0, abs=1e-12)
    assert abs(rbf_cka(2 * x, y, sigma=1.0).value - rbf_cka(x, y, sigma=1.0).value) > 1e-3
    assert rbf_cka(x, y, sigma=1.0).invariant_to == ("orthogonal",)


@pytest.mark.parametrize(("dtype", "mean"), [(np.float32, 2.0**14), (np.float64, 2.0**30)])
def test_a_large_mean_costs_no_digits(dtype: type, mean: float) -> None:
    x, y = pair(n=100)
    shifted = (x + mean).astype(dtype)
    back = shifted.astype(np.float64) - mean  # exact
    for measure in (rbf_cka, distance_correlation, minibatch_cka):
        batch = {"batch": 20} if measure is minibatch_cka else {}
        assert measure(shifted, y, **batch).value == pytest.approx(measure(back, y, **batch).value, abs=1e-12)


def test_one_batch_is_debiased_cka_and_no_epsilon_is_added() -> None:
    x, y = pair()
    assert minibatch_cka(x, y, batch=60).value == pytest.approx(debiased_cka(x, y).value, abs=1e-12)
    assert minibatch_cka(1e-6 * x, y, batch=20).value == pytest.approx(minibatch_cka(x, y, batch=20).value, rel=1e-10)


def test_minibatches_are_summed_and_the_last_short_one_is_said() -> None:
    x, y = pair()
    sums = np.zeros(3)
    for at in range(0, 50, 25):
        k, m = (each[at : at + 25] @ each[at : at + 25].T for each in (x, y))
        sums += [hsic_unbiased(k, m), hsic_unbiased(k, k), hsic_unbiased(m, m)]
    score = minibatch_cka(x, y, batch=25, shuffle=False)
    assert score.value == pytest.approx(sums[0] / np.sqrt(sums[1] * sums[2]), abs=1e-12)
    assert score.n == 50
    assert score.warnings == ("10 rows make no whole batch and are dropped",)


def test_distance_correlation_is_that_of_doubly_centred_distances() -> None:
    x, y = pair()
    k, m = cdist(x, x), cdist(y, y)
    expected = np.sqrt(hsic_biased(k, m) / np.sqrt(hsic_biased(k, k) * hsic_biased(m, m)))
    assert distance_correlation(x, y).value == pytest.approx(expected, abs=1e-12)


def test_undefined_values_say_why() -> None:
    x, _ = pair()
    constant = np.ones((60, 2))
    mostly = np.zeros((60, 1))
    mostly[0] = 1.0
    assert "median distance between rows of y is zero" in rbf_cka(x, constant).reason
    assert "median distance between rows of y is zero" in rbf_cka(x, mostly).reason
    assert "the term of y with itself is not positive" in rbf_cka(x, constant, sigma=1.0).reason
    assert "the term of y with itself is not positive" in distance_correlation(x, constant).reason
    assert "the term of y with itself is not positive" in minibatch_cka(x, constant, batch=10).reason
    assert "60 rows make no batch of 256" in minibatch_cka(x, x).reason
    assert "3 rows are too few" in rbf_cka(x[:3], x[:3], debiased=True).reason


def test_rows_read_in_blocks_give_what_rows_in_memory_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "BLOCK", 17)
    x, y = pair(n=90)
    read: list[int] = []

    def counted(matrix):  # type: ignore[no-untyped-def]
        inner = rows_of_matrix(matrix)

        def rows(start: int, stop: int):  # type: ignore[no-untyped-def]
            read.append(stop - start)
            return inner.read(start, stop)

        return rows_module.Rows(
            read=rows, n=inner.n, width=inner.width, dtype=inner.dtype, name=inner.name, owner=inner.owner
        )

    streamed = Shared([counted(as_matrix(each)) for each in (x, y)], budget=0)
    score = score_rbf_cka(streamed, 0, 1, GaussianOptions())
    resident = score_rbf_cka(share_arrays(x, y), 0, 1, GaussianOptions())
    assert score.value == pytest.approx(resident.value, abs=1e-12)
    assert score.interval is not None
    assert resident.interval is not None
    assert "contiguous blocks" in score.interval.method
    assert "random blocks" in resident.interval.method
    # The median alone may ask for all rows at once: up to so many it is exact.
    assert sorted(read)[-3] <= 17


def test_intervals_cover_what_more_rows_say() -> None:
    truth = rbf_cka(*pair(n=4000)).value
    covered = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        x, y = pair(n=4000)
        rows = generator.choice(4000, 200, replace=False)
        score = rbf_cka(x[rows], y[rows], debiased=True, interval=True)
        assert score.interval is not None
        covered += score.interval.low <= truth <= score.interval.high
    assert covered >= 16


def test_chance_is_far_from_related_rows_and_near_unrelated_ones() -> None:
    x, y = pair(n=150)
    score = rbf_cka(x, y)
    shuffled = rbf_cka(x, y[np.random.default_rng(0).permutation(150)])
    assert score.chance is not None
    assert score.value > score.chance.mean + 10 * score.chance.deviation
    assert abs(shuffled.value - score.chance.mean) < 5 * score.chance.deviation


def sorted_by_class(n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Two images of ten classes, with rows sorted by class."""
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, 10, size=n))
    means = rng.normal(size=(10, 5))
    return tuple(means[labels] @ rng.normal(size=(5, d)) + 0.3 * rng.normal(size=(n, d)) for d in (6, 4))  # type: ignore[return-value]


@pytest.mark.parametrize("parts", [1, 7])
def test_minibatches_of_rows_sorted_by_class_are_like_the_whole(parts: int) -> None:
    x, y = sorted_by_class()
    everything = debiased_cka(x, y).value
    shared = Shared([rows_of_matrix(as_matrix(each)) for each in (x, y)], budget=8 * 2000 * 10 // parts)
    score = score_minibatch_cka(shared, 0, 1, MinibatchOptions(batch=64))
    assert score.interval.low < everything < score.interval.high
    assert score.value == pytest.approx(everything, abs=0.02)
    assert ("within 8 parts" in score.estimator) == (parts == 7)
    assert abs(minibatch_cka(x, y, batch=64, shuffle=False).value - everything) > 0.1


@pytest.mark.parametrize("parts", [1, 5])
def test_shuffled_batches_hold_every_row_once(parts: int) -> None:
    x = np.arange(1003.0)[:, None]
    shared = Shared([rows_of_matrix(as_matrix(each)) for each in (x, x + 0.5)], budget=8 * 1003 * 2 // parts)
    batches = list(shuffled_batches(shared, 50))
    assert [len(first) for first, _ in batches] == [50] * 20
    seen = torch.cat([first for first, _ in batches]).flatten().tolist()
    assert len(set(seen)) == 1000
    assert all(torch.equal(first + 0.5, second) for first, second in batches)
