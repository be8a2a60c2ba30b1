"""Information of all latents and factors at once, and the predictors of InfoE, beside loops of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from benchmarks.case import Case
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score

from identify_measures import information_matrix
from identify_measures.information.functions import InformationMatrix
from identify_measures.information.logistic import fit_classifier

Array = np.ndarray[Any, Any]

_VALUES = (10, 10, 10, 8, 4, 15)  # of the factors of Shapes3D
_RIDGE = 1e-9


def _latents(n: int) -> tuple[Array, Array]:
    """Six latents that keep a factor each with a little noise, and six of noise, standardised."""
    random = np.random.default_rng(0)
    factors = np.stack([random.integers(0, count, size=n) for count in _VALUES], axis=1)
    codes = 0.2 * random.normal(size=(n, 12))
    codes[:, : len(_VALUES)] += factors
    return (codes - codes.mean(axis=0)) / codes.std(axis=0), factors


def _by_neighbours(codes: Array, factors: Array) -> Array:
    options: dict[str, Any] = {"discrete_features": False, "n_neighbors": 10, "random_state": 0}
    return np.array([[mutual_info_classif(z[:, None], s, **options)[0] for s in factors.T] for z in codes.T])


def _by_counts(codes: Array, factors: Array) -> Array:
    return np.array([[mutual_info_score(s, z) for s in factors.T] for z in codes.T])


def _ours(codes: Array, factors: Array) -> Array:
    fits = [fit_classifier(codes, s, count, ridge=_RIDGE) for s, count in zip(factors.T, _VALUES, strict=True)]
    losses = [fit.cross_entropy(codes, s) for fit, s in zip(fits, factors.T, strict=True)]
    return 1 - np.array(losses) / np.log(_VALUES)


def _theirs(codes: Array, factors: Array) -> Array:
    losses = []
    for s in factors.T:
        model = LogisticRegression(C=1 / (_RIDGE * len(s)), class_weight="balanced", tol=1e-6, max_iter=20_000)
        losses.append(log_loss(s, model.fit(codes, s).predict_proba(codes)))
    return 1 - np.array(losses) / np.log(_VALUES)


def _same(ours: InformationMatrix, theirs: Array) -> None:
    assert np.abs(ours.nats - theirs).max() < 1e-6


def _near(ours: Array, theirs: Array) -> None:
    assert np.abs(ours - theirs).max() < 1e-4


def cases() -> Iterable[Case]:
    """The rows of the table."""
    torch.set_num_threads(1)
    codes, factors = _latents(10_000)
    size = "n 10,000, 12 latents, 6 factors"
    yield Case(
        name=f"information by 10 neighbours, {size}",
        baseline_name="mutual_info_classif, pair by pair",
        ours=lambda: information_matrix(codes, factors, kinds="ordinal"),
        baseline=lambda: _by_neighbours(codes, factors),
        expected=8,
        agree=_same,
        repeats=5,
        note="equal to 1e-6",
    )
    symbols = np.round(2 * codes)
    yield Case(
        name=f"information from counts, {size}",
        baseline_name="mutual_info_score, pair by pair",
        ours=lambda: information_matrix(symbols, factors, kinds="ordinal", latents="symbols"),
        baseline=lambda: _by_counts(symbols, factors),
        expected=6,
        agree=_same,
        repeats=5,
        note="equal to 1e-6",
    )
    yield Case(
        name=f"InfoE, converged, {size}",
        baseline_name="scikit-learn's L-BFGS to the same minimum, factor by factor",
        ours=lambda: _ours(codes, factors),
        baseline=lambda: _theirs(codes, factors),
        expected=4,
        agree=_near,
        note="equal to 1e-4",
    )
