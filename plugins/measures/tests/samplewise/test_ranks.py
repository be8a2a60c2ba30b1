"""Ranks against scipy's, for every kind of numbers that a packed key could get wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from identify_measures import rsa, spearman_mcc
from identify_measures.samplewise.ranks import average_ranks, rank_dissimilarities, tied_part

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    "values",
    [
        GENERATOR.normal(size=(2000, 5)),
        GENERATOR.integers(-3, 3, size=(1000, 4)).astype(float),
        GENERATOR.normal(size=(3000, 2)) + 1e8,
        GENERATOR.standard_cauchy(size=(3000, 2)) * 1e200,
        GENERATOR.normal(size=(100_000, 1)) * 1e-9 + 1.0,
        np.array([[0.0], [-0.0], [1e-320], [-1e-320], [1e308], [-1e308]]),
        np.zeros((4, 2)),
        np.ones((1, 1)),
    ],
    ids=["normal", "tied", "large mean", "heavy tails", "neighbouring floats", "extremes", "constant", "one"],
)
def test_average_ranks_are_scipys(values: np.ndarray) -> None:
    np.testing.assert_array_equal(average_ranks(torch.from_numpy(values)).numpy(), rankdata(values, axis=0))


@settings(max_examples=100, deadline=None)
@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e300, 1e300, allow_nan=False)))
def test_any_finite_numbers(values: np.ndarray) -> None:
    np.testing.assert_array_equal(average_ranks(torch.from_numpy(values)[:, None]).numpy()[:, 0], rankdata(values))


def test_float32_values_rank_as_they_are() -> None:
    values = torch.from_numpy(GENERATOR.normal(size=(500, 3)).astype(np.float32))
    np.testing.assert_array_equal(average_ranks(values).numpy(), rankdata(values.numpy(), axis=0))


def test_dissimilarities_rank_as_scipy_ranks_them() -> None:
    values = GENERATOR.exponential(size=20_000)
    values[:7] = 0.0
    np.testing.assert_array_equal(rank_dissimilarities(torch.from_numpy(values)).numpy(), rankdata(values))


def test_dissimilarities_that_differ_by_rounding_are_tied() -> None:
    values = np.repeat(GENERATOR.exponential(size=500), 4)
    noisy = values * (1 + 1e-15 * GENERATOR.integers(-3, 4, size=len(values)))
    agreeing = (rank_dissimilarities(torch.from_numpy(noisy)).numpy() == rankdata(values)).mean()
    assert agreeing > 0.99
    assert (rankdata(noisy) == rankdata(values)).mean() < 0.5


def test_ties_are_said_where_they_take_a_part_of_the_spread() -> None:
    codes = np.random.default_rng(0).integers(0, 3, size=(300, 2)).astype(float)
    codes = np.hstack([codes, np.random.default_rng(1).normal(size=(300, 1))])
    free = np.random.default_rng(2).normal(size=(300, 3))
    said = "2 of 3 latents of x have ties, which take a part of the spread of their ranks"
    assert spearman_mcc(codes, free).warnings == (said,)
    assert spearman_mcc(free, free).warnings == ()
    for comparison in ("spearman", "kendall"):
        warnings = rsa(codes[:, :2], free, dissimilarity="euclidean", comparison=comparison).warnings
        assert warnings[-1].startswith("dissimilarities of x tie, which takes 0.")
        assert rsa(free, free, comparison=comparison).warnings == ()


def test_what_ties_take_is_the_usual_correction() -> None:
    values = torch.tensor([1.0, 1.0, 1.0, 2.0, 3.0, 3.0])[:, None]
    ranks = average_ranks(values)[:, 0] - 3.5
    assert float(tied_part(ranks.square().sum(), 6)) == pytest.approx(((27 - 3) + (8 - 2)) / (6**3 - 6))
