"""Measures of shared neighbours: mutual nearest neighbours, the Jaccard index, and alignment restricted to them."""

from __future__ import annotations

import math
from typing import Any

import torch

from identify_core import Chance, Score
from identify_measures.catalogue import measure
from identify_measures.jackknife import jackknife
from identify_measures.options.samplewise import CknnaOptions, NeighbourOptions
from identify_measures.samplewise.neighbours import (
    Neighbours,
    SimilarityName,
    chance_overlap,
    masked_criteria,
    shared_counts,
)
from identify_measures.samplewise.shared import Shared, share_arrays
from identify_measures.scoring import score

_BLOCKS = 20


def mutual_knn(x: Any, y: Any, *, k: int = 10, similarity: SimilarityName = "cosine", interval: bool = False) -> Score:
    """The part of a sample's k nearest neighbours that both representations share, averaged over samples.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        k: neighbours, at most n − 1.
        similarity: `cosine`, `inner-product`, or `euclidean` for the smallest distance.
        interval: whether to give one.

    Raises:
        InputError: the arrays are no paired matrices of finite real numbers.

    Source: Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987, appendix A.
    """
    options = NeighbourOptions(k=k, similarity=similarity, interval=interval)
    return score_neighbours("mutual-knn", share_arrays(x, y), 0, 1, options)


def jaccard(x: Any, y: Any, *, k: int = 10, similarity: SimilarityName = "cosine", interval: bool = False) -> Score:
    """Neighbours that both representations share over all that either has, averaged over samples.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        k: neighbours, at most n − 1.
        similarity: `cosine`, `inner-product`, or `euclidean` for the smallest distance.
        interval: whether to give one.

    Raises:
        InputError: the arrays are no paired matrices of finite real numbers.

    Source: Klabunde, Schumacher, Strohmaier & Lemmerich 2025, arXiv 2305.06329, section 3.4.
    """
    return score_neighbours(
        "jaccard", share_arrays(x, y), 0, 1, NeighbourOptions(k=k, similarity=similarity, interval=interval)
    )


def score_neighbours(name: str, shared: Shared, i: int, j: int, options: NeighbourOptions) -> Score:
    """The score of one pair, of `mutual-knn` or of `jaccard`."""
    k = options.k
    facts = shared.facts(i, j) | {
        "estimator": f"{k} nearest neighbours by {options.similarity.replace('-', ' ')}, self excluded"
    }
    if options.similarity == "euclidean":
        facts["invariant_to"] = ("similarity",)
    if k > shared.n - 1:
        return score(name, math.nan, reason=_too_few(shared.n, k), **facts)
    found = [shared.neighbours(each, options.similarity, k) for each in (i, j)]
    counts = shared_counts(found[0].indices, found[1].indices).to(torch.float64)
    each_row = counts / k if name == "mutual-knn" else counts / (2 * k - counts)
    value = float(each_row.mean())
    overlap, index = chance_overlap(shared.n, k)
    return score(
        name,
        value,
        interval=_interval(name, value, each_row) if options.interval else None,
        chance=Chance(mean=overlap if name == "mutual-knn" else index),
        warnings=_warnings(shared, i, j, found),
        **facts,
    )


def cknna(x: Any, y: Any, *, k: int = 10, chance_draws: int = 0, seed: int = 0) -> Score:
    """Alignment of inner products restricted to pairs of samples that are neighbours in both representations.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        k: neighbours by inner product, from 2 to n − 1.
        chance_draws: random pairings of the rows from which chance is estimated.
        seed: of those draws.

    Raises:
        InputError: the arrays are no paired matrices of finite real numbers.

    Source: Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987, appendix A; without its 1e-6 in the denominator.
    """
    return score_cknna(share_arrays(x, y, seed=seed), 0, 1, CknnaOptions(k=k, chance_draws=chance_draws))


def score_cknna(shared: Shared, i: int, j: int, options: CknnaOptions) -> Score:
    """The score of one pair."""
    k, n = options.k, shared.n
    facts = shared.facts(i, j) | {
        "estimator": f"unbiased criterion of uncentred inner products, masked to {k} nearest neighbours, self excluded"
    }
    if k > n - 1 or n < 4:
        return score("cknna", math.nan, reason=_too_few(n, max(k, 3)), **facts)
    x, y = (shared.rows[each].all() for each in (i, j))
    found = [shared.neighbours(each, "inner-product", k) for each in (i, j)]
    cross, own, other = masked_criteria(x, y, *found)
    if own <= 0 or other <= 0:
        culprits = [shared.rows[each].name for each, term in ((i, own), (j, other)) if term <= 0]
        reason = f"the term of {' and of '.join(dict.fromkeys(culprits))} with itself is not positive"
        return score("cknna", math.nan, reason=reason, **facts)
    return score(
        "cknna",
        cross / math.sqrt(own * other),
        chance=_chance(x, y, found, math.sqrt(own * other), options.chance_draws, shared.seed),
        warnings=_warnings(shared, i, j, found),
        **facts,
    )


def _chance(
    x: torch.Tensor, y: torch.Tensor, found: list[Neighbours], scale: float, draws: int, seed: int
) -> Chance | None:
    if not draws:
        return None
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(draws):
        order = torch.randperm(len(y), generator=generator).to(y.device)
        back = order.argsort()
        shuffled = Neighbours(indices=back[found[1].indices[order]].sort(dim=1).values)
        values.append(masked_criteria(x, y[order], found[0], shuffled)[0] / scale)
    drawn = torch.tensor(values, dtype=torch.float64)
    return Chance(
        mean=float(drawn.mean()),
        deviation=float(drawn.std()) if draws > 1 else math.nan,
        method=f"{draws} random pairings of the rows",
    )


def _interval(name: str, value: float, each_row: torch.Tensor) -> Any:
    n = len(each_row)
    if n < 4 * _BLOCKS:
        return None
    order = torch.randperm(n, generator=torch.Generator().manual_seed(n)).to(each_row.device)
    parts = torch.tensor_split(each_row[order], _BLOCKS)
    total = float(each_row.sum())
    left = [(total - float(part.sum())) / (n - len(part)) for part in parts]
    return jackknife(
        value, left, measure(name).bounds, blocks="random blocks of rows", kept="neighbours among all rows kept"
    )


def _too_few(n: int, k: int) -> str:
    return f"{n} rows are too few for {k} neighbours besides the sample itself"


def _warnings(shared: Shared, i: int, j: int, found: list[Neighbours]) -> list[str]:
    return [
        f"{each.directionless} rows of {shared.rows[which].name} are zero and have no direction"
        for which, each in zip((i, j), found, strict=True)
        if each.directionless
    ]
