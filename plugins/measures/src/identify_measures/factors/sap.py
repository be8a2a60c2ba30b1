"""SAP: the gap between the two latents that predict a factor best, one latent at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.svm import LinearSVC

from identify_measures.factors.margins import fit_margins
from identify_measures.factors.measuring import Formula, Generator, Outcome, fittable, top_two_gap
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor
from identify_measures.factors.working import side_by_side
from identify_measures.options.factors import SapOptions

_ITERATIONS = 10_000
_COST = 0.01


def sap_value(study: Study, options: SapOptions, generator: Generator) -> Outcome:
    """Mean over factors of the gap between the two best scores of single latents."""
    kept, notes = fittable(study)
    fitted, judged = study.fitted(), study.judged()
    latent_of = study.columns()[1]
    correlations = [_explained(fitted, latent_of, factor.take(study.train)) for factor in kept if not factor.discrete]
    results = [
        _accuracies(fitted, judged, latent_of, factor.labels[study.train], factor.labels[study.test])
        for factor in kept
        if factor.discrete
    ]
    accuracies = [accuracy for accuracy, _ in results]
    unfinished = sum(count for _, count in results)
    if unfinished:
        notes.append(f"{unfinished} classifiers of single latents did not converge")
    if study.width == 1:
        notes.append("there is one latent: the second best score counts as 0")
    table = np.stack([*correlations, *accuracies], axis=1)
    details = f"R² for {len(correlations)} factors, accuracy for {len(accuracies)}"
    return Outcome(values={"sap": float(top_two_gap(table).mean())}, notes=notes, details=details)


def _accuracies(fitted: Array, judged: Array, latent_of: Array, labels: Array, test_labels: Array) -> tuple[Array, int]:
    """The test accuracy of a classifier of each latent alone, shape (d,), and how many did not converge."""
    present, own = np.unique(labels, return_inverse=True)
    width = int(latent_of[-1]) + 1
    if len(latent_of) > width:  # symbols: several columns a latent
        results = side_by_side(
            lambda i: _accuracy(fitted[:, latent_of == i], labels, judged[:, latent_of == i], test_labels), range(width)
        )
        return np.array([accuracy for accuracy, _ in results]), sum(not converged for _, converged in results)
    weights, intercepts, converged = fit_margins(fitted, own.reshape(-1), _COST)
    found = []
    for column, w, b in zip(judged.T, weights, intercepts, strict=True):
        decisions = column[:, None] * w + b
        chosen = decisions.argmax(axis=1) if len(present) > 2 else (decisions[:, 0] > 0).astype(np.int64)
        found.append(float(np.mean(present[chosen] == test_labels)))
    return np.array(found), int((~converged).sum())


def _accuracy(codes: Array, labels: Array, test_codes: Array, test_labels: Array) -> tuple[float, bool]:
    classifier = LinearSVC(C=_COST, class_weight="balanced", dual=False, max_iter=_ITERATIONS)
    guesses = classifier.fit(codes, labels).predict(test_codes)
    return float(np.mean(guesses == test_labels)), int(np.max(classifier.n_iter_)) < _ITERATIONS


def _explained(columns: Array, latent_of: Array, factor: TrueFactor) -> Array:
    """R² of each latent with the factor, shape (d,).

    Of numbers the squared Pearson or the circular-linear correlation: the share of the latent's variance that the
    targets explain. Of symbols the correlation ratio: the share of the targets' variance that the symbols explain.
    """
    columns = columns - columns.mean(axis=0)
    targets = factor.targets - factor.targets.mean(axis=0)
    width = int(latent_of[-1]) + 1
    if len(latent_of) == width:
        return _share(columns, targets)
    total = (targets**2).sum()
    shares = [(_basis(columns[:, latent_of == i]).T @ targets) ** 2 for i in range(width)]
    return np.array([float(each.sum() / total) for each in shares])


def _share(columns: Array, targets: Array) -> Array:
    total = (columns**2).sum(axis=0)
    explained = ((_basis(targets).T @ columns) ** 2).sum(axis=0)
    shares: Array = np.divide(explained, total, out=np.zeros_like(total), where=total > 0)
    return shares


def _basis(columns: Array) -> Array:
    basis, scale, _ = np.linalg.svd(columns, full_matrices=False)
    kept: Array = basis[:, scale > 1e-10 * scale[0]] if scale[0] > 0 else basis[:, :0]
    return kept


def _estimator(study: Study, options: SapOptions) -> str:
    text = f"gap of the two best latents, mean over {len(study.truth)} factors"
    if study.symbols:
        text += "; latents read as symbols"
    if any(factor.discrete for factor in study.truth):
        text += f"; discrete factors: test accuracy of a balanced linear classifier (C = 0.01), {study.split}"
    if any(not factor.discrete for factor in study.truth):
        what = "correlation ratio" if study.symbols else "squared Pearson correlation"
        text += f"; continuous factors: {what} on the rows to fit on"
    if not study.symbols and any(factor.kind == "circular" for factor in study.truth):
        text += ", circular ones: circular-linear correlation (Mardia & Jupp 2000, section 11.2.1)"
    return text


def _invariant_to(study: Study, options: SapOptions) -> Mapping[str, tuple[str, ...]]:
    # The classifier's penalty is on the size of its weight, so that the scale of a latent matters to it.
    discrete = any(factor.discrete for factor in study.truth)
    return {} if discrete else {"sap": ("permutation-scaling",)}


SAP = Formula(names=("sap",), value=sap_value, estimator=_estimator, invariant_to=_invariant_to)
