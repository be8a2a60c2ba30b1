"""Standardisation: exact, with constants and gaps."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler

from identify_mtlcm.measured import Standardisation, standardise


def test_standardisation_is_scikit_learns() -> None:
    values = np.random.default_rng(0).normal(3.0, 7.0, (50, 4))
    ours, fitted = standardise(values, "all", np.arange(10))
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(values), atol=1e-12)
    np.testing.assert_allclose(ours * fitted.scale + fitted.mean, values)
    some, _ = standardise(values, "train", np.arange(10))
    np.testing.assert_allclose(some, StandardScaler().fit(values[:10]).transform(values), atol=1e-12)
    plain, none = standardise(values, "none", np.arange(10))
    np.testing.assert_array_equal(plain, values)
    np.testing.assert_array_equal(none(values), values)


def test_missing_values_stay_missing_and_count_for_nothing() -> None:
    values = np.array([[1.0, np.nan], [3.0, 4.0], [np.nan, 6.0]])
    np.testing.assert_allclose(
        Standardisation.fitted(values)(values), [[-1.0, np.nan], [1.0, -1.0], [np.nan, 1.0]], equal_nan=True
    )


def test_a_column_that_does_not_vary_becomes_zero_also_where_it_does_elsewhere() -> None:
    """0.1 has no exact mean in floating point: a spread of 1e-17 must not be blown up to 1."""
    values = np.column_stack([np.full(7, 0.1), np.arange(7.0)])
    fitted = Standardisation.fitted(values)
    assert fitted.constant.tolist() == [True, False]
    np.testing.assert_array_equal(fitted(values)[:, 0], np.zeros(7))
    np.testing.assert_array_equal(fitted(np.array([[5.0, 1.0], [np.nan, 1.0]]))[:, 0], [0.0, np.nan])
