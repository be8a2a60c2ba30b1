"""The ladder against a plain composition of scipy and scikit-learn that fits and judges the same maps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.stats
from benchmarks.case import Case
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression

from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.splitting import split_rows
from identify_measures.rungs.verdict import equivalence_ladder

Array = np.ndarray[Any, Any]

_RUNGS = ("signed-permutation", "permutation-monotone", "orthogonal", "linear", "affine")


@cache
def pair(rows: int, width: int) -> tuple[Array, Array]:
    """Hidden units of a ReLU network, and the same with reordered, rescaled units and some noise."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(size=(rows, 32)) @ rng.normal(size=(32, width)) / 6 + rng.normal(size=width), 0)
    y = x[:, rng.permutation(width)] * np.exp(rng.normal(size=width) / 2)
    return x, y + 0.05 * rng.normal(size=x.shape)


def ladder(rows: int, width: int) -> dict[str, float]:
    """Residuals of the five rungs in both directions, with intervals and with both controls."""
    verdict = equivalence_ladder(*pair(rows, width), LadderOptions(rungs=_RUNGS))
    return {rung: score.value for rung, score in verdict.residuals.items()}


def plain(rows: int, width: int) -> dict[str, float]:
    """The same residuals, controls included, from library calls on the whole arrays."""
    x, y = pair(rows, width)
    order = np.random.default_rng(0).permutation(rows)
    found = plain_residuals(x, y)
    for control in ((x, x), (y, y), (x, y[order])):
        plain_residuals(*control)
    return found


def plain_residuals(x: Array, y: Array) -> dict[str, float]:
    """The worse direction of each rung."""
    fit = split_rows(len(x), fraction=0.5, blocks=20, seed=0).fitted
    there, back = one_way(x[fit], y[fit], x[~fit], y[~fit]), one_way(y[fit], x[fit], y[~fit], x[~fit])
    return {rung: max(there[rung], back[rung]) for rung in there}


def one_way(x: Array, y: Array, new_x: Array, new_y: Array) -> dict[str, float]:
    """Fit on (x, y), judge on (new_x, new_y)."""
    spread = ((new_y - y.mean(axis=0)) ** 2).sum()
    cross = x.T @ y
    rows, columns = scipy.optimize.linear_sum_assignment(np.abs(cross), maximize=True)
    signed = np.zeros_like(cross)
    signed[rows, columns] = np.sign(cross[rows, columns])
    ranks = scipy.stats.spearmanr(x, y).statistic[: x.shape[1], x.shape[1] :]
    bent = np.empty_like(new_y)
    rows, columns = scipy.optimize.linear_sum_assignment(ranks**2 * y.var(axis=0), maximize=True)
    for i, j in zip(rows, columns, strict=True):
        curve = IsotonicRegression(increasing=bool(ranks[i, j] > 0), out_of_bounds="clip")
        bent[:, j] = curve.fit(x[:, i], y[:, j]).predict(new_x[:, i])
    predictions = {
        "signed-permutation": new_x @ signed,
        "permutation-monotone": bent,
        "orthogonal": new_x @ scipy.linalg.orthogonal_procrustes(x, y)[0],
        "linear": LinearRegression(fit_intercept=False).fit(x, y).predict(new_x),
        "affine": LinearRegression().fit(x, y).predict(new_x),
    }
    return {rung: float(((new_y - each) ** 2).sum() / spread) for rung, each in predictions.items()}


def agree(ours: dict[str, float], theirs: dict[str, float]) -> None:
    """Equal but for the ends of monotone curves, which the baseline cuts off."""
    for rung, value in theirs.items():
        assert math.isclose(ours[rung], value, rel_tol=1e-6 if rung != "permutation-monotone" else 0.05), rung


def cases() -> Iterable[Case]:
    """The ladder of one pair."""
    for rows, width, expected in ((10_000, 64, 1.3), (4_000, 256, 2.5)):
        yield Case(
            name=f"ladder, five rungs both ways with controls, {rows} × {width}",
            baseline_name="scipy and scikit-learn, rung by rung",
            ours=lambda rows=rows, width=width: ladder(rows, width),
            baseline=lambda rows=rows, width=width: plain(rows, width),
            expected=expected,
            agree=agree,
            note="ours adds jackknife intervals and reads rows in blocks",
        )
