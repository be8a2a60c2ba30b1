"""DCI: disentanglement, completeness and informativeness from one predictor a factor."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np

from identify_measures.factors.boosting import GAPS, QUANTILES, Binned, bin_columns, boost_classes, boost_targets
from identify_measures.factors.explicitness import standardised
from identify_measures.factors.measuring import Formula, Generator, Outcome, fittable
from identify_measures.factors.presorted import Presorted, presort_columns
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor
from identify_measures.factors.working import side_by_side
from identify_measures.options.factors import DciOptions

FAST_DISTANCE = "0.012 of scikit-learn's on eight published VAEs and 0.022 on noisier latents"
"""How far the scores of the fast mode were from the reference mode's at most; the shared tests hold it to that."""

_OFFSET = 1e-11
_NAMES = ("dci-disentanglement", "dci-completeness", "dci-informativeness")


@attrs.frozen(kw_only=True, eq=False)
class Prediction:
    """One factor, predicted from all latents.

    Args:
        importances: of the latents, shape (d,), summing to 1, or all 0.
        quality: test accuracy of a discrete factor, test R² of another.
    """

    importances: Array
    quality: float


def dci_value(study: Study, options: DciOptions, generator: Generator) -> Outcome:
    """Fit one predictor a factor and read the three scores off their importances and their test errors."""
    kept, notes = fittable(study)
    predictions = predict_factors(study, kept, options)
    importances = np.stack([each.importances for each in predictions], axis=1)
    importances = np.add.reduceat(importances, np.unique(study.columns()[1], return_index=True)[1])
    values, reasons = {}, {}
    for name, table, what in (
        (_NAMES[0], importances, "factor"),
        (_NAMES[1], importances.T, "latent"),
    ):
        values[name], reason = concentration(table, what)
        if reason:
            reasons[name] = reason
    values[_NAMES[2]], details = _informativeness(kept, predictions)
    if math.isnan(values[_NAMES[2]]):
        reasons[_NAMES[2]] = "a factor has one value among the rows that judge, so that it has no R²"
    discrete = sum(factor.discrete for factor in kept)
    if 0 < discrete < len(kept):
        notes.append("informativeness is a mean of accuracies and of R², which differ in meaning and in chance level")
    return Outcome(values=values, reasons=reasons, notes=notes, details=details)


def concentration(importances: Array, what: str) -> tuple[float, str]:
    """1 − the entropy of each line of importances in units of its maximum, weighted by the line's sum.

    Args:
        importances: shape (lines, columns), not negative.
        what: a column is, for the reason why there is none.

    Returns:
        The score, and why it is NaN.
    """
    if importances.shape[1] < 2:
        return math.nan, f"one {what} leaves nothing to be concentrated among"
    p = importances + _OFFSET
    p = p / p.sum(axis=1, keepdims=True)
    scores = 1 + (p * np.log(p)).sum(axis=1) / math.log(importances.shape[1])
    total = importances.sum()
    # Without any importance every line is spread evenly, and its score is 0 under all weights.
    return float((scores * importances.sum(axis=1)).sum() / total) if total > 0 else 0.0, ""


def predict_factors(study: Study, factors: list[TrueFactor], options: DciOptions) -> list[Prediction]:
    """A boosted predictor of each factor from all latents, factors side by side."""
    # Trees do not see the scale of a column, but scikit-learn's float32 and its smallest distance of values do.
    fitted, judged = standardised(study.fitted(), study.judged())
    columns = (bin_columns if options.mode == "fast" else presort_columns)(fitted, judged)

    def predict(factor: TrueFactor) -> Prediction:
        return _predict(columns, factor.take(study.train), factor.take(study.test))

    return side_by_side(predict, factors, jobs=options.jobs)


def _predict(columns: Binned | Presorted, train: TrueFactor, test: TrueFactor) -> Prediction:
    if train.discrete:
        present, labels = np.unique(train.labels, return_inverse=True)
        found = boost_classes(columns, labels.reshape(-1), len(present))
        quality = float(np.mean(present[found.predictions.argmax(axis=1)] == test.labels))
        return Prediction(importances=found.importances, quality=quality)
    found = boost_targets(columns, train.targets)
    return Prediction(importances=found.importances, quality=explained(found.predictions, test.targets))


def explained(guesses: Array, targets: Array) -> float:
    """R² of all targets together, weighted by their variance; NaN where they do not vary."""
    total = float(((targets - targets.mean(axis=0)) ** 2).sum())
    return 1 - float(((targets - guesses) ** 2).sum()) / total if total > 0 else math.nan


def _informativeness(factors: list[TrueFactor], predictions: list[Prediction]) -> tuple[float, str]:
    texts = []
    for what, discrete in (("test accuracy", True), ("test R²", False)):
        qualities = [p.quality for f, p in zip(factors, predictions, strict=True) if f.discrete == discrete]
        if qualities:
            texts.append(f"{what} of {len(qualities)} factors: {float(np.mean(qualities)):.4f}")
    return float(np.mean([p.quality for p in predictions])), ", ".join(texts)


def _estimator(study: Study, options: DciOptions) -> str:
    how = "gradient boosting as scikit-learn's, 100 rounds of trees of depth 3"
    if options.mode == "fast":
        how = (
            f"gradient boosting, 100 rounds of trees of depth 3 on latents in {QUANTILES + GAPS} bins, within "
            f"{FAST_DISTANCE}"
        )
    importances = "importances by the decrease of squared error, the same up to ties among equally good splits"
    if study.symbols:
        importances += ", latents read as symbols: those of a latent's symbols are added up"
    return f"{how}; {importances}; {study.split}"


def _invariant_to(study: Study, options: DciOptions) -> Mapping[str, tuple[str, ...]]:
    if options.mode == "reference":
        return {}
    # Quantile bins of an odd number of rows have no middle: turned around, a row can fall into the next one.
    return dict.fromkeys(_NAMES, ("permutation-positive-scaling",))


DCI = Formula(names=_NAMES, value=dci_value, estimator=_estimator, invariant_to=_invariant_to)
