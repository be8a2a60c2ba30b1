"""Sums over tiles against full matrices; chance in closed form against every permutation of few rows."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, pdist

from identify_measures.inputs import as_matrix
from identify_measures.samplewise import hsic, kernels, tiles
from identify_measures.samplewise.rows import View, rows_of_matrix

from .reference import gaussian, hsic_biased, hsic_unbiased, pair


def totals_of(*matrices: np.ndarray, function: str = "euclidean", without: int | None = None) -> tiles.Totals:
    views = [View(rows_of_matrix(as_matrix(each)), "centred") for each in matrices]
    made = [kernels.EuclideanTiles(each) if function == "euclidean" else kernels.SquaredTiles(each) for each in views]
    return tiles.total(tiles.sum_pairs(made, len(matrices[0]), side=7), without)


def test_alignment_is_that_of_full_matrices() -> None:
    x, y = pair()
    k, m = cdist(x, x), cdist(y, y)
    totals = totals_of(x, y)
    biased = hsic_biased(k, m) / np.sqrt(hsic_biased(k, k) * hsic_biased(m, m))
    unbiased = hsic_unbiased(k, m) / np.sqrt(hsic_unbiased(k, k) * hsic_unbiased(m, m))
    assert float(hsic.cosines(hsic.centred(totals)).values[0, 1]) == pytest.approx(biased, abs=1e-13)
    assert float(hsic.cosines(hsic.u_centred(totals)).values[0, 1]) == pytest.approx(unbiased, abs=1e-13)


def test_leaving_out_a_block_is_the_measure_of_the_other_rows() -> None:
    x, y = pair(n=50)
    kept = np.r_[0:15, 20:50]  # ten blocks of five rows
    left_out = hsic.cosines(hsic.u_centred(totals_of(x, y, without=3))).values
    alone = hsic.cosines(hsic.u_centred(totals_of(x[kept], y[kept]))).values
    torch.testing.assert_close(left_out, alone, rtol=0, atol=1e-12)


def test_correlations_of_dissimilarities_are_numpys() -> None:
    x, y = pair()
    totals = totals_of(x, y)
    a, b = pdist(x), pdist(y)
    assert float(hsic.correlations(totals).values[0, 1]) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-13)
    cosine = a @ b / np.sqrt(a @ a * (b @ b))
    assert float(hsic.uncentred_cosines(totals).values[0, 1]) == pytest.approx(cosine, abs=1e-13)


@pytest.mark.parametrize("judge", ["biased", "unbiased", "pearson", "cosine"])
def test_chance_is_exact_over_all_permutations(judge: str) -> None:
    x, y = pair(n=6)
    judges = {
        "biased": lambda totals: hsic.cosines(hsic.centred(totals)),
        "unbiased": lambda totals: hsic.cosines(hsic.u_centred(totals)),
        "pearson": hsic.correlations,
        "cosine": hsic.uncentred_cosines,
    }
    # Every permuted y is one more representation.
    orders = [list(order) for order in permutations(range(6))]
    grid = judges[judge](totals_of(x, y, *(y[order] for order in orders)))
    drawn = grid.values[0, 2:]
    assert float(grid.means[0, 1]) == pytest.approx(float(drawn.mean()), abs=1e-12)
    assert float(grid.deviations[0, 1]) == pytest.approx(float(drawn.std(correction=0)), abs=1e-12)


@pytest.mark.parametrize("n", [7_134, 65_538, 1_000_000])
def test_products_of_many_rows_do_not_overflow(n: int) -> None:
    """Each term of Kazi-Aoual's moments in exact fractions."""
    products, traces, diagonal = (3 * n * n, 5 * n * n), (7 * n, 11 * n), (64 * n, 128 * n)
    diagonals = torch.stack([_with_moments(n, t, d) for t, d in zip(traces, diagonal, strict=True)])
    # Rows that sum to zero already, so that centring leaves them as they are.
    totals = tiles.Totals(
        n=n,
        products=torch.tensor([[products[0], n], [n, products[1]]]) - diagonals @ diagonals.T,
        diagonal_products=diagonals @ diagonals.T,
        row_sums=-diagonals,
        diagonals=diagonals,
        shifts=torch.zeros(2, dtype=torch.float64),
    )
    first = [(n - 1) * p - t * t for p, t in zip(products, traces, strict=True)]
    second = [n * (n + 1) * d - (n - 1) * (t * t + 2 * p) for p, t, d in zip(products, traces, diagonal, strict=True)]
    variance = Fraction(2 * first[0] * first[1], (n - 1) ** 2 * (n + 1) * (n - 2))
    variance += Fraction(second[0] * second[1], (n + 1) * n * (n - 1) * (n - 2) * (n - 3))
    grid, scale = hsic.cosines(hsic.centred(totals)), float(products[0] * products[1]) ** 0.5
    assert float(grid.means[0, 1]) * scale == pytest.approx(traces[0] * traces[1] / (n - 1), rel=1e-9)
    assert float(grid.deviations[0, 1]) * scale == pytest.approx(float(variance) ** 0.5, rel=1e-9)


def _with_moments(n: int, total: int, squares: int) -> torch.Tensor:
    """An even n of numbers with this sum and this sum of squares."""
    mean, spread = total / n, (squares / n - (total / n) ** 2) ** 0.5
    return mean + spread * torch.where(torch.arange(n) % 2 == 0, 1.0, -1.0).to(torch.float64)


def test_the_median_is_numpys_over_all_squared_distances() -> None:
    for n in (2, 3, 7, 40, 1500):
        x = np.random.default_rng(n).normal(size=(n, 3))
        view = View(rows_of_matrix(as_matrix(x)), "centred")
        assert kernels.median_squared_distance(view, 0) == pytest.approx(
            np.median(cdist(x, x, "sqeuclidean")), rel=1e-12
        )


def test_the_median_of_many_rows_is_that_of_a_stated_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = pair(n=300)
    view = View(rows_of_matrix(as_matrix(x)), "centred")
    monkeypatch.setattr(kernels, "MEDIAN_ROWS", 200)
    exact = float(np.median(cdist(x, x, "sqeuclidean")))
    sampled = kernels.median_squared_distance(view, 0)
    assert sampled != exact
    assert sampled == pytest.approx(exact, rel=0.1)
    assert sampled == kernels.median_squared_distance(view, 0)


def test_a_narrow_kernels_small_entries_are_not_lost_beside_its_diagonal() -> None:
    x, y = pair(n=40, p=30, q=30)
    k, m = (np.exp(-2 * cdist(each, each, "sqeuclidean")) for each in (x, y))
    assert np.median(k) < 1e-20
    expected = hsic_unbiased(k, m) / np.sqrt(hsic_unbiased(k, k) * hsic_unbiased(m, m))
    views = [View(rows_of_matrix(as_matrix(each)), "centred") for each in (x, y)]
    totals = tiles.total(tiles.sum_pairs([kernels.GaussianTiles(each, 0.5) for each in views], 40))
    assert float(hsic.cosines(hsic.u_centred(totals)).values[0, 1]) == pytest.approx(expected, abs=1e-6)


def test_a_gaussian_kernel_with_a_wide_width_keeps_its_digits() -> None:
    x, y = pair()
    view = [View(rows_of_matrix(as_matrix(each)), "centred") for each in (x, y)]
    made = [kernels.GaussianTiles(each, 1e4) for each in view]
    value = hsic.cosines(hsic.centred(tiles.total(tiles.sum_pairs(made, len(x))))).values[0, 1]
    # The limit of wide kernels is the squared distance.
    k, m = cdist(x, x, "sqeuclidean"), cdist(y, y, "sqeuclidean")
    limit = hsic_biased(k, m) / np.sqrt(hsic_biased(k, k) * hsic_biased(m, m))
    assert float(value) == pytest.approx(limit, abs=1e-6)
    assert gaussian(x, 1.0).max() == 1.0
