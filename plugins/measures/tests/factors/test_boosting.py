"""Boosting grows scikit-learn's trees: on few values exactly, class by class and round by round."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from identify_measures.factors import boosting


@pytest.fixture
def columns() -> np.ndarray:
    # Sixty distinct values a column, none of them shared by two rows that differ elsewhere in a regular way.
    return np.round(np.random.default_rng(0).normal(size=(150, 4)), 1)


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_are_the_same(columns: np.ndarray, classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "ROUNDS", 15)
    noise = np.random.default_rng(1).normal(size=150)
    labels = np.digitize(columns[:, 0] + columns[:, 1] ** 2 + 0.3 * noise, np.linspace(-0.5, 2, classes + 1)[1:-1])
    theirs = GradientBoostingClassifier(n_estimators=15, random_state=0).fit(columns, labels)
    ours = boosting.boost_classes(boosting.bin_columns(columns, columns, 128), labels, classes)
    raw = theirs.decision_function(columns)
    expected = np.stack([-raw, raw], axis=1) if classes == 2 else _centred(raw)
    assert np.abs(_centred(ours.predictions) - _centred(expected)).max() < 0.02 * np.abs(expected).max()
    assert np.abs(ours.importances - theirs.feature_importances_).max() < 0.01


def test_regressions_are_the_same(columns: np.ndarray) -> None:
    target = np.sin(columns[:, 0]) + columns[:, 1] * columns[:, 2] + np.random.default_rng(1).normal(size=150)
    theirs = GradientBoostingRegressor(random_state=0).fit(columns, target)
    ours = boosting.boost_targets(boosting.bin_columns(columns, columns, 128), target[:, None])
    assert ours.predictions[:, 0] == pytest.approx(theirs.predict(columns), abs=1e-9)
    assert np.abs(ours.importances - theirs.feature_importances_).max() < 8e-3


def test_one_split_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "ROUNDS", 1)
    column, target = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1.0, 1.0, 5.0, 5.0])
    found = boosting.boost_targets(boosting.bin_columns(column, np.array([[1.4], [1.6]])), target[:, None])
    assert found.predictions[:, 0] == pytest.approx([3 - 0.1 * 2, 3 + 0.1 * 2])
    assert found.importances.tolist() == [1.0]


def test_columns_that_split_equally_well_share_the_credit() -> None:
    column = np.arange(16.0)
    table = np.stack([column, column, -column], axis=1)
    found = boosting.boost_targets(boosting.bin_columns(table, table), (column**2)[:, None])
    assert found.importances == pytest.approx([1 / 3] * 3, abs=1e-6)


def test_constant_columns_have_no_importance_and_a_constant_target_none_at_all() -> None:
    table = np.stack([np.zeros(20), np.arange(20.0)], axis=1)
    assert boosting.boost_targets(boosting.bin_columns(table, table), np.arange(20.0)[:, None]).importances[0] == 0
    nothing = boosting.boost_targets(boosting.bin_columns(table, table), np.ones((20, 1)))
    assert nothing.importances.tolist() == [0, 0]
    assert nothing.predictions == pytest.approx(np.ones((20, 1)))


def test_bins_are_quantiles_where_values_are_many() -> None:
    column = np.random.default_rng(0).permutation(np.arange(1000.0))[:, None] ** 3
    counts = np.bincount(boosting.bin_columns(column, column, 10, 0).train[0])
    assert counts.tolist() == [100] * 10


def test_no_bin_straddles_the_gap_between_clusters() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [101, 157, 142])
    column = (labels + 0.01 * random.normal(size=400))[:, None]
    binned = boosting.bin_columns(column, column).train[0]
    assert all(len(np.unique(labels[binned == each])) == 1 for each in np.unique(binned))
    alone = boosting.bin_columns(column, column, boosting.QUANTILES, 0).train[0]
    assert not all(len(np.unique(labels[alone == each])) == 1 for each in np.unique(alone))
