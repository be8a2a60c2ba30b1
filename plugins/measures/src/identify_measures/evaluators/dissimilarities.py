"""Matrices of dissimilarities compared as they are: the evaluator and what it costs."""

from __future__ import annotations

import math

from identify_core import Chance, Context, Cost, Score, Subject, Work
from identify_measures.options.samplewise import DissimilaritiesOptions
from identify_measures.samplewise.rsa import COMPARED, compare_dissimilarities
from identify_measures.scoring import score

_CENTRED = ("pearson", "spearman", "kendall")


def dissimilarities(options: DissimilaritiesOptions, subject: Subject, context: Context) -> Score:
    """The coefficient of two matrices; their rows and columns are the same samples."""
    first, second = subject.representations
    values = first.values(), second.values()
    value = compare_dissimilarities(*values, comparison=options.comparison)
    n = first.shape[0]
    # Over all orders of the samples of one matrix every entry meets every other equally often.
    chance = Chance(mean=0.0, method="closed form, over all orders of the samples")
    return score(
        "dissimilarities",
        value,
        n=n,
        widths=(n, n),
        dtype=str(values[0].dtype),
        estimator=f"dissimilarities of all pairs of samples as they are given, {COMPARED[options.comparison]}",
        chance=chance if options.comparison in _CENTRED else None,
        reason=f"all dissimilarities of {first.label} or {second.label} are the same" if math.isnan(value) else "",
    )


def estimate(options: DissimilaritiesOptions, sizes: list[tuple[int, int]]) -> Cost:
    """Two matrices at a time in float64, and where ranks are compared a sort of each for every pair."""
    n, count = float(sizes[0][0]), len(sizes)
    pairs = count * (count + 1) / 2
    each = math.log2(max(n * n, 2.0)) if options.comparison in ("spearman", "kendall") else 4.0
    return Cost(
        work=Work(elements=pairs * each * n * n, calls=20 * pairs), bytes=8 * 8 * n * n, reads=pairs * 2 * 8 * n * n
    )
