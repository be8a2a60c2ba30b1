"""The converged regression against scikit-learn's, by every way that it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from identify_measures.information import logistic
from identify_measures.information.logistic import fit_classifier

Array = np.ndarray[Any, Any]


def made(n: int, kind: str) -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    labels = random.choice(4, size=n, p=[0.5, 0.3, 0.15, 0.05])
    if kind == "symbols":
        states = (labels + random.integers(0, 3, size=(5, n))) % 6
        return np.concatenate([np.eye(6)[each] for each in states], axis=1), labels
    codes = random.normal(size=(n, 5)) * (0.05 if kind == "separable" else 1.0)
    codes[:, 0] += labels
    codes[:, 1] += labels == 2
    return (codes - codes.mean(axis=0)) / codes.std(axis=0), labels


def expected(columns: Array, labels: Array, ridge: float) -> float:
    model = LogisticRegression(
        C=1 / (ridge * len(labels)), class_weight="balanced", solver="newton-cholesky", tol=1e-9, max_iter=500
    )
    return float(log_loss(labels, model.fit(columns, labels).predict_proba(columns)))


@pytest.mark.parametrize("kind", ["numbers", "separable", "symbols"])
@pytest.mark.parametrize("way", ["kept", "made again", "in blocks", "many unknowns", "many rows"])
def test_it_is_scikit_learns_minimum(kind: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {"made again": ("_KEPT", 0), "in blocks": ("_BLOCK", 1000), "many unknowns": ("_WIDEST", 0)}
    if way in changed:
        monkeypatch.setattr(logistic, *changed[way])
    ridge = 1e-5 if kind == "separable" else 1e-7
    columns, labels = made(6000 if way == "many rows" else 400, kind)
    fitted = fit_classifier(columns, labels, 4, ridge=ridge)
    assert fitted.converged
    # InfoE is this over log 4; its promise is 1e-4.
    assert fitted.cross_entropy(columns, labels) == pytest.approx(expected(columns, labels, ridge), abs=1e-5)


def test_without_columns_that_tell_anything_every_class_is_as_likely() -> None:
    labels = made(300, "numbers")[1]
    fitted = fit_classifier(np.zeros((300, 2)), labels, 4, ridge=1e-9)
    assert fitted.cross_entropy(np.zeros((300, 2)), labels) == pytest.approx(np.log(4), abs=1e-9)


def test_a_fit_that_ran_out_of_steps_is_not_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "_STEPS", 1)
    assert not fit_classifier(*made(400, "numbers"), 4, ridge=1e-9).converged
