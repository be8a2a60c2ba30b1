"""Measures against factors: mutual information of all latents at once, and the fast mode of DCI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from benchmarks.case import Case
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import mutual_info_score
from sklearn.svm import LinearSVC

from identify_measures.factors.dci import concentration
from identify_measures.factors.functions import Dci, dci, mig, sap

_VALUES = (3, 6, 8, 4, 5)


def _codes(n: int, width: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    factors = np.stack([random.integers(0, count, size=n) for count in _VALUES], axis=1)
    codes = random.normal(size=(n, width))
    codes[:, : len(_VALUES)] += 2.0 * (factors - factors.mean(axis=0)) / factors.std(axis=0)
    return codes, factors


def _plain_mig(codes: np.ndarray[Any, Any], factors: np.ndarray[Any, Any]) -> float:
    """One latent and one factor at a time, as disentanglement_lib computes it."""
    binned = [np.digitize(column, np.histogram(column, 20)[1][:-1]) for column in codes.T]
    table = np.array([[mutual_info_score(factor, column) for factor in factors.T] for column in binned])
    ordered = np.sort(table, axis=0)
    entropies = np.array([mutual_info_score(factor, factor) for factor in factors.T])
    return float(((ordered[-1] - ordered[-2]) / entropies).mean())


def _plain_sap(codes: np.ndarray[Any, Any], factors: np.ndarray[Any, Any], test: np.ndarray[Any, Any]) -> float:
    """One classifier a latent and factor, as disentanglement_lib and disent fit it."""
    train = np.setdiff1d(np.arange(len(codes)), test)
    table = np.empty((codes.shape[1], factors.shape[1]))
    for i, column in enumerate((codes - codes.mean(axis=0)).T):
        for j, factor in enumerate(factors.T):
            model = LinearSVC(C=0.01, class_weight="balanced", dual=False).fit(column[train, None], factor[train])
            table[i, j] = np.mean(model.predict(column[test, None]) == factor[test])
    ordered = np.sort(table, axis=0)
    return float((ordered[-1] - ordered[-2]).mean())


def _same_sap(ours: Any, theirs: float) -> None:
    assert abs(ours.value - theirs) < 5e-3  # liblinear stops within its tolerance


def _same_gap(ours: Any, theirs: float) -> None:
    assert abs(ours.value - theirs) < 1e-10


def _plain_dci(codes: np.ndarray[Any, Any], factors: np.ndarray[Any, Any], test: np.ndarray[Any, Any]) -> float:
    """Disentanglement from one boosted classifier a factor, as disentanglement_lib and disent fit it."""
    train = np.setdiff1d(np.arange(len(codes)), test)
    fits = [GradientBoostingClassifier(random_state=0).fit(codes[train], factor[train]) for factor in factors.T]
    importances = np.stack([fit.feature_importances_ for fit in fits], axis=1)
    return concentration(importances, "factor")[0]


def _near(ours: Dci, theirs: float, error: float) -> None:
    assert abs(ours.disentanglement.value - theirs) < error


def cases() -> Iterable[Case]:
    """The rows of the table."""
    codes, factors = _codes(10_000, 10)
    yield Case(
        name="MIG, n 10,000, 10 latents, 5 factors",
        baseline_name="mutual_info_score, pair by pair",
        ours=lambda: mig(codes, factors),
        baseline=lambda: _plain_mig(codes, factors),
        expected=3,
        agree=_same_gap,
        repeats=5,
    )
    few, labels = _codes(3000, 10)
    test = np.arange(2000, 3000)
    yield Case(
        name="SAP, n 3,000, 10 latents, 5 factors",
        baseline_name="scikit-learn's LinearSVC, pair by pair, as disent",
        ours=lambda: sap(few, labels, test_rows=test),
        baseline=lambda: _plain_sap(few, labels, test),
        expected=2,
        agree=_same_sap,
        repeats=5,
    )
    for mode, expected, error in (("reference", 2, 0.01), ("fast", 6, 0.03)):
        yield Case(
            name=f"DCI, {mode} mode, n 3,000, 10 latents, 5 factors",
            baseline_name="scikit-learn's gradient boosting, factor by factor, as disent",
            ours=lambda mode=mode: dci(few, labels, test_rows=test, mode=mode, jobs=1),
            baseline=lambda: _plain_dci(few, labels, test),
            expected=expected,
            agree=lambda ours, theirs, error=error: _near(ours, theirs, error),
            repeats=1,
            note=f"disentanglement within {error:g}",
        )
