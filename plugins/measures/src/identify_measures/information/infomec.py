"""InfoM, InfoE and InfoC of one representation, with the matrix that they are read off."""

from __future__ import annotations

import math

import attrs
import numpy as np

from identify_core import LabelledArray
from identify_measures.factors.measuring import Formula, Generator, Outcome, top_two_gap
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array
from identify_measures.information.activity import active_latents
from identify_measures.information.matrix import Information, describe, mutual_information
from identify_measures.information.prediction import predictive_information
from identify_measures.options.infomec import VARIANTS, InfomecOptions
from identify_measures.options.information import Estimator, MatrixOptions

NAMES = ("infom", "infoe", "infoc", "infom-gap", "infoc-gap")

_FAINT = 0.15  # normalised information above which no null is drawn
_NULL_DRAWS = 5


@attrs.frozen(kw_only=True)
class _Value:
    """A number, or why there is none, and what could mislead about it."""

    number: float = math.nan
    reason: str = ""
    notes: tuple[str, ...] = ()


def infomec_value(study: Study, options: InfomecOptions, generator: Generator) -> Outcome:
    """The five scores of one representation; see the catalogue for their formulas."""
    matrix = matrix_options(study, options)
    seed = int(generator.integers(2**31))
    information = mutual_information(study, matrix, seed=seed)
    known = information.entropies > 0
    nmi = information.normalised()
    active, rule = active_latents(study, options)
    explicit = predictive_information(study, options, generator)
    variant = VARIANTS[options.variant]
    inner = nmi[:, known][active]
    if not active.any() and variant.zero_when_dead:
        dead = _Value(number=0.0, notes=("no latent is active, which this variant gives 0 for",))
        found = dict.fromkeys(NAMES, dead)
    else:
        read = explicit.values[~np.isnan(explicit.values)]
        found = {
            "infom": modularity_ratio(inner, drops=variant.drops),
            "infoe": _Value(number=float(read.mean())) if len(read) else _Value(reason="; ".join(explicit.notes)),
            "infoc": compactness_ratio(inner, drops=options.variant == "identify"),
            "infom-gap": modularity_gap(inner),
            "infoc-gap": compactness_gap(nmi[:, known]),
        }
    notes = [*information.notes, *explicit.notes, *(note for each in found.values() for note in each.notes)]
    if not known.all():
        names = [factor.name for factor, k in zip(study.truth, known, strict=True) if not k]
        notes.append(f"left out, because their values fall in one class: {', '.join(names)}")
    return Outcome(
        values={name: each.number for name, each in found.items()},
        reasons={name: each.reason for name, each in found.items() if each.reason},
        notes=list(dict.fromkeys(notes)),
        details=f"{rule}: {int(active.sum())} of {study.width} latents; {explicit.how}",
        arrays=_arrays(study, options, nmi, active, explicit.values, information),
        remarks=lambda: _uninformed(study, matrix, active, nmi, found, seed),
    )


def matrix_options(study: Study, options: InfomecOptions) -> MatrixOptions:
    """How the variant estimates information."""
    default: Estimator = "plug-in" if study.symbols else "neighbours"
    return MatrixOptions(
        latents=options.latents,
        estimator=options.estimator or default,
        bins=20 if options.bins is None else options.bins,
        neighbours=options.neighbours or VARIANTS[options.variant].neighbours,
    )


def modularity_ratio(nmi: Array, *, drops: bool) -> _Value:
    """(mean over active latents of largest / sum − 1/F) / (1 − 1/F) of the normalised information, shape (A, F)."""
    latents, factors = nmi.shape
    if latents == 0:
        return _Value(reason="no latent is active")
    if factors < 2:
        return _Value(reason="one factor leaves nothing to be modular among")
    shares, without = _shares(nmi)
    notes = []
    if without:
        if not drops or without == latents:
            return _Value(
                reason=f"{without} of {latents} active latents know of no factor, and their share is 0 divided by 0"
            )
        notes.append(f"left out of InfoM, because they know of no factor: {without} of {latents} active latents")
    return _Value(number=_rescaled(shares, factors), notes=tuple(notes))


def compactness_ratio(nmi: Array, *, drops: bool) -> _Value:
    """(mean over factors of largest / sum − 1/A) / (1 − 1/A) of the normalised information, shape (A, F)."""
    latents, factors = nmi.shape
    if latents < 2:
        which = "no latent is" if latents == 0 else "one latent is"
        return _Value(reason=f"{which} active; at least two are needed for one to hold more than the others")
    shares, without = _shares(nmi.T)
    notes = []
    if without:
        if not drops or without == factors:
            return _Value(
                reason=f"active latents know nothing of {without} of {factors} factors, whose share is 0 divided by 0"
            )
        notes.append(f"left out of InfoC, because no active latent knows of them: {without} of {factors} factors")
    return _Value(number=_rescaled(shares, latents), notes=tuple(notes))


def modularity_gap(nmi: Array) -> _Value:
    """Mean over active latents of the largest less the second largest normalised information of a factor."""
    if nmi.shape[0] == 0:
        return _Value(reason="no latent is active")
    return _Value(number=float(top_two_gap(nmi.T).mean()))


def compactness_gap(nmi: Array) -> _Value:
    """Mean over factors of the largest less the second largest normalised information of any latent, shape (d, F)."""
    return _Value(number=float(top_two_gap(nmi).mean()))


def _shares(lines: Array) -> tuple[Array, int]:
    """The largest over the sum of each line that has any, and how many have none."""
    totals = lines.sum(axis=1)
    some = totals > 0
    return lines[some].max(axis=1) / totals[some], int((~some).sum())


def _rescaled(shares: Array, count: int) -> float:
    return float((shares.mean() - 1 / count) / (1 - 1 / count))


def _uninformed(
    study: Study, matrix: MatrixOptions, active: Array, nmi: Array, found: dict[str, _Value], seed: int
) -> list[str]:
    """A warning where a ratio is high though latents know no more of the factors than of shuffled ones."""
    if not active.any():
        return []
    largest = np.nan_to_num(nmi[active]).max(axis=1)
    if largest.min() > _FAINT:
        return []
    generator = np.random.default_rng(seed)
    shuffled = [mutual_information(study.shuffled(generator), matrix, seed=seed) for _ in range(_NULL_DRAWS)]
    ceiling = max(float(np.nanmax(each.normalised()[active])) for each in shuffled)
    without = int((largest <= ceiling).sum())
    high = ", ".join(f"{name} {found[name].number:.2f}" for name in ("infom", "infoc") if found[name].number > 0)
    if not without or not high:
        return []
    return [
        f"{without} of {int(active.sum())} active latents know no more of any factor than of shuffled ones (at most "
        f"{ceiling:.3f} of an entropy), and count in the ratios all the same: {high}; the gaps do not have this fault"
    ]


def _arrays(
    study: Study, options: InfomecOptions, nmi: Array, active: Array, explicit: Array, information: Information
) -> dict[str, LabelledArray]:
    names = np.array([factor.name for factor in study.truth])
    first = VARIANTS[options.variant].orientation == "latents first"
    return {
        "nmi": LabelledArray(
            values=nmi if first else nmi.T,
            dimensions=("latent", "factor") if first else ("factor", "latent"),
            summary="mutual information over the entropy of the factor",
        ),
        "active": LabelledArray(values=active, dimensions=("latent",), summary="whether a latent is active"),
        "infoe-of-factor": LabelledArray(values=explicit, dimensions=("factor",), summary="InfoE of each factor"),
        "entropy": LabelledArray(
            values=information.entropies, dimensions=("factor",), summary="entropy of each factor in nats"
        ),
        "factor-names": LabelledArray(values=names, dimensions=("factor",), summary="names of the factors"),
    }


def _estimator(study: Study, options: InfomecOptions) -> str:
    binned = sum(not factor.discrete for factor in study.truth)
    text = f"variant {options.variant}; {describe(study, matrix_options(study, options))}, over the factor's entropy"
    return text + (f", {binned} continuous or circular factors in {options.factor_bins} bins" if binned else "")


def _invariant_to(study: Study, options: InfomecOptions) -> dict[str, tuple[str, ...]]:
    """Scales decide who is active; predictors on standardised columns see any linear map of numbers as the same."""
    signs, scales = ("signed-permutation",), ("permutation-scaling",)
    how = options.infoe or VARIANTS[options.variant].infoe
    spread = "linear" if not study.symbols and how != "legacy" else "permutation-scaling"
    return {"infom": signs, "infoc": signs, "infom-gap": signs, "infoc-gap": scales, "infoe": (spread,)}


def _halves(options: InfomecOptions) -> bool:
    return options.latents == "numbers" and options.estimator in (None, "neighbours")


INFOMEC = Formula(names=NAMES, value=infomec_value, estimator=_estimator, invariant_to=_invariant_to, halves=_halves)
