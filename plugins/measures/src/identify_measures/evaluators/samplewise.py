"""The samplewise family as evaluators: what belongs to one representation is made once, at first use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from identify_core import Context, Cost, Representation, Score, Subject, Work
from identify_measures.evaluators.linear import evaluations
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
from identify_measures.samplewise.dissimilarities import RANK_TILE
from identify_measures.samplewise.distance_correlation import score_distance_correlation
from identify_measures.samplewise.matching import HARD_MATCH, SOFT_MATCH, score_permutation, score_spearman_mcc
from identify_measures.samplewise.neighbourhood import score_cknna, score_neighbours
from identify_measures.samplewise.rsa import EXACT, score_rsa
from identify_measures.samplewise.shared import BUDGET, Shared, share_representations
from identify_measures.samplewise.tiles import BLOCKS, block_edges, tile_side

Sizes = list[tuple[int, int]]

_TILE_BYTES = 64 << 20


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
    """All pairs of samples once for all representations together: kernels and distances, judged without each block."""
    n, width, count = _totals(sizes)
    held = min(8 * n * width, BUDGET) + 8 * count * n * BLOCKS + 3 * _TILE_BYTES
    edges = block_edges(int(n))
    spans = (len(edges) - 1) * math.ceil(edges[1] / tile_side(count, edges[1]))
    cells = spans * (spans + 1) / 2
    work = Work(
        operations=n * n * (width + count**2) / 2,
        elements=n * n * count * 10 + 60.0 * BLOCKS * count**2 + 10 * BLOCKS * count * n,
        calls=cells * (20 * count + 35) + 100 * BLOCKS + 35 * count * (count + 1) / 2,
    )
    return Cost(work=work, bytes=held, reads=8 * n * width)


def estimate_minibatches(options: MinibatchOptions, sizes: Sizes) -> Cost:
    """One pass over the rows, a kernel of a batch at a time."""
    n, width, count = _totals(sizes)
    batches = n // options.batch
    work = Work(
        operations=batches * options.batch**2 * (width + count**2),
        elements=batches * options.batch**2 * count * 4 + (8 if batches else 1.3) * n * width,
        calls=batches * 66 * count + 30 * count,
    )
    # Shuffled rows are held, twice while they are put together.
    held = 2 * min(8 * n * width, BUDGET) if options.shuffle else 0.0
    return Cost(work=work, bytes=held + 8.0 * count * options.batch**2, reads=4 * n * width)


def estimate_rsa(options: RsaOptions, sizes: Sizes) -> Cost:
    """Tiles, and where ranks are compared a sort of all pairs of samples a representation."""
    tiles = estimate_tiles(options, sizes)
    if options.comparison not in ("spearman", "kendall"):
        return tiles
    n, width, count = _totals(sizes)
    every = n * (n - 1) / 2
    kept, seen = min(every, EXACT), min(every, options.pairs)
    # Up to so many pairs one vector is ranked with its keys and its order; above, every pair is counted and looked up.
    if options.comparison == "spearman" and every > options.pairs:
        # Each representation is drawn for its table, and both of each pair for their products; no tile is made.
        drawn = (count + count * (count + 1)) * seen
        work = Work(elements=drawn * (120 + 4 * width / count), calls=drawn / 216)
        return Cost(work=work, bytes=min(8 * n * width, BUDGET) + 6 * 8 * kept, reads=tiles.reads)
    table = Work()
    if options.comparison == "spearman" and every > EXACT:
        edges = block_edges(int(n))
        spans = (len(edges) - 1) * math.ceil(edges[1] / RANK_TILE)
        table = Work(elements=30 * count * seen, calls=29 * count * spans * (spans + 1) / 2 + 7200 * count)
    return Cost(
        work=tiles.work + table + Work(elements=count * kept * math.log2(max(kept, 2))),
        bytes=min(8 * n * width, BUDGET) + 4 * count * kept + 6 * 8 * kept,
        reads=tiles.reads,
    )


def estimate_neighbours(options: Any, sizes: Sizes) -> Cost:
    """Half of all inner products a representation and their largest, and what every pair shares."""
    n, width, count = _totals(sizes)
    largest = max(d for _, d in sizes)
    pairs = count * (count + 1) / 2
    masked = isinstance(options, CknnaOptions)
    blocks = math.ceil(n / 2048)
    work = Work(
        operations=n * n * width / 2,
        elements=n * n * 21 * count + pairs * n * options.k * (200 if masked else 27),
        calls=pairs * (450 if masked else 110) + 30 * count * (blocks * (blocks + 1) / 2 + 2),
    )
    return Cost(work=work, bytes=12 * n * largest + 8 * count * n * options.k, reads=4 * n * width)


def estimate_matching(options: Any, sizes: Sizes) -> Cost:
    """Ranks or columns once a representation; their products, and a value a pair and without each block."""
    n, width, _ = _totals(sizes)
    largest = max(d for _, d in sizes)
    work = Work(elements=100 * n * width, calls=700 * len(sizes))
    for d, e, values in evaluations(sizes, interval=options.interval):
        work += Work(operations=2 * n * d * e) + Work(elements=90 * d * e, calls=65).times(values)
    return Cost(work=work, bytes=min(8 * n * width, BUDGET) + 32 * n * largest, reads=4 * n * width)


def _totals(sizes: Sizes) -> tuple[float, float, int]:
    return float(sizes[0][0]), float(sum(d for _, d in sizes)), len(sizes)
