"""Representational similarity analysis against scipy; theorems; what it refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kendalltau, rankdata, spearmanr

from identify_measures import linear_cka, rsa
from identify_measures.inputs import InputError
from identify_measures.samplewise import dissimilarities
from identify_measures.samplewise.ranks import RankTable
from identify_measures.samplewise.rsa import compare_dissimilarities

from .reference import pair, rotation

SCIPY = {"correlation": "correlation", "cosine": "cosine", "euclidean": "euclidean", "squared-euclidean": "sqeuclidean"}


def tau_a(a: np.ndarray, b: np.ndarray) -> float:
    signs = [np.sign(each[:, None] - each[None, :]) for each in (a, b)]
    return float((signs[0] * signs[1]).sum() / (len(a) * (len(a) - 1)))


COMPARE = {
    "spearman": lambda a, b: float(spearmanr(a, b).statistic),
    "pearson": lambda a, b: float(np.corrcoef(a, b)[0, 1]),
    "cosine": lambda a, b: float(a @ b / np.sqrt((a @ a) * (b @ b))),
    "kendall": tau_a,
}


@pytest.mark.parametrize("dissimilarity", SCIPY)
@pytest.mark.parametrize("comparison", COMPARE)
def test_every_dissimilarity_and_comparison_is_scipys(dissimilarity: str, comparison: str) -> None:
    x, y = pair(n=45)
    expected = COMPARE[comparison](pdist(x, SCIPY[dissimilarity]), pdist(y, SCIPY[dissimilarity]))
    assert rsa(x, y, dissimilarity=dissimilarity, comparison=comparison).value == pytest.approx(expected, abs=1e-12)
    a, b = (squareform(pdist(each, SCIPY[dissimilarity])) for each in (x, y))
    assert compare_dissimilarities(a, b, comparison=comparison) == pytest.approx(expected, abs=1e-12)


def test_whitened_cosine_of_squared_distances_is_linear_cka() -> None:
    x, y = pair()
    whitened = rsa(x, y, dissimilarity="squared-euclidean", comparison="whitened-cosine").value
    assert whitened == pytest.approx(linear_cka(x, y).value, abs=1e-13)
    a, b = (pdist(each, "sqeuclidean") for each in (x, y))
    assert compare_dissimilarities(a, b, comparison="whitened-cosine") == pytest.approx(whitened, abs=1e-13)


def test_larger_than_a_tile() -> None:
    x, y = pair(n=700)
    expected = spearmanr(pdist(x, "correlation"), pdist(y, "correlation")).statistic
    assert rsa(x, y).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dissimilarity", ["cosine", "euclidean", "squared-euclidean"])
def test_rotations_change_nothing_and_correlations_are_not_so(dissimilarity: str) -> None:
    x, y = pair()
    turned = x @ rotation(6)
    assert rsa(turned, y, dissimilarity=dissimilarity).value == pytest.approx(
        rsa(x, y, dissimilarity=dissimilarity).value, abs=1e-9
    )
    assert abs(rsa(turned, y).value - rsa(x, y).value) > 1e-3


def test_duplicated_rows_keep_their_ties() -> None:
    x, y = pair(n=30)
    x, y = np.repeat(x, 3, axis=0), np.repeat(y, 3, axis=0)
    turned = x @ rotation(6) + 3.0
    value = rsa(x, y, dissimilarity="euclidean").value
    assert rsa(turned, y, dissimilarity="euclidean").value == pytest.approx(value, abs=1e-10)
    distances = [np.round(pdist(each), 9) for each in (x, y)]
    assert value == pytest.approx(spearmanr(*distances).statistic, abs=1e-10)


@pytest.mark.parametrize(("dtype", "mean"), [(np.float32, 2.0**14), (np.float64, 2.0**30)])
def test_a_large_mean_costs_no_digits(dtype: type, mean: float) -> None:
    x, y = pair(n=80)
    shifted = (x + mean).astype(dtype)
    back = shifted.astype(np.float64) - mean  # exact
    for name in ("euclidean", "correlation"):
        exact = rsa(back, y, dissimilarity=name, comparison="pearson").value
        assert rsa(shifted, y, dissimilarity=name, comparison="pearson").value == pytest.approx(exact, abs=1e-6)
    directions = np.array([[float(a @ b / np.sqrt(a @ a * (b @ b))) for b in back] for a in back])
    assert compare_dissimilarities(1 - directions, pdist(y, "cosine"), comparison="pearson") == pytest.approx(
        rsa(back, y, dissimilarity="cosine", comparison="pearson").value, abs=1e-12
    )


def test_ties_in_kendall_count_as_neither() -> None:
    a = np.array([0.0, 0.0, 1.0, 2.0, 2.0, 3.0])
    b = np.array([1.0, 0.0, 1.0, 2.0, 5.0, 4.0])
    assert compare_dissimilarities(a, b, comparison="kendall") == pytest.approx(tau_a(a, b))
    assert compare_dissimilarities(a, b, comparison="kendall") != pytest.approx(kendalltau(a, b).statistic)


def test_a_sample_of_pairs_is_near_all_of_them_and_said() -> None:
    x, y = pair(n=200)
    score = rsa(x, y, pairs=8000, seed=3)
    assert "8000 random pairs of samples (seed 3)" in score.estimator
    assert score.value == pytest.approx(rsa(x, y).value, abs=0.05)
    assert score.value != rsa(x, y).value
    assert rsa(x, y, pairs=8000, comparison="kendall").value == pytest.approx(
        rsa(x, y, comparison="kendall").value, abs=0.05
    )


@pytest.mark.parametrize("count", [400, 435])  # of 435 pairs
def test_sampled_pairs_are_different_pairs_of_different_samples(count: int) -> None:
    parts = list(dissimilarities.sampled_pairs(30, count, 0, step=100))
    first, second = (torch.cat(each) for each in zip(*parts, strict=True))
    assert len({(int(i), int(j)) for i, j in zip(first, second, strict=True)}) == count
    assert bool(((first >= 0) & (first < second) & (second < 30)).all())


def test_pairs_are_sampled_evenly() -> None:
    drawn = [next(dissimilarities.sampled_pairs(6, 4, seed)) for seed in range(3000)]
    counts = torch.bincount(torch.cat([first * 6 + second for first, second in drawn]), minlength=36)
    counts = counts.reshape(6, 6)[torch.triu_indices(6, 6, 1).unbind()]
    assert counts.min() > 700  # 800 of each of the 15 pairs
    assert counts.max() < 900


@pytest.mark.parametrize("dissimilarity", ["correlation", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_nothing_jumps_where_ranks_come_from_a_table_and_where_pairs_are_sampled(
    monkeypatch: pytest.MonkeyPatch, dissimilarity: str, dtype: type, scale: float
) -> None:
    x, y = pair(n=400)
    x = (scale * x).astype(dtype)
    exact = rsa(x, y, dissimilarity=dissimilarity, interval=True)
    last = rsa(x, y, dissimilarity=dissimilarity, pairs=400 * 399 // 2 - 1)
    assert "79799 random pairs" in last.estimator
    assert last.value == pytest.approx(exact.value, abs=2e-5)
    monkeypatch.setattr("identify_measures.samplewise.rsa.EXACT", 1000)
    looked_up = rsa(x, y, dissimilarity=dissimilarity, interval=True)
    assert looked_up.value != exact.value
    assert looked_up.value == pytest.approx(exact.value, abs=1e-6)
    assert looked_up.interval.low == pytest.approx(exact.interval.low, abs=1e-5)
    assert looked_up.warnings == exact.warnings


def test_ties_share_a_rank_where_it_comes_from_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = pair(n=40)
    x, y = np.repeat(x, 3, axis=0), np.round(np.repeat(y, 3, axis=0))
    exact = rsa(x, y, dissimilarity="euclidean")
    monkeypatch.setattr("identify_measures.samplewise.rsa.EXACT", 1000)
    looked_up = rsa(x, y, dissimilarity="euclidean")
    assert looked_up.value == pytest.approx(exact.value, abs=2e-5)
    assert looked_up.warnings == exact.warnings


def test_ranks_of_a_table_are_average_ranks_of_its_bins() -> None:
    values = torch.tensor([3.0, 0.0, 1e30, 3.0, 3.0 * (1 + 1e-7), 2.0, 3.1, 0.0], dtype=torch.float64)
    table = RankTable([values[:3], values[3:].reshape(1, 5)])
    ranks = rankdata([2, 0, 4, 2, 2, 1, 3, 0]) - 4.5
    assert table.ranks(values).tolist() == ranks.tolist()
    assert float(table.squares) == np.square(ranks).sum()
    assert table.count == 8
    assert RankTable([torch.zeros(2, 2, dtype=torch.float64)]).ranks(torch.zeros(1, dtype=torch.float64)).tolist() == [
        0
    ]


PEAK = """
import resource, sys
import numpy as np
from identify_measures import rsa
rng = np.random.default_rng(0)
x, y = rng.normal(size=(2, int(sys.argv[1]), 8))
rsa(x, y, comparison=sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("comparison", ["spearman", "kendall"])
def test_memory_does_not_grow_with_the_pairs(comparison: str) -> None:
    # Five times the pairs: 16 million of them, whose ranks alone would take 128 MB a representation.
    peaks = [
        int(subprocess.run([sys.executable, "-c", PEAK, n, comparison], capture_output=True, check=True).stdout)
        for n in ("2500", "5700")
    ]
    assert peaks[1] < peaks[0] + 100 * 1024


def test_kendall_is_a_sample_where_there_are_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = pair(n=200)
    exact = rsa(x, y, comparison="kendall")
    monkeypatch.setattr("identify_measures.samplewise.rsa.EXACT", 8000)
    sampled = rsa(x, y, comparison="kendall")
    assert "8000 random pairs of samples" in sampled.estimator
    assert sampled.value == pytest.approx(exact.value, abs=0.02)


def test_rows_without_a_direction_have_no_value() -> None:
    x, y = pair(q=7)
    y[5] = 0.1  # its mean over the columns is not 0.1 to the last digit
    score = rsa(x, y)
    assert np.isnan(score.value)
    assert score.reason == "1 of 60 rows of y are constant and have no correlation"
    y[5] = 0.0
    assert rsa(x, y, dissimilarity="cosine").reason == "1 of 60 rows of y are zero and have no cosine"
    assert np.isnan(rsa(x, y[:, :1]).value)
    assert not np.isnan(rsa(x, y, dissimilarity="euclidean").value)


def test_equal_dissimilarities_have_no_correlation() -> None:
    x, _ = pair(n=5, p=5)
    simplex = np.eye(5)
    for comparison in ("spearman", "kendall", "pearson"):
        score = rsa(x, simplex, dissimilarity="euclidean", comparison=comparison)
        assert np.isnan(score.value)
        assert score.reason
    assert (
        "all dissimilarities of x or y are the same"
        in rsa(x, simplex, dissimilarity="euclidean", comparison="kendall").reason
    )


def test_two_rows_are_refused() -> None:
    with pytest.raises(InputError, match="x has 2 rows; at least 3 are needed"):
        rsa(np.eye(2), np.eye(2))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.ones(5), np.ones(6), "first has 5 entries, which is not n"),
        (np.ones(3), np.ones(6), "first has 3 pairs of samples and second has 6"),
        (np.arange(9.0).reshape(3, 3), np.ones(3), r"first, of shape \(3, 3\), is not symmetric"),
    ],
)
def test_what_is_no_dissimilarity_matrix_is_refused(first: np.ndarray, second: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_dissimilarities(first, second)


@pytest.mark.shared
def test_monkey_and_human_it_agree_as_published(shared_data) -> None:  # type: ignore[no-untyped-def]
    with np.load(shared_data / "rsa92_rdms.npz") as stored:
        monkey, human = stored["fig1_monkey_IT"], stored["fig1_human_IT"]
    assert compare_dissimilarities(monkey, human, comparison="pearson") == pytest.approx(0.4912, abs=5e-5)
