"""Representational similarity analysis against scipy; theorems; what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kendalltau, spearmanr

from identify_measures import linear_cka, rsa
from identify_measures.inputs import InputError
from identify_measures.samplewise import dissimilarities
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


def test_sampled_pairs_are_different_pairs_of_different_samples() -> None:
    first, second = dissimilarities.sampled_pairs(30, 400, 0)
    assert len({(int(i), int(j)) for i, j in zip(first, second, strict=True)}) == 400
    assert bool(((first >= 0) & (first < second) & (second < 30)).all())


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
