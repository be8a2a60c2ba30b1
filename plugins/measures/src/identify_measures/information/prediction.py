"""Explicitness in information: how much of each factor a simple predictor reads off all latents (InfoE)."""

from __future__ import annotations

import math

import attrs
import numpy as np
from sklearn.linear_model import LogisticRegression

from identify_measures.factors.explicitness import standardised
from identify_measures.factors.measuring import Generator
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor
from identify_measures.factors.working import side_by_side
from identify_measures.information.logistic import fit_classifier
from identify_measures.options.infomec import VARIANTS, InfomecOptions

RIDGE = 1e-9
FOLDS = 5
_PROBABILITY = 2.220446049250313e-16  # the least that scikit-learn's log_loss admits


@attrs.frozen(kw_only=True, eq=False)
class Explicitness:
    """InfoE of every factor.

    Args:
        values: (H(s) − H(s | z)) / H(s) of a family of predictors, or R², shape (F,); NaN where it has none.
        notes: what could mislead.
        how: the convention in words.
    """

    values: Array
    notes: tuple[str, ...]
    how: str


def predictive_information(study: Study, options: InfomecOptions, generator: Generator) -> Explicitness:
    """How much better the factors are predicted from all latents than without any (Xu et al. 2020, arXiv 2002.10689).

    Latents that are numbers are standardised; of symbols each has a column. Predictors are multinomial logistic
    regressions whose classes have equal weights, so that the one without latents gives every class the same
    probability: its entropy is the logarithm of the number of classes K, and InfoE is 1 − (mean of −log of the
    probability of the row's class) / log K.
    """
    variant = VARIANTS[options.variant]
    how = options.infoe or variant.infoe
    columns = study.columns()[0]
    kept = columns if study.symbols else standardised(columns, columns)[0]
    features = "one column a symbol" if study.symbols else "standardised latents"
    notes = [_uneven(study)] if how != "regression" else []
    if how == "regression":
        values = np.array([_r2(kept, factor) for factor in study.truth])
        text = f"InfoE: R² of a linear regression of the class numbers on {features}, on the rows that it is fitted on"
    elif how == "legacy":
        found = side_by_side(lambda factor: _legacy(kept, factor, variant.iterations), study.truth)
        values = np.array([value for value, _ in found])
        stopped = sum(not converged for _, converged in found)
        if stopped:
            notes.append(
                f"{stopped} of {len(found)} regressions of InfoE stopped at {variant.iterations} iterations: the value "
                "depends on the optimiser's version"
            )
        text = (
            f"InfoE: scikit-learn's logistic regression on {features}, no penalty, at most {variant.iterations} "
            "iterations, on the rows that it is fitted on"
        )
    else:
        ridge = RIDGE if options.ridge is None else options.ridge
        folds = _folds(study, options, generator) if how == "held-out" else None
        fitted = side_by_side(lambda factor: _converged(kept, factor, ridge, folds), study.truth)
        values = np.array([value for value, _ in fitted])
        notes += [note for _, note in fitted]
        judged = "on the rows that it is fitted on" if folds is None else f"on held-out rows, {folds.max() + 1} folds"
        text = f"InfoE: logistic regression on {features}, converged, ridge {ridge:g}, {judged}"
    return Explicitness(values=values, notes=tuple(filter(None, notes)), how=text)


def _converged(columns: Array, factor: TrueFactor, ridge: float, folds: Array | None) -> tuple[float, str]:
    present, labels = np.unique(factor.labels, return_inverse=True)
    labels, classes = labels.reshape(-1), len(present)
    if folds is None:
        fitted = fit_classifier(columns, labels, classes, ridge=ridge)
        note = "" if fitted.converged else f"the regression of InfoE for {factor.name} did not converge"
        return 1 - fitted.cross_entropy(columns, labels) / math.log(classes), note
    losses, unseen = 0.0, False
    for fold in range(folds.max() + 1):
        fit = folds != fold
        seen = np.unique(labels[fit])
        unseen |= len(seen) < classes
        if len(seen) < classes:
            break
        fitted = fit_classifier(columns[fit], labels[fit], classes, ridge=ridge)
        losses += fitted.cross_entropy(columns[~fit], labels[~fit]) * int((~fit).sum())
    if unseen:
        return math.nan, f"InfoE of {factor.name} is left out: a class has rows in one fold alone"
    return 1 - losses / len(labels) / math.log(classes), ""


def _folds(study: Study, options: InfomecOptions, generator: Generator) -> Array:
    """Which fold judges each row, shape (n,): equal rows in the same one."""
    count = min(FOLDS if options.folds is None else options.folds, study.distinct)
    groups = np.arange(study.n) if study.groups is None else np.unique(study.groups, return_inverse=True)[1].reshape(-1)
    order = generator.permutation(int(groups.max()) + 1)
    folds: Array = (order % count)[groups]
    return folds


def _legacy(columns: Array, factor: TrueFactor, iterations: int) -> tuple[float, bool]:
    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=iterations)
    present, labels = np.unique(factor.labels, return_inverse=True)
    probabilities = model.fit(columns, labels.reshape(-1)).predict_proba(columns)
    own = np.clip(probabilities[np.arange(len(columns)), labels.reshape(-1)], _PROBABILITY, None)
    loss = -float(np.log(own).mean())
    return 1 - loss / math.log(len(present)), int(np.max(model.n_iter_)) < iterations


def _r2(columns: Array, factor: TrueFactor) -> float:
    """R² of the class numbers, on the rows that the regression is fitted on."""
    target = factor.labels - factor.labels.mean()
    centred = columns - columns.mean(axis=0)
    guess = centred @ np.linalg.lstsq(centred, target, rcond=None)[0]
    return 1 - float(((target - guess) ** 2).sum() / (target**2).sum())


def _uneven(study: Study) -> str:
    """A note where log K and the entropy of a factor are not the same."""
    uneven = []
    for factor in study.truth:
        counts = np.bincount(factor.labels)
        p = counts[counts > 0] / study.n
        if float(-(p * np.log(p)).sum()) < 0.95 * math.log(len(p)):
            uneven.append(factor.name)
    if not uneven:
        return ""
    return f"classes of {', '.join(uneven)} are uneven: InfoE is in units of log K, which is more than their entropy"
