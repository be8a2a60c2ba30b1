"""The linear family as evaluators: all representations are gathered once, and pairs are cheap combinations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from identify_core import Context, Cost, Representation, Score, Subject, Work
from identify_measures.blocks import BLOCKS
from identify_measures.linear import canonical, cka, correlation, regression, rotation
from identify_measures.linear.measuring import WIDE, Formula, evaluate
from identify_measures.linear.total_correlation import total_correlation_of
from identify_measures.options.linear import PairOptions, SingleOptions, WeakMatchingOptions
from identify_measures.statistics.derived import Statistics
from identify_measures.statistics.gathering import Memory, from_representations

_CALLS = 65.0
"""Calls of tensor functions behind one value, counted over the family: 35 to 90."""

PairEvaluator = Callable[[PairOptions, Subject, Context], Score]


def prepare(representations: Sequence[Representation], context: Context) -> Statistics:
    """Gather the cross-products of all representations: from memory where they fit, else in one pass over the rows."""
    return from_representations(representations, context.device)


def estimate(options: Any, sizes: list[tuple[int, int]]) -> Cost:
    """The one pass over the rows, shared by the family, and what every pair makes of products, each block left out."""
    work = Work()
    for d, e, values in evaluations(sizes, interval=options.interval != "never"):
        work += Work(elements=53.0 * d * e, calls=_CALLS).times(values)
    return _cost(work, sizes)


def estimate_factored(options: Any, sizes: list[tuple[int, int]]) -> Cost:
    """The same for measures that factor every product, which they do without blocks only where latents are few."""
    work = Work()
    for d, e, values in evaluations(sizes, interval=options.interval != "never"):
        times = 1 if max(d, e) > WIDE and options.interval != "always" else values
        work += Work(operations=30.0 * min(d, e) ** 2 * max(d, e), elements=53.0 * d * e, calls=_CALLS).times(times)
    return _cost(work, sizes)


def evaluations(sizes: list[tuple[int, int]], *, interval: bool) -> Iterator[tuple[float, float, int]]:
    """For every pair its two widths, and how often its value is computed: once, and once without each block."""
    for i, (n, d) in enumerate(sizes):
        for j, (_, e) in enumerate(sizes[i:], start=i):
            yield float(d), float(e), 1 + (min(BLOCKS, n) if interval and i != j else 0)


def _cost(work: Work, sizes: list[tuple[int, int]]) -> Cost:
    n = sizes[0][0]
    width = float(sum(d for _, d in sizes))
    products = sum(d * e for d, e, _ in evaluations(sizes, interval=False))
    # Sums of rows are exact to the last digit, which takes passes over short chunks of them.
    shared = Work(
        operations=2.8 * n * products,
        elements=75.0 * n * width,
        calls=n * (0.03 + 0.01 * len(sizes)) + 700 * len(sizes),
    )
    memory = Memory()
    resident = 4 * n * width <= memory.rows
    held = 3 * 4 * n * width if resident else min(memory.products, 4.5 * BLOCKS * width**2) + 3 * memory.span
    cached = min(memory.derived, 4 * width * width)
    return Cost(work=work, bytes=held + cached, reads=4 * n * width, shared=shared)


def _pair(formula: Formula) -> PairEvaluator:
    def evaluator(options: PairOptions, subject: Subject, context: Context) -> Score:
        i, j = subject.indices
        return evaluate(formula, subject.prepared, i, j, options, seed=context.seed)

    return evaluator


linear_cka = _pair(cka.LINEAR_CKA)
debiased_cka = _pair(cka.DEBIASED_CKA)
angular_cka = _pair(cka.ANGULAR_CKA)
cca = _pair(canonical.CCA)
cca_r2 = _pair(canonical.CCA_R2)
yanai = _pair(canonical.YANAI)
pillai = _pair(canonical.PILLAI)
svcca = _pair(canonical.SVCCA)
pwcca = _pair(canonical.PWCCA)
procrustes = _pair(rotation.PROCRUSTES)
procrustes_normalised = _pair(rotation.PROCRUSTES_NORMALISED)
procrustes_angular = _pair(rotation.PROCRUSTES_ANGULAR)
procrustes_disparity = _pair(rotation.PROCRUSTES_DISPARITY)
procrustes_similarity = _pair(rotation.PROCRUSTES_SIMILARITY)
shape_metric = _pair(rotation.SHAPE_METRIC)
linear_r2 = _pair(regression.LINEAR_R2)
gulp = _pair(regression.GULP)
pearson_mcc = _pair(correlation.PEARSON_MCC)


def weak_mcc(options: WeakMatchingOptions, subject: Subject, context: Context) -> Score:
    """Of values or of ranks, as the options say."""
    formula, options = correlation.weak_formula(options)
    i, j = subject.indices
    return evaluate(formula, subject.prepared, i, j, options, seed=context.seed)


def total_correlation(options: SingleOptions, subject: Subject, context: Context) -> Score:
    """One representation by itself."""
    statistics = from_representations(subject.representations, context.device)
    return total_correlation_of(statistics, 0, PairOptions(interval=options.interval))
