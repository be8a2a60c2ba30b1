"""The evaluator `stability`: do models agree better on geodesic distances than on latent ones?"""

from __future__ import annotations

import numpy as np

from identify_core import Context, Finding, LabelledArray, OptionsError, Subject, Table
from identify_measures.stability import (
    coefficient_of_variation,
    cv_difference,
    icc_agreement,
    icc_consistency,
    kendall_w,
    mean_spearman,
    pair_tests,
    scale_normalised,
)
from identify_metric.evaluators.distances import CONVENTIONS, doubts
from identify_metric.evaluators.measuring import IN_WORDS, Distances, measure
from identify_metric.geometry.geodesics import Geodesics
from identify_metric.options.evaluators import StabilityOptions

_TENTH = 0.1


def evaluate(options: StabilityOptions, subject: Subject, context: Context) -> Finding:
    """Variation and agreement over models of the distances of the same pairs of samples.

    The models are the replicates of a run, or those of all runs that are compared. A distance that they agree on
    varies little over them. How much less a geodesic distance varies than the Euclidean one of the latents is said
    with intervals over models, because every pair has the same models.

    Raises:
        OptionsError: there is one model alone, a run has no decoders, or runs hold other data.
        Interrupted: the user stopped the run.
    """
    models = subject.representations
    if len(models) < 2:
        raise OptionsError(
            f"stability compares models, and there are {len(models)}", hint="set replicates = 10, for instance"
        )
    several = len({each.run_id for each in models}) > 1
    measured = measure(options, options.ensembles, models, context)
    quantities = {f"geodesic-{name}": measured.grid(found.length) for name, found in measured.found.items()}
    quantities |= measured.baselines
    quantities = {name: values[:, _usable(quantities)] for name, values in quantities.items()}
    if not quantities["euclid"].shape[1]:
        raise OptionsError("no pair has a finite, positive distance in every model")
    warnings = [f"{name}: {said}" for name, found in measured.found.items() for said in doubts(found)] + _error_doubts(
        measured.found, quantities
    )
    cvs = {name: coefficient_of_variation(values) for name, values in quantities.items()}
    first = f"geodesic-{options.ensembles[0]}"
    headline = cv_difference(quantities[first], quantities["euclid"], draws=options.draws, seed=context.seed)
    low, high = headline.jackknife
    sure = "an interval takes three models"
    if len(models) > 2:
        verdict = "which holds 0: undecided" if low <= 0 <= high else "without 0"
        sure = f"95 % over models {low:+.4f} to {high:+.4f}, {verdict}"
    return Finding(
        summary=f"mean CV over {len(models)} models: {first} {cvs[first].mean():.4f}, Euclid "
        f"{cvs['euclid'].mean():.4f}; difference {headline.value:+.4f} ({sure})",
        scalars={f"cv-{name}": float(values.mean()) for name, values in cvs.items()}
        | {"difference": headline.value, "difference-error": headline.jackknife_error},
        tables={
            "stability": _agreement_table(quantities, cvs),
            "differences": _difference_table(options, quantities, context.seed),
            "models": Table(
                columns=("model", "run", "latents"),
                rows=[
                    (number, each.run_id if several else "this one", each.label) for number, each in enumerate(models)
                ],
                caption="The models that are compared.",
            ),
            **study_tables(options, measured),
        },
        arrays={
            name: LabelledArray(values=values, dimensions=("model", "pair"), summary=IN_WORDS.get(name, ""))
            for name, values in quantities.items()
        }
        | {
            f"cv-{name}": LabelledArray(values=values, dimensions=("pair",), summary="coefficient of variation")
            for name, values in cvs.items()
        },
        conventions=CONVENTIONS
        | IN_WORDS
        | {
            "cv": "standard deviation over models (ddof = 1) in parts of the mean, pair by pair; then their mean",
            "scaled cv": "each model's distances divided by their median first",
            "interval": "95 %, jackknife over models with Student's t; bootstrap over models by percentiles",
            "pair tests": "take pairs for independent though all have the same models: far too sure",
        },
        warnings=warnings,
    )


def study_tables(options: StabilityOptions, measured: Distances) -> dict[str, Table]:
    """The three tables of the study's evaluation, of the first metric: `identify runs export` writes them as CSV.

    Every geodesic; mean, deviation and coefficient of variation over models pair by pair; and one column a model.

    Source: mustass/identifiable-latent-metric-space: geodesics_table.csv, geodesics_table_cv.csv and
    geodesics_table_pivotted.csv, whose pivot leaves the length out.
    """
    first = options.ensembles[0]
    found = measured.found[first]
    values = {"geolength": measured.grid(found.length), "energy": measured.grid(found.energy)}
    values |= {name: measured.baselines[name] for name in ("euclid", "ambient") if name in measured.baselines}
    ids = [str(each) for each in measured.points.ids.tolist()]
    names = [f"{ids[a]}-{ids[b]}" for a, b in measured.pairs.tolist()]
    M = range(len(measured.points.z))
    statistics = {
        name: (mean, std, np.divide(std, mean, out=np.full_like(std, np.nan), where=mean > 0))
        for name, each in values.items()
        for mean, std in [(each.mean(0), each.std(0, ddof=1))]
    }
    return {
        "geodesics": Table(
            columns=("model", "from-to", *values),
            rows=[
                (m, pair, *(float(each[m, p]) for each in values.values())) for m in M for p, pair in enumerate(names)
            ],
            caption=f"Every geodesic of the {first} metric and what it is compared with.",
        ),
        "geodesics-cv": Table(
            columns=("from-to", *(f"{name} {what}" for name in values for what in ("mean", "std", "cv"))),
            rows=[
                (pair, *(float(each[p]) for three in statistics.values() for each in three))
                for p, pair in enumerate(names)
            ],
            caption="Mean, deviation (ddof = 1) and coefficient of variation over models, pair by pair.",
        ),
        "geodesics-pivot": Table(
            columns=("from-to", *(f"{name} {m}" for name in values for m in M)),
            rows=[(pair, *(float(each[m, p]) for each in values.values() for m in M)) for p, pair in enumerate(names)],
            caption="One column a model.",
        ),
    }


def _usable(quantities: dict[str, np.ndarray]) -> np.ndarray:
    """Pairs that have a finite, positive latent and geodesic distance in every model."""
    usable = np.ones(quantities["euclid"].shape[1], dtype=bool)
    for values in quantities.values():
        usable &= (np.isfinite(values) & (values > 0)).all(0)
    return usable


def _error_doubts(found: dict[str, Geodesics], quantities: dict[str, np.ndarray]) -> list[str]:
    said = []
    for name, each in found.items():
        error = float(each.error.nanmedian())
        cv = float(np.median(coefficient_of_variation(quantities[f"geodesic-{name}"])))
        if error > _TENTH * cv:
            said.append(
                f"{name}: the median numerical error {error:.1e} is more than a tenth of the median CV {cv:.1e}; lower "
                "`tolerance` and `gradient_tolerance`"
            )
    return said


def _agreement_table(quantities: dict[str, np.ndarray], cvs: dict[str, np.ndarray]) -> Table:
    return Table(
        columns=(
            *("distance", "mean CV", "median CV", "scaled CV"),
            *("ICC(3,1)", "ICC(A,1)", "Spearman", "Kendall's W"),
        ),
        rows=[
            (
                name,
                cvs[name].mean(),
                np.median(cvs[name]),
                coefficient_of_variation(scale_normalised(values)).mean(),
                icc_consistency(values),
                icc_agreement(values),
                mean_spearman(values),
                kendall_w(values),
            )
            for name, values in quantities.items()
        ],
        caption="Variation of each distance over models, and how far models agree on it.",
    )


def _difference_table(options: StabilityOptions, quantities: dict[str, np.ndarray], seed: int) -> Table:
    rows = []
    for name, values in quantities.items():
        if name in ("euclid", "ambient"):
            continue
        found = cv_difference(values, quantities["euclid"], draws=options.draws, seed=seed)
        tests = pair_tests(values, quantities["euclid"]) if values.shape[1] > 1 else None
        several = (
            [None] * 5 if tests is None else [tests.t, tests.less, tests.greater, tests.two_sided, tests.wilcoxon_less]
        )
        rows.append((name, found.value, found.jackknife_error, *found.jackknife, *found.bootstrap, *several))
    return Table(
        columns=(
            *("distance", "difference", "error", "low", "high", "bootstrap low", "bootstrap high"),
            *("pair t", "pair p less", "pair p greater", "pair p two-sided", "pair Wilcoxon p less"),
        ),
        rows=rows,
        caption="Mean CV less that of the latent Euclidean distance, with intervals of 95 % over models; what begins "
        "with `pair` takes pairs for independent, which they are not.",
    )
