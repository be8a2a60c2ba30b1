"""Representational similarity analysis: dissimilarities of all pairs of samples, compared by a stated coefficient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from identify_core import Chance, Score, check_option
from identify_measures.inputs import InputError, as_matrix
from identify_measures.options.samplewise import RsaOptions
from identify_measures.samplewise.cka import biased_alignment, score_alignment
from identify_measures.samplewise.dissimilarities import (
    RANK_TILE,
    VIEWS,
    BinnedRankTiles,
    ComparisonName,
    DissimilarityName,
    RankTiles,
    dissimilarity_tiles,
    entries,
    kendall,
    sampled_entries,
    sampled_pairs,
    sum_of_squares,
    vector_correlation,
)
from identify_measures.samplewise.hsic import Grid, correlations, uncentred_cosines
from identify_measures.samplewise.ranks import FEW_TIES, RankTable, average_ranks, rank_dissimilarities, tied_part
from identify_measures.samplewise.shared import Shared, share_arrays
from identify_measures.samplewise.tiles import Totals, sum_pairs
from identify_measures.scoring import score

EXACT = 4_000_000
"""Pairs of samples up to which dissimilarities are kept and ranked to the last digit that counts.

Above it, Spearman's correlation takes ranks from a table, and Kendall's tau a sample: memory does not grow with n.
"""

COMPARED: dict[ComparisonName, str] = {
    "spearman": "compared by Spearman's correlation with average ranks",
    "pearson": "compared by Pearson's correlation",
    "cosine": "compared by their cosine",
    "kendall": "compared by Kendall's tau-a",
    "whitened-cosine": "compared by the cosine of their doubly centred matrices",
}
"""How a score says which coefficient it is."""

_JUDGES: dict[ComparisonName, Callable[[Totals], Grid]] = {
    "pearson": correlations,
    "cosine": uncentred_cosines,
    "whitened-cosine": biased_alignment,
}
_INVARIANT: dict[DissimilarityName, tuple[str, ...]] = {
    "correlation": ("permutation",),
    "cosine": ("orthogonal",),
    "euclidean": ("similarity",),
    "squared-euclidean": ("similarity",),
}


def rsa(
    x: Any,
    y: Any,
    *,
    dissimilarity: DissimilarityName = "correlation",
    comparison: ComparisonName = "spearman",
    pairs: int = 50_000_000,
    interval: bool = False,
    seed: int = 0,
) -> Score:
    """Representational similarity analysis.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        dissimilarity: of two rows; `correlation` and `cosine` are one less the coefficient.
        comparison: of the n (n − 1) / 2 dissimilarities; `kendall` is tau-a; `whitened-cosine` is the cosine of doubly
            centred dissimilarities, which for squared Euclidean distances is linear CKA.
        pairs: above so many, ranks are those of a random sample of so many pairs of samples; for `kendall` of at most
            4,000,000.
        interval: whether to give one.
        seed: of that sample.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers, or have fewer than three rows.

    Source: Kriegeskorte, Mur & Bandettini 2008, Frontiers in Systems Neuroscience 2:4.

    Example:
        >>> from identify_measures import rsa
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(rsa(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = RsaOptions(dissimilarity=dissimilarity, comparison=comparison, pairs=pairs, interval=interval)
    return score_rsa(share_arrays(x, y, least_rows=3, seed=seed), 0, 1, options)


def score_rsa(shared: Shared, i: int, j: int, options: RsaOptions) -> Score:
    """The score of one pair."""
    estimator = f"{options.dissimilarity} dissimilarities of all pairs of samples, {COMPARED[options.comparison]}"
    facts = shared.facts("rsa", i, j) | {"estimator": estimator, "invariant_to": _INVARIANT[options.dissimilarity]}
    for each in (i, j):
        without = shared.view(each, VIEWS[options.dissimilarity]).directionless
        if without:
            what = "constant" if options.dissimilarity == "correlation" else "zero"
            rows = f"{without} of {shared.n} rows of {shared.rows[each].name}"
            reason = f"{rows} are {what} and have no {options.dissimilarity}"
            return score("rsa", math.nan, reason=reason, **facts)
    if options.comparison in _JUDGES:
        judged = shared.judged(
            ("dissimilarities", options.dissimilarity),
            lambda: sum_pairs(
                [
                    dissimilarity_tiles(view, options.dissimilarity)
                    for view in shared.views(VIEWS[options.dissimilarity])
                ],
                shared.n,
                edges=shared.edges,
            ),
            _JUDGES[options.comparison],
            3,
        )
        return score_alignment("rsa", judged, shared, i, j, facts, interval=options.interval)
    if options.comparison == "kendall":
        return _by_kendall(shared, i, j, options, facts)
    every = shared.n * (shared.n - 1) // 2
    if every > options.pairs:
        return _of_sampled_ranks(shared, i, j, options, facts)
    make = _ranks if every <= EXACT else _binned
    tied = {k: tied_part(make(shared, k, options).squares, every) for k in (i, j)}
    facts["warnings"] += _tie_caution(shared, tied)
    judged = shared.judged(
        ("ranks", VIEWS[options.dissimilarity]),
        lambda: sum_pairs(
            [make(shared, each, options) for each in range(len(shared.rows))],
            shared.n,
            edges=shared.edges,
            side=RANK_TILE,
        ),
        correlations,
        3,
    )
    return score_alignment(
        "rsa", judged, shared, i, j, facts, interval=options.interval, kept="ranks among all pairs kept"
    )


def _by_kendall(shared: Shared, i: int, j: int, options: RsaOptions, facts: dict[str, Any]) -> Score:
    every = shared.n * (shared.n - 1) // 2
    count = min(options.pairs, EXACT, every)
    if count < every:
        facts["estimator"] = _of_a_sample(options, count, shared.seed)
        ranks = [_sampled_ranks(shared, each, options, count) for each in (i, j)]
    else:
        ranks = [_ranks(shared, each, options).ranks for each in (i, j)]
    tied = {k: tied_part(sum_of_squares(each), count) for k, each in zip((i, j), ranks, strict=True)}
    facts["warnings"] += _tie_caution(shared, tied)
    return _without_interval(kendall(*ranks), shared, i, j, facts)


def _of_a_sample(options: RsaOptions, count: int, seed: int) -> str:
    return (
        f"{options.dissimilarity} dissimilarities of {count} random pairs of samples (seed {seed}), "
        f"{COMPARED[options.comparison]}"
    )


def _of_sampled_ranks(shared: Shared, i: int, j: int, options: RsaOptions, facts: dict[str, Any]) -> Score:
    """Spearman's correlation over a sample of pairs that is drawn twice: for the ranks, and for their products."""
    count = options.pairs
    facts["estimator"] = _of_a_sample(options, count, shared.seed)
    tables = [_sampled_table(shared, k, options, count) for k in (i, j)]
    facts["warnings"] += _tie_caution(
        shared, {k: tied_part(each.squares, count) for k, each in zip((i, j), tables, strict=True)}
    )

    def make() -> float:
        both = zip(*(_sampled(shared, k, options, count) for k in (i, j)), strict=True)
        crossed = [(tables[0].ranks(x) @ tables[1].ranks(y)) for x, y in both]
        spread = math.sqrt(float(tables[0].squares) * float(tables[1].squares))
        return float(torch.stack(crossed).sum()) / spread if spread > 0 else math.nan

    value = shared.once(("sampled correlation", i, j, options.dissimilarity, count), make)
    return _without_interval(value, shared, i, j, facts)


def compare_dissimilarities(first: Any, second: Any, *, comparison: ComparisonName = "spearman") -> float:
    """Compare two dissimilarity matrices that are already there, such as published ones.

    Args:
        first: shape (n, n), symmetric, or its upper triangle row by row, shape (n (n − 1) / 2,).
        second: of the same n, in either form.
        comparison: as in `rsa`.

    Returns:
        The coefficient; NaN where one of them is constant (or zero, for cosines).

    Raises:
        OptionsError: there is no such comparison.
        InputError: one of them is neither form, or they are of different sizes.
    """
    check_option("comparison", comparison, ComparisonName)
    x, y = _triangle(first, "first"), _triangle(second, "second")
    if len(x) != len(y):
        raise InputError(f"first has {len(x)} pairs of samples and second has {len(y)}")
    if comparison == "whitened-cosine":
        x, y = _doubly_centred(x), _doubly_centred(y)
    elif comparison == "pearson":
        x, y = x - x.mean(), y - y.mean()
    elif comparison in ("spearman", "kendall"):
        x, y = (average_ranks(each[:, None])[:, 0] - (len(each) + 1) / 2 for each in (x, y))
    return kendall(x, y) if comparison == "kendall" else vector_correlation(x, y)


def _ordered(options: RsaOptions) -> DissimilarityName:
    # Euclidean distances are ordered as their squares are.
    return "squared-euclidean" if options.dissimilarity == "euclidean" else options.dissimilarity


def _ranks(shared: Shared, i: int, options: RsaOptions) -> RankTiles:
    name = VIEWS[options.dissimilarity]

    def make() -> RankTiles:
        values = entries(dissimilarity_tiles(shared.view(i, name), _ordered(options)), shared.edges)
        return RankTiles(rank_dissimilarities(values), shared.edges)

    return shared.once(("rank tiles", i, name), make)


def _binned(shared: Shared, i: int, options: RsaOptions) -> BinnedRankTiles:
    name = VIEWS[options.dissimilarity]
    return shared.once(
        ("binned rank tiles", i, name),
        lambda: BinnedRankTiles(dissimilarity_tiles(shared.view(i, name), _ordered(options)), shared.edges),
    )


def _sampled(shared: Shared, i: int, options: RsaOptions, count: int) -> Iterator[torch.Tensor]:
    pairs = sampled_pairs(shared.n, count, shared.seed)
    return sampled_entries(shared.view(i, VIEWS[options.dissimilarity]), _ordered(options), pairs)


def _sampled_table(shared: Shared, i: int, options: RsaOptions, count: int) -> RankTable:
    key = ("sampled ranks", i, VIEWS[options.dissimilarity], count)
    return shared.once(key, lambda: RankTable(_sampled(shared, i, options, count)))


def _sampled_ranks(shared: Shared, i: int, options: RsaOptions, count: int) -> torch.Tensor:
    def make() -> torch.Tensor:
        values = torch.cat(list(_sampled(shared, i, options, count)))
        return (rank_dissimilarities(values) - (count + 1) / 2).to(torch.float32)

    return shared.once(("sampled ranks to compare", i, VIEWS[options.dissimilarity], count), make)


def _tie_caution(shared: Shared, tied: Mapping[int, torch.Tensor]) -> list[str]:
    found = []
    for k, lost in tied.items():
        if FEW_TIES < float(lost) < 1 - FEW_TIES:
            name = shared.rows[k].name
            found.append(f"dissimilarities of {name} tie, which takes {float(lost):.2g} of the spread of their ranks")
    return found


def _without_interval(value: float, shared: Shared, i: int, j: int, facts: dict[str, Any]) -> Score:
    if math.isnan(value):
        names = " or ".join(dict.fromkeys(shared.rows[each].name for each in (i, j)))
        return score("rsa", math.nan, reason=f"all dissimilarities of {names} are the same", **facts)
    return score("rsa", value, chance=Chance(mean=0.0, method="closed form, over all pairings of rows"), **facts)


def _triangle(values: Any, name: str) -> torch.Tensor:
    matrix = as_matrix(values, name, least_rows=1).values.to(torch.float64)
    if matrix.shape[1] == 1:
        vector = matrix[:, 0]
        n = round((1 + math.sqrt(1 + 8 * len(vector))) / 2)
        if n * (n - 1) // 2 != len(vector):
            raise InputError(f"{name} has {len(vector)} entries, which is not n (n − 1) / 2")
        return vector
    if matrix.shape[0] != matrix.shape[1] or not torch.allclose(matrix, matrix.T):
        raise InputError(f"{name}, of shape {tuple(matrix.shape)}, is not symmetric")
    rows, columns = np.triu_indices(len(matrix), 1)
    return matrix[torch.from_numpy(rows), torch.from_numpy(columns)]


def _doubly_centred(vector: torch.Tensor) -> torch.Tensor:
    n = round((1 + math.sqrt(1 + 8 * len(vector))) / 2)
    matrix = torch.zeros(n, n, dtype=vector.dtype, device=vector.device)
    rows, columns = np.triu_indices(n, 1)
    matrix[torch.from_numpy(rows), torch.from_numpy(columns)] = vector
    matrix = matrix + matrix.T
    means = matrix.mean(0)
    return (matrix - means[:, None] - means[None, :] + means.mean()).flatten()
