"""IRS: how little a latent moves when all factors but one change."""

from __future__ import annotations

import numpy as np

from identify_measures.factors.measuring import Formula, Generator, Outcome, Undefined
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor
from identify_measures.options.factors import IrsOptions


def irs_value(study: Study, options: IrsOptions, generator: Generator) -> Outcome:
    """Mean over latents, weighted by their largest deviation, of the best factor's robustness."""
    moving = (study.codes != study.codes[:1]).any(axis=0)
    if not moving.any():
        raise Undefined("all latents are constant")
    codes = study.codes[:, moving]
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    single = 0
    robustness = np.empty((codes.shape[1], len(study.truth)))
    for j, factor in enumerate(study.truth):
        deviations, lonely = _deviations(codes, factor, options.quantile)
        robustness[:, j] = 1 - deviations / largest
        single += lonely
    notes = []
    if single:
        notes.append(f"{single} values of factors stand on one row each, which cannot deviate and raises the score")
    return Outcome(values={"irs": float(np.average(robustness.max(axis=1), weights=largest))}, notes=notes)


def _deviations(codes: Array, factor: TrueFactor, quantile: float) -> tuple[Array, int]:
    """Mean over the factor's values of the largest deviation within a value, shape (d,), and how many have one row."""
    order = np.argsort(factor.labels, kind="stable")
    groups = np.split(codes[order], np.flatnonzero(np.diff(factor.labels[order])) + 1)
    total = np.zeros(codes.shape[1])
    for group in groups:
        total += np.quantile(np.abs(group - group.mean(axis=0)), quantile, axis=0)
    return total / len(groups), sum(len(group) == 1 for group in groups)


def _estimator(study: Study, options: IrsOptions) -> str:
    text = (
        f"quantile {options.quantile:g} of the deviations within a value stands for the largest, best of "
        f"{len(study.truth)} factors a latent, mean over latents weighted by their largest deviation"
    )
    binned = sum(not factor.discrete for factor in study.truth)
    return text + (f"; {binned} factors in {options.factor_bins} equal-width bins" if binned else "")


IRS = Formula(names=("irs",), value=irs_value, estimator=_estimator)
