"""Trees on presorted columns against scikit-learn's gradient boosting."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from identify_measures.factors.boosting import boost_classes, boost_targets
from identify_measures.factors.presorted import presort_columns


def made(kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, size=400)
    codes = random.normal(size=(400, 4))
    codes[:, 0] += labels
    codes[:, 1] += 2 * (labels == 2)
    if kind == "tied":
        codes = np.round(2 * codes)
    return codes[:300], codes[300:], labels


@pytest.mark.parametrize("kind", ["normal", "tied"])
@pytest.mark.parametrize("classes", [2, 4])
def test_classifiers_are_scikit_learns(kind: str, classes: int) -> None:
    train, test, labels = made(kind)
    labels = labels % classes
    theirs = GradientBoostingClassifier(random_state=0).fit(train, labels[:300])
    found = boost_classes(presort_columns(train, test), labels[:300], classes)
    # What differs are ties among equally good splits of small nodes, which scikit-learn breaks at random.
    assert found.importances == pytest.approx(theirs.feature_importances_, abs=0.01)
    assert np.mean(found.predictions.argmax(axis=1) == theirs.predict(test)) > 0.93


def test_regressions_are_scikit_learns() -> None:
    train, test, _ = made("normal")
    random = np.random.default_rng(1)
    target = np.sin(2 * train[:, 0]) + train[:, 1] + 0.1 * random.normal(size=300)
    theirs = GradientBoostingRegressor(random_state=0).fit(train, target)
    found = boost_targets(presort_columns(train, test), target[:, None])
    assert found.importances == pytest.approx(theirs.feature_importances_, abs=2e-3)
    # Continuous targets leave no ties in nodes of several rows: the same trees, and the same predictions.
    assert np.mean(np.abs(found.predictions[:, 0] - theirs.predict(test)) < 1e-6) > 0.9


def test_a_column_that_tells_nothing_is_never_split() -> None:
    train, test, labels = made("normal")
    train[:, 3] = 1.0
    found = boost_classes(presort_columns(train, test), labels[:300], 4)
    assert found.importances[3] == 0
    nothing = boost_classes(presort_columns(np.zeros((300, 2)), np.zeros((100, 2))), labels[:300], 4)
    assert (nothing.importances == 0).all()
