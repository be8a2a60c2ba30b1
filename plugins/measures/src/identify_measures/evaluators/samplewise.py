"""The samplewise family as evaluators: what belongs to one representation is made once, at first use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identify_core import Context, Cost, Representation, Score, Subject
from identify_measures.linear.measuring import evaluate
from identify_measures.options.linear import PairOptions
from identify_measures.options.samplewise import (
    CknnaOptions,
    DistanceCorrelationOptions,
    GaussianOptions,
    MinibatchOptions,
    NeighbourOptions,
    PermutationOptions,
    RankMatchingOptions,
    RsaOptions,
)
from identify_measures.samplewise.cka import score_minibatch_cka, score_rbf_cka
from identify_measures.samplewise.distance_correlation import score_distance_correlation
from identify_measures.samplewise.matching import HARD_MATCH, SOFT_MATCH, score_permutation, score_spearman_mcc
from identify_measures.samplewise.neighbourhood import score_cknna, score_neighbours
from identify_measures.samplewise.rsa import RANK_BUDGET, score_rsa
from identify_measures.samplewise.shared import BUDGET, Shared, share_representations
from identify_measures.samplewise.tiles import BLOCKS

Sizes = list[tuple[int, int]]

_TILE_BYTES = 64 << 20
_SORT = 200.0
"""Multiply-adds that ranking one number takes the time of."""


def prepare(representations: Sequence[Representation], context: Context) -> Shared:
    """Everything that the family's evaluators share; nothing is read yet."""
    return share_representations(representations, context)


def rbf_cka(options: GaussianOptions, subject: Subject, context: Context) -> Score:
    """CKA with Gaussian kernels."""
    return score_rbf_cka(subject.prepared, *_pair(subject), options)


def minibatch_cka(options: MinibatchOptions, subject: Subject, context: Context) -> Score:
    """Linear CKA from minibatches."""
    return score_minibatch_cka(subject.prepared, *_pair(subject), options)


def distance_correlation(options: DistanceCorrelationOptions, subject: Subject, context: Context) -> Score:
    """Distance correlation."""
    return score_distance_correlation(subject.prepared, *_pair(subject), options)


def rsa(options: RsaOptions, subject: Subject, context: Context) -> Score:
    """Representational similarity analysis."""
    return score_rsa(subject.prepared, *_pair(subject), options)


def mutual_knn(options: NeighbourOptions, subject: Subject, context: Context) -> Score:
    """Mutual nearest neighbours."""
    return score_neighbours("mutual-knn", subject.prepared, *_pair(subject), options)


def jaccard(options: NeighbourOptions, subject: Subject, context: Context) -> Score:
    """The Jaccard index of neighbours."""
    return score_neighbours("jaccard", subject.prepared, *_pair(subject), options)


def cknna(options: CknnaOptions, subject: Subject, context: Context) -> Score:
    """CKA restricted to mutual neighbours."""
    return score_cknna(subject.prepared, *_pair(subject), options)


def spearman_mcc(options: RankMatchingOptions, subject: Subject, context: Context) -> Score:
    """Mean rank correlation after the best matching."""
    return score_spearman_mcc(subject.prepared, *_pair(subject), options)


def permutation_metric(options: PermutationOptions, subject: Subject, context: Context) -> Score:
    """The angle after the best permutation."""
    return score_permutation("permutation-metric", subject.prepared, *_pair(subject), options)


def permutation_distance(options: PermutationOptions, subject: Subject, context: Context) -> Score:
    """The Euclidean distance after the best permutation."""
    return score_permutation("permutation-distance", subject.prepared, *_pair(subject), options)


def hard_match(options: PairOptions, subject: Subject, context: Context) -> Score:
    """One-to-one matching; shares the cross-products of the linear family."""
    return evaluate(HARD_MATCH, subject.prepared, *_pair(subject), options, seed=context.seed)


def soft_match(options: PairOptions, subject: Subject, context: Context) -> Score:
    """Best partners; shares the cross-products of the linear family."""
    return evaluate(SOFT_MATCH, subject.prepared, *_pair(subject), options, seed=context.seed)


def _pair(subject: Subject) -> tuple[int, int]:
    i, j = subject.indices
    return i, j


def estimate_tiles(options: Any, sizes: Sizes) -> Cost:
    """All pairs of samples once for all representations together: kernels and distances."""
    n, width, count = _totals(sizes)
    held = min(8 * n * width, BUDGET) + 8 * count * n * BLOCKS + 3 * _TILE_BYTES
    return Cost(operations=n * n * (2 * width + count**2) / 2, bytes=held, reads=8 * n * width)


def estimate_minibatches(options: MinibatchOptions, sizes: Sizes) -> Cost:
    """One pass over the rows, a kernel of a batch at a time."""
    n, width, count = _totals(sizes)
    return Cost(
        operations=2 * n * options.batch * (width + count**2), bytes=8.0 * count * options.batch**2, reads=4 * n * width
    )


def estimate_rsa(options: RsaOptions, sizes: Sizes) -> Cost:
    """Tiles, and where ranks are compared a sort of all pairs of samples a representation."""
    tiles = estimate_tiles(options, sizes)
    if options.comparison not in ("spearman", "kendall"):
        return tiles
    n, width, count = _totals(sizes)
    pairs = min(n * (n - 1) / 2, options.pairs, max(RANK_BUDGET / (4 * count), 1e6))
    # While one vector is ranked, the dissimilarities, the keys and the order are held beside it.
    return Cost(
        operations=tiles.operations + _SORT * count * pairs,
        bytes=min(8 * n * width, BUDGET) + 4 * count * pairs + 6 * 8 * pairs,
        reads=tiles.reads,
    )


def estimate_neighbours(options: Any, sizes: Sizes) -> Cost:
    """Half of all inner products a representation, and their largest."""
    n, width, count = _totals(sizes)
    largest = max(d for _, d in sizes)
    return Cost(
        operations=n * n * (width / 2 + 30 * count),
        bytes=12 * n * largest + 8 * count * n * options.k,
        reads=4 * n * width,
    )


def estimate_matching(options: Any, sizes: Sizes) -> Cost:
    """Ranks or columns once a representation, and their products and an assignment a pair."""
    n, width, _ = _totals(sizes)
    products = sum(float(n) * d * e for i, (_, d) in enumerate(sizes) for _, e in sizes[i:])
    largest = max(d for _, d in sizes)
    return Cost(
        operations=2 * products + _SORT * n * width,
        bytes=min(8 * n * width, BUDGET) + 32 * n * largest,
        reads=4 * n * width,
    )


def _totals(sizes: Sizes) -> tuple[float, float, int]:
    return float(sizes[0][0]), float(sum(d for _, d in sizes)), len(sizes)
