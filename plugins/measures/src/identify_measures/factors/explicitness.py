"""Explicitness: how well a linear classifier reads each factor off all latents."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from identify_measures.factors.measuring import Formula, Generator, Outcome, Undefined
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor
from identify_measures.factors.working import side_by_side
from identify_measures.options.factors import ExplicitnessOptions

_ITERATIONS = 1000


def explicitness_value(study: Study, options: ExplicitnessOptions, generator: Generator) -> Outcome:
    """Mean over factors of the area under the curve, one class against the others, mean over classes."""
    if study.not_split:
        raise Undefined(study.not_split)
    fitted, judged = standardised(study.fitted(), study.judged())

    def read(factor: TrueFactor) -> tuple[float, str]:
        return _area(fitted, factor.labels[study.train], judged, factor.labels[study.test], factor.name)

    results = side_by_side(read, study.truth)
    notes = [note for _, note in results if note]
    areas = np.array([area for area, _ in results])
    if np.isnan(areas).all():
        raise Undefined("no factor has two classes both among the rows to fit on and among those that judge")
    value = float(np.nanmean(areas))
    return Outcome(values={"explicitness": 2 * value - 1 if options.scaled else value}, notes=notes)


def standardised(fitted: Array, judged: Array) -> tuple[Array, Array]:
    """Both less the mean of the first, over its standard deviation; a latent constant there becomes 0."""
    mean, deviation = fitted.mean(axis=0), fitted.std(axis=0)
    constant = (fitted == fitted[:1]).all(axis=0)
    scale = np.where(constant, 1.0, deviation)
    return (fitted - mean) / scale * ~constant, (judged - mean) / scale * ~constant


def _area(fitted: Array, labels: Array, judged: Array, test_labels: Array, name: str) -> tuple[float, str]:
    classes = np.unique(labels)
    if len(classes) < 2:
        return np.nan, f"left out, because the rows to fit on have one class: {name}"
    model = LogisticRegression(max_iter=_ITERATIONS).fit(fitted, labels)
    probabilities = model.predict_proba(judged)
    areas = [
        area_under_curve(probabilities[:, k], test_labels == each)
        for k, each in enumerate(classes)
        if 0 < np.count_nonzero(test_labels == each) < len(test_labels)
    ]
    if not areas:
        return np.nan, f"left out, because the rows that judge have one class: {name}"
    lost = len(np.union1d(classes, np.unique(test_labels))) - len(areas)
    note = f"{lost} classes of {name} are not both among the rows to fit on and those that judge" if lost else ""
    if int(np.max(model.n_iter_)) >= _ITERATIONS:
        note = "; ".join(filter(None, (note, f"the classifier of {name} did not converge in {_ITERATIONS} iterations")))
    return float(np.mean(areas)), note


def area_under_curve(scores: Array, positive: Array) -> float:
    """The probability that a positive row has the higher score, ties counting half (Mann & Whitney 1947)."""
    count = int(positive.sum())
    ranks = rankdata(scores)[positive].sum() - count * (count + 1) / 2
    return float(ranks / (count * (len(scores) - count)))


def _estimator(study: Study, options: ExplicitnessOptions) -> str:
    text = "area under the curve" + (", 2 AUC − 1" if options.scaled else ", chance is ½")
    text += (
        f", mean over classes and over {len(study.truth)} factors; logistic regression (C = 1) on standardised latents"
    )
    binned = sum(not factor.discrete for factor in study.truth)
    if binned:
        text += f"; {binned} continuous or circular factors in {options.factor_bins} equal-width bins"
    return f"{text}; {study.split}"


EXPLICITNESS = Formula(names=("explicitness",), value=explicitness_value, estimator=_estimator)
