"""Measures against factors: mutual information of all latents at once, and the fast mode of DCI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from benchmarks.case import Case
from sklearn.metrics import mutual_info_score

from identify_measures.factors.functions import Dci, dci, mig

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


def _same_gap(ours: Any, theirs: float) -> None:
    assert abs(ours.value - theirs) < 1e-10


def _near(ours: Dci, theirs: Dci) -> None:
    assert abs(ours.disentanglement.value - theirs.disentanglement.value) < 0.03


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
        baseline_repeats=3,
    )
    few, labels = _codes(3000, 10)
    yield Case(
        name="DCI, fast mode, n 3,000, 10 latents, 5 factors",
        baseline_name="scikit-learn's gradient boosting",
        ours=lambda: dci(few, labels, mode="fast", jobs=1),
        baseline=lambda: dci(few, labels, jobs=1),
        expected=6,
        agree=_near,
        note="scores within 0.03 of each other",
    )
