"""Measures on the matrix of mutual information: the gap and modularity."""

from __future__ import annotations

import math

import numpy as np

from identify_measures.factors.measuring import Formula, Generator, Outcome, Undefined, top_two_gap
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array
from identify_measures.information.matrix import Information, describe, mutual_information
from identify_measures.options.information import MatrixOptions


def mig_value(study: Study, options: MatrixOptions, generator: Generator) -> Outcome:
    """Mean over factors of (largest − second largest information of a latent) / entropy of the factor."""
    information = mutual_information(study, options, seed=int(generator.integers(2**31)))
    known, notes = _with_entropy(study, information)
    gaps = top_two_gap(information.values)[known] / information.entropies[known]
    if study.width == 1:
        notes.append("there is one latent: the second largest information counts as 0")
    return _one("mig", float(gaps.mean()), notes)


def modularity_value(study: Study, options: MatrixOptions, generator: Generator) -> Outcome:
    """Mean over latents of 1 − (Σ m² − max m²) / (max m² (F − 1)); a latent that knows of no factor counts 0."""
    if len(study.truth) < 2:
        raise Undefined("modularity needs at least two factors that vary")
    information = mutual_information(study, options, seed=int(generator.integers(2**31)))
    squares = information.values**2
    largest = squares.max(axis=1)
    informed = largest > 0
    others = squares.sum(axis=1) - largest
    shares = np.zeros(study.width)
    shares[informed] = 1 - others[informed] / (largest[informed] * (len(study.truth) - 1))
    notes = list(information.notes)
    if not informed.all():
        notes.append(f"{int((~informed).sum())} of {study.width} latents know of no factor and count 0")
    return _one("modularity", float(shares.mean()), notes)


def _with_entropy(study: Study, information: Information) -> tuple[Array, list[str]]:
    known = information.entropies > 0
    if not known.any():
        raise Undefined("no factor has more than one class")
    notes = list(information.notes)
    if not known.all():
        names = [f.name for f, k in zip(study.truth, known, strict=True) if not k]
        notes.append(f"left out, because their values fall in one class: {', '.join(names)}")
    return known, notes


def _one(name: str, value: float, notes: list[str]) -> Outcome:
    if math.isnan(value):
        raise Undefined("the values overflow")
    return Outcome(values={name: value}, notes=notes)


def _classes(study: Study, options: MatrixOptions) -> str:
    binned = sum(not factor.discrete for factor in study.truth)
    text = describe(study, options)
    if binned:
        text += f", {binned} continuous or circular factors in {options.factor_bins} equal-width bins"
    return text


def _mig_estimator(study: Study, options: MatrixOptions) -> str:
    return f"gap over the entropy of the factor, mean over {len(study.truth)} factors; {_classes(study, options)}"


def _modularity_estimator(study: Study, options: MatrixOptions) -> str:
    return f"squared information, mean over {study.width} latents; {_classes(study, options)}"


def _halves(options: MatrixOptions) -> bool:
    return options.estimator == "neighbours"


MIG = Formula(names=("mig",), value=mig_value, estimator=_mig_estimator, halves=_halves)
MODULARITY = Formula(names=("modularity",), value=modularity_value, estimator=_modularity_estimator, halves=_halves)
