"""Measures on the table of mutual information: the gap, modularity, and completeness over active latents."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from identify_measures.factors.information import Information, mutual_information
from identify_measures.factors.measuring import Formula, Generator, Outcome, Undefined, top_two_gap
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array
from identify_measures.options.factors import InactiveOptions, InformationOptions


def mig_value(study: Study, options: InformationOptions, generator: Generator) -> Outcome:
    """Mean over factors of (largest − second largest information of a latent) / entropy of the factor."""
    information = mutual_information(study, options.bins)
    known, notes = _with_entropy(study, information)
    gaps = top_two_gap(information.values)[known] / information.entropies[known]
    if study.width == 1:
        notes.append("there is one latent: the second largest information counts as 0")
    return _one("mig", float(gaps.mean()), notes)


def modularity_value(study: Study, options: InformationOptions, generator: Generator) -> Outcome:
    """Mean over latents of 1 − (Σ m² − max m²) / (max m² (F − 1)); a latent that knows of no factor counts 0."""
    if len(study.truth) < 2:
        raise Undefined("modularity needs at least two factors that vary")
    information = mutual_information(study, options.bins)
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


def inactive_completeness_value(study: Study, options: InactiveOptions, generator: Generator) -> Outcome:
    """How much of what active latents know of a factor is in one of them, rescaled so that an even spread gives 0."""
    deviations = study.codes.std(axis=0)
    active = (deviations > 0) & (deviations >= options.inactive_below * deviations.max())
    count = int(active.sum())
    if count < 2:
        raise Undefined(f"{count} of {study.width} latents is active; at least two are needed to compare them")
    information = mutual_information(study, options.bins)
    values = information.values[active]
    totals = values.sum(axis=0)
    known = totals > 0
    if not known.any():
        raise Undefined("no active latent knows of any factor")
    notes = list(information.notes)
    if not known.all():
        names = [f.name for f, k in zip(study.truth, known, strict=True) if not k]
        notes.append(f"left out, because no active latent knows of them: {', '.join(names)}")
    shares = values[:, known].max(axis=0) / totals[known]
    rescaled = (shares - 1 / count) / (1 - 1 / count)
    outcome = _one("inactive-completeness", float(rescaled.mean()), notes)
    return Outcome(
        values=outcome.values, notes=outcome.notes, details=f"{study.width - count} of {study.width} latents inactive"
    )


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


def describe_classes(study: Study, options: InformationOptions) -> str:
    """How factors became classes, for an estimator's text."""
    binned = sum(not factor.discrete for factor in study.truth)
    text = f"{options.bins} equal-width bins a latent, plug-in estimate in nats, all rows"
    if binned:
        text += f", {binned} continuous or circular factors in {options.factor_bins} equal-width bins"
    return text


def _mig_estimator(study: Study, options: InformationOptions) -> str:
    return (
        f"gap over the entropy of the factor, mean over {len(study.truth)} factors; {describe_classes(study, options)}"
    )


def _modularity_estimator(study: Study, options: InformationOptions) -> str:
    return f"squared information, mean over {study.width} latents; {describe_classes(study, options)}"


def _inactive_estimator(study: Study, options: InactiveOptions) -> str:
    return (
        f"largest share of the information in active latents, mean over factors; active: standard deviation at least "
        f"{options.inactive_below:g} of the largest; {describe_classes(study, options)}"
    )


def _every_rung(study: Study, options: InactiveOptions) -> Mapping[str, tuple[str, ...]]:
    # Only constant latents are inactive at 0, whatever the scale of the others.
    return {"inactive-completeness": ("permutation-scaling",)} if options.inactive_below == 0 else {}


MIG = Formula(names=("mig",), value=mig_value, estimator=_mig_estimator)
MODULARITY = Formula(names=("modularity",), value=modularity_value, estimator=_modularity_estimator)
INACTIVE_COMPLETENESS = Formula(
    names=("inactive-completeness",),
    value=inactive_completeness_value,
    estimator=_inactive_estimator,
    invariant_to=_every_rung,
)
