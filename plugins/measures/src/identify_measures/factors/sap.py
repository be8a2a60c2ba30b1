"""SAP: the gap between the two latents that predict a factor best, one latent at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.svm import LinearSVC

from identify_measures.factors.measuring import Formula, Generator, Outcome, fittable, top_two_gap
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor
from identify_measures.factors.working import side_by_side
from identify_measures.options.factors import SplitOptions

_ITERATIONS = 10_000


def sap_value(study: Study, options: SplitOptions, generator: Generator) -> Outcome:
    """Mean over factors of the gap between the two best scores of single latents."""
    kept, notes = fittable(study)
    fitted, judged = study.fitted(), study.judged()
    correlations = [_linear(fitted, factor.take(study.train)) for factor in kept if not factor.discrete]
    tasks = [(i, factor) for factor in kept if factor.discrete for i in range(study.width)]

    def classify(task: tuple[int, TrueFactor]) -> tuple[float, bool]:
        i, factor = task
        return _accuracy(fitted[:, i], factor.labels[study.train], judged[:, i], factor.labels[study.test])

    results = side_by_side(classify, tasks)
    accuracies = np.array([accuracy for accuracy, _ in results]).reshape(-1, study.width)
    unfinished = sum(not converged for _, converged in results)
    if unfinished:
        notes.append(f"{unfinished} classifiers of single latents did not converge in {_ITERATIONS} iterations")
    if study.width == 1:
        notes.append("there is one latent: the second best score counts as 0")
    table = np.stack([*correlations, *accuracies], axis=1)
    details = f"R² for {len(correlations)} factors, accuracy for {len(accuracies)}"
    return Outcome(values={"sap": float(top_two_gap(table).mean())}, notes=notes, details=details)


def _accuracy(codes: Array, labels: Array, test_codes: Array, test_labels: Array) -> tuple[float, bool]:
    classifier = LinearSVC(C=0.01, class_weight="balanced", dual=False, max_iter=_ITERATIONS)
    classifier.fit(codes[:, None], labels)
    found = float(np.mean(classifier.predict(test_codes[:, None]) == test_labels))
    return found, int(np.max(classifier.n_iter_)) < _ITERATIONS


def _linear(codes: Array, factor: TrueFactor) -> Array:
    """R² of each latent with the factor, shape (d,): squared Pearson, or the circular-linear correlation."""
    codes = codes - codes.mean(axis=0)
    targets = factor.targets - factor.targets.mean(axis=0)
    # The share of a latent's variance that the targets explain: with one target it is the squared correlation.
    basis, scale, _ = np.linalg.svd(targets, full_matrices=False)
    basis = basis[:, scale > 1e-10 * scale[0]]
    total = (codes**2).sum(axis=0)
    explained = ((basis.T @ codes) ** 2).sum(axis=0)
    shares: Array = np.divide(explained, total, out=np.zeros_like(total), where=total > 0)
    return shares


def _estimator(study: Study, options: SplitOptions) -> str:
    text = f"gap of the two best latents, mean over {len(study.truth)} factors"
    if any(factor.discrete for factor in study.truth):
        text += f"; discrete factors: test accuracy of a balanced linear classifier (C = 0.01), {study.split}"
    if any(not factor.discrete for factor in study.truth):
        text += "; continuous factors: squared Pearson correlation on the rows to fit on"
    if any(factor.kind == "circular" for factor in study.truth):
        text += ", circular ones: circular-linear correlation (Mardia & Jupp 2000, section 11.2.1)"
    return text


def _invariant_to(study: Study, options: SplitOptions) -> Mapping[str, tuple[str, ...]]:
    # The classifier's penalty is on the size of its weight, so that the scale of a latent matters to it.
    discrete = any(factor.discrete for factor in study.truth)
    return {} if discrete else {"sap": ("permutation-scaling",)}


SAP = Formula(names=("sap",), value=sap_value, estimator=_estimator, invariant_to=_invariant_to)
