"""The pages of the measures: definitions, conventions and invariances, a family each."""

from __future__ import annotations

import math

from generating.markdown import facts, page, prose, rungs

from identify_core.factor_kinds import RULE
from identify_measures.catalogue import CATALOGUE, Measure

FAMILIES = {
    "linear": (
        "From cross-products",
        "One pass over the rows accumulates the cross-products of all representations together; every measure of this "
        "page follows from them without another look at the data, and block statistics give its interval.",
    ),
    "samples": (
        "From kernels, neighbours and ranks",
        "These measures look at pairs of samples. They are computed tile by tile, ranks and neighbours once for each "
        "representation, and memory does not grow with the square of the number of samples.",
    ),
    "factors": (
        "Against ground-truth factors",
        "These measures judge one representation by known factors of variation: continuous, circular, ordinal or "
        f"categorical, given as arrays or stored with a run. {RULE} Predictors are fitted on one part of the distinct "
        "rows and judged on the other.",
    ),
    "ladder": (
        "The ladder",
        "For every class of transformations the best map is fitted on one part of the rows and judged on the other.",
    ),
}
NOTATION = (
    "`X` is (n, p), `Y` is (n, q); rows are paired and columns centred unless it says so. The options of each "
    "evaluator are on the [reference page of the plugin](../reference/plugins/measures.md)."
)


def family_page(family: str) -> str:
    """One family of measures."""
    title, text = FAMILIES[family]
    return page(f"# {title}", text, NOTATION, *(_entry(each) for each in CATALOGUE.values() if each.family == family))


def _entry(measure: Measure) -> str:
    low, high = measure.bounds
    pair = measure.arity == "pair"
    return page(
        f"## {measure.name}",
        prose(measure.summary),
        facts(
            (
                ("definition", prose(measure.definition)),
                ("larger is", measure.larger_is),
                ("range", f"{_bound(low)} to {_bound(high)}"),
                ("metric", ("yes" if measure.is_metric else "no") if pair else ""),
                (
                    "invariant to",
                    rungs(measure.invariant_to) or "nothing beyond the identity",
                ),
                ("symmetric", ("yes" if measure.symmetric else "no") if pair else ""),
                ("source", prose(measure.source)),
            )
        ),
        f"As a function: `from identify_measures import {measure.function.rpartition(':')[2]}`."
        if measure.function
        else "",
    )


def _bound(value: float) -> str:
    return "−∞" if value == -math.inf else "∞" if value == math.inf else f"{value:g}"
