"""The classifier of one number against liblinear's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from identify_measures.factors.margins import fit_margins


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
@pytest.mark.parametrize("kind", ["noisy", "tied", "separable", "apart"])
def test_it_is_liblinears(classes: int, scale: float, kind: str) -> None:
    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, size=600)
    labels[:40] = 0
    column = scale * (
        labels + random.normal(size=600) * {"noisy": 1.0, "tied": 1.0, "separable": 0.02, "apart": 1e-9}[kind]
    )
    column = np.round(column) if kind == "tied" else column
    theirs = LinearSVC(C=0.01, class_weight="balanced", dual=False, tol=1e-9, max_iter=100_000)
    theirs.fit(column[:, None], labels)
    both = np.stack([column, random.normal(size=600)], axis=1)
    found = fit_margins(both, labels, 0.01)
    assert found[2].all()
    weights, intercepts, _ = (each[0] for each in found)
    assert weights == pytest.approx(theirs.coef_[:, 0], rel=1e-4, abs=1e-5 * np.abs(weights).max())
    assert intercepts == pytest.approx(theirs.intercept_, rel=1e-4, abs=1e-5)


def test_a_constant_column_guesses_by_intercepts_alone() -> None:
    labels = np.repeat([0, 1, 2], [5, 10, 15])
    weights, intercepts, converged = (each[0] for each in fit_margins(np.zeros((30, 1)), labels, 0.01))
    assert converged
    assert (weights == 0).all()
    theirs = LinearSVC(C=0.01, class_weight="balanced", dual=False, tol=1e-9).fit(np.zeros((30, 1)), labels)
    assert intercepts == pytest.approx(theirs.intercept_, abs=1e-6)
