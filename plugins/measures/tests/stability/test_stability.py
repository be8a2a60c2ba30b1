"""Stability against tables that others published, slow references and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from identify_core import OptionsError
from identify_measures import stability

# Shrout & Fleiss, Psychological Bulletin 86(2), 1979, table 2: six targets, four judges.
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float).T


def test_intraclass_correlations_are_the_published_ones() -> None:
    assert stability.icc_consistency(RATINGS) == pytest.approx(0.715, abs=5e-4)  # their ICC(3,1) is .71
    assert stability.icc_agreement(RATINGS) == pytest.approx(0.290, abs=5e-4)  # their ICC(2,1) is .29


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_constants_of_models_cost_agreement_and_not_consistency(scale: float) -> None:
    items = np.random.default_rng(0).normal(size=50)
    shifted = scale * (items + np.arange(4.0)[:, None])
    assert stability.icc_consistency(shifted) == pytest.approx(1.0, abs=1e-9)
    assert stability.icc_agreement(shifted) < 0.6


def test_a_constant_lowers_the_coefficient_of_variation_and_not_the_correlation() -> None:
    values = np.random.default_rng(1).uniform(1, 2, size=(5, 40))
    assert (
        stability.coefficient_of_variation(values + 50).mean() < stability.coefficient_of_variation(values).mean() / 20
    )
    assert stability.icc_consistency(values + 50) == pytest.approx(stability.icc_consistency(values))


def test_one_scale_a_model_is_divided_out() -> None:
    values = np.arange(1.0, 8.0) * np.array([[1.0], [3.0], [0.2]])
    assert stability.coefficient_of_variation(values).min() > 0.5
    assert stability.coefficient_of_variation(stability.scale_normalised(values)).max() < 1e-15


def test_rank_statistics_agree_with_scipy_under_ties() -> None:
    values = np.random.default_rng(2).integers(0, 5, size=(4, 30)).astype(float)
    pairs = [stats.spearmanr(values[i], values[j]).statistic for i in range(4) for j in range(i)]
    assert stability.mean_spearman(values) == pytest.approx(np.mean(pairs))
    chi = stats.friedmanchisquare(*values.T).statistic  # chi² = M (P − 1) W
    assert stability.kendall_w(values) == pytest.approx(chi / (4 * 29))


def test_circular_deviation_does_not_see_where_the_circle_was_cut() -> None:
    angles = np.array([[0.1, 3.1], [-0.1, -3.1]])
    turned = (angles + 1.0 + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(stability.circular_deviation(angles), stability.circular_deviation(turned))
    assert stability.circular_deviation(angles)[1] < 0.1


def test_pair_tests_are_scipys() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.uniform(1, 2, (6, 40)), generator.uniform(1, 3, (6, 40))
    cvs = stability.coefficient_of_variation(a), stability.coefficient_of_variation(b)
    found = stability.pair_tests(a, b)
    for side, p in (("two-sided", found.two_sided), ("less", found.less), ("greater", found.greater)):
        expected = stats.ttest_rel(*cvs, alternative=side)
        assert (found.t, p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))


def test_intervals_over_models_are_wider_than_items_would_have_it() -> None:
    """All items share the models' scale: an interval over items would be far too narrow."""
    generator = np.random.default_rng(4)
    items = generator.uniform(1, 2, 200)
    a = items * generator.lognormal(0, 0.1, (10, 1)) * generator.lognormal(0, 0.01, (10, 200))
    b = items * generator.lognormal(0, 0.1, (10, 1)) * generator.lognormal(0, 0.01, (10, 200))
    found = stability.cv_difference(a, b)
    cvs = stability.coefficient_of_variation(a) - stability.coefficient_of_variation(b)
    assert found.value == pytest.approx(cvs.mean())
    assert found.jackknife_error > 5 * cvs.std(ddof=1) / np.sqrt(200)
    assert found.bootstrap[0] < found.bootstrap[1]


def test_equal_quantities_do_not_differ() -> None:
    a = np.random.default_rng(5).uniform(1, 2, (4, 9))
    found = stability.cv_difference(a, a, draws=50)
    assert (found.value, found.jackknife_error, found.bootstrap) == (0.0, 0.0, (0.0, 0.0))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones((1, 3)), r"at least 2 models and one item, not on an array of shape \(1, 3\)"),
        (np.array([[1.0, np.nan], [1.0, 2.0]]), "item 1 in model 0 is nan"),
    ],
)
def test_what_is_no_matrix_of_models_is_refused(values: np.ndarray, said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        stability.coefficient_of_variation(values)


def test_quantities_of_other_items_and_models_without_a_scale_are_refused() -> None:
    with pytest.raises(OptionsError, match=r"\(2, 3\) and \(3, 3\)"):
        stability.cv_difference(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(OptionsError, match="median of model 1 is 0"):
        stability.scale_normalised(np.array([[1.0, 2.0], [-1.0, 1.0]]))
    with pytest.raises(OptionsError, match="at least two items"):
        stability.pair_tests(np.ones((2, 1)), np.ones((2, 1)))
