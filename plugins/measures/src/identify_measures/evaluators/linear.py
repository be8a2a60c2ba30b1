"""The linear family as evaluators: all representations are gathered once, and pairs are cheap combinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from identify_core import Context, Cost, Representation, Score, Subject
from identify_measures.blocks import BLOCKS
from identify_measures.linear import canonical, cka, correlation, regression, rotation
from identify_measures.linear.measuring import Formula, evaluate
from identify_measures.linear.total_correlation import total_correlation_of
from identify_measures.options.linear import PairOptions, SingleOptions, WeakMatchingOptions
from identify_measures.statistics.derived import Statistics
from identify_measures.statistics.gathering import Memory, from_representations

PairEvaluator = Callable[[PairOptions, Subject, Context], Score]


def prepare(representations: Sequence[Representation], context: Context) -> Statistics:
    """Gather the cross-products of all representations: from memory where they fit, else in one pass over the rows."""
    return from_representations(representations, context.device)


def estimate(options: Any, sizes: list[tuple[int, int]]) -> Cost:
    """The one pass over the rows, shared by the family, and a few small factorisations a pair."""
    n = sizes[0][0]
    width = float(sum(d for _, d in sizes))
    pairs = sum(float(min(d, e)) ** 2 * max(d, e) for i, (_, d) in enumerate(sizes) for _, e in sizes[i:])
    memory = Memory()
    resident = 4 * n * width <= memory.rows
    held = 3 * 4 * n * width if resident else min(memory.products, 4.5 * BLOCKS * width**2) + 3 * memory.span
    cached = min(memory.derived, 4 * width * width)
    return Cost(operations=20 * pairs, bytes=held + cached, reads=4 * n * width, shared=n * width * width / 2)


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
