"""Measures of shared neighbours: mutual nearest neighbours, the Jaccard index, and alignment restricted to them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch

from identify_core import Chance, Interval, Score
from identify_measures.catalogue import measure
from identify_measures.jackknife import jackknife
from identify_measures.options.samplewise import CknnaOptions, NeighbourOptions
from identify_measures.samplewise.neighbours import (
    Neighbours,
    SimilarityName,
    chance_overlap,
    entries,
    mask_of,
    own_criterion,
    paired_at_random,
    shared_counts,
    shared_criterion,
)
from identify_measures.samplewise.shared import Shared, share_arrays
from identify_measures.scoring import drawn, score
from identify_measures.statistics.reductions import unit_of

_BLOCKS = 20
_FEW_TIES = 0.01  # part of the rows up to which ties are not worth a word
_LARGEST_MASK = 1 << 25
_CHANCE_DRAWS = 10
_CHANCE_ROWS = 256


def mutual_knn(x: Any, y: Any, *, k: int = 10, similarity: SimilarityName = "cosine", interval: bool = False) -> Score:
    """The part of a sample's k nearest neighbours that both representations share, averaged over samples.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        k: neighbours, at most n − 1.
        similarity: `cosine`, `inner-product`, or `euclidean` for the smallest distance.
        interval: whether to give one.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987, appendix A.

    Example:
        >>> from identify_measures import mutual_knn
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(mutual_knn(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
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
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Klabunde, Schumacher, Strohmaier & Lemmerich 2025, arXiv 2305.06329, section 3.4.

    Example:
        >>> from identify_measures import jaccard
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(jaccard(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    return score_neighbours(
        "jaccard", share_arrays(x, y), 0, 1, NeighbourOptions(k=k, similarity=similarity, interval=interval)
    )


def score_neighbours(name: str, shared: Shared, i: int, j: int, options: NeighbourOptions) -> Score:
    """The score of one pair, of `mutual-knn` or of `jaccard`."""
    k = options.k
    facts = shared.facts(name, i, j) | {
        "estimator": f"{k} nearest neighbours by {options.similarity.replace('-', ' ')}, self excluded, "
        "ties counted in part"
    }
    if options.similarity == "euclidean":
        facts["invariant_to"] = ("similarity",)
    if k > shared.n - 1:
        return score(name, math.nan, reason=_too_few(shared.n, k), **facts)
    found = [shared.neighbours(each, options.similarity, k) for each in (i, j)]
    facts["warnings"] += _warnings(shared, i, j, found)
    each_row = _parts(name, shared_counts(*found), k)
    value = float(each_row.mean())
    return score(
        name,
        value,
        interval=_interval(name, value, each_row, shared.parts(_BLOCKS)) if options.interval else None,
        chance=_neighbour_chance(name, shared, found),
        **facts,
    )


def _parts(name: str, shared_count: torch.Tensor, k: int) -> torch.Tensor:
    """What each row contributes; of neighbours in part, the Jaccard index is the expected overlap over the union."""
    return shared_count / k if name == "mutual-knn" else shared_count / (2 * k - shared_count)


def _neighbour_chance(name: str, shared: Shared, found: list[Neighbours]) -> Chance:
    """Exact over all pairings of rows, but for the Jaccard index where neighbours tie, which is not linear."""
    k = found[0].k
    overlap, index = chance_overlap(shared.n, k)
    if name == "mutual-knn":
        return Chance(mean=overlap)
    if all(each.ties is None for each in found):
        return Chance(mean=index)
    generator = torch.Generator().manual_seed(shared.seed)
    counts = [paired_at_random(found[0], found[1], generator, _CHANCE_ROWS) for _ in range(_CHANCE_DRAWS)]
    mean = float(_parts(name, torch.cat(counts), k).mean())
    return Chance(mean=mean, method=f"{_CHANCE_DRAWS} random pairings of the rows, for the ties")


def cknna(x: Any, y: Any, *, k: int = 10, chance_draws: int = 2, seed: int = 0) -> Score:
    """Alignment of inner products restricted to pairs of samples that are neighbours in both representations.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        k: neighbours by inner product, from 2 to n − 1.
        chance_draws: random pairings of the rows from which chance is estimated.
        seed: of those draws.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987, appendix A; without its 1e-6 in the denominator.

    Example:
        >>> from identify_measures import cknna
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(cknna(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    return score_cknna(share_arrays(x, y, seed=seed), 0, 1, CknnaOptions(k=k, chance_draws=chance_draws))


def score_cknna(shared: Shared, i: int, j: int, options: CknnaOptions) -> Score:
    """The score of one pair."""
    k, n = options.k, shared.n
    facts = shared.facts("cknna", i, j) | {
        "estimator": f"unbiased criterion of uncentred inner products, masked to {k} nearest neighbours, self "
        "excluded, ties counted in part"
    }
    if k > n - 1 or n < 4:
        return score("cknna", math.nan, reason=_too_few(n, max(k, 3)), **facts)
    found = [shared.neighbours(each, "inner-product", k) for each in (i, j)]
    facts["warnings"] += _warnings(shared, i, j, found)
    size = max(entries(each) for each in found)
    if size > _LARGEST_MASK:
        reason = (
            f"so many samples tie for the last place that masks would have {size:,} entries, over {_LARGEST_MASK:,}"
        )
        return score("cknna", math.nan, reason=reason, **facts)
    x, y = (_scaled(shared.rows[each].all()) for each in (i, j))
    masks = [shared.once(("mask", each, k), partial(mask_of, which)) for each, which in zip((i, j), found, strict=True)]
    cross = shared_criterion(x, y, masks[0], masks[1])
    own, other = (
        shared.once(("own criterion", which, k), partial(own_criterion, rows, mask))
        for which, rows, mask in zip((i, j), (x, y), masks, strict=True)
    )
    if own <= 0 or other <= 0:
        culprits = [shared.rows[each].name for each, term in ((i, own), (j, other)) if term <= 0]
        reason = f"the term of {' and of '.join(dict.fromkeys(culprits))} with itself is not positive"
        return score("cknna", math.nan, reason=reason, **facts)
    scale = math.sqrt(own) * math.sqrt(other)
    chance = None
    if options.chance_draws:
        generator = torch.Generator().manual_seed(shared.seed)
        values = []
        for _ in range(options.chance_draws):
            order = torch.randperm(n, generator=generator).to(y.device)
            values.append(shared_criterion(x, y[order], masks[0], masks[1].reordered(order)) / scale)
        chance = drawn(values)
    return score("cknna", cross / scale, chance=chance, **facts)


def _scaled(x: torch.Tensor) -> torch.Tensor:
    """Rows in a unit in which no product of squares overflows or vanishes; the measure does not see it."""
    unit = unit_of(x)
    return x if unit == 1 else x / unit


def _interval(name: str, value: float, each_row: torch.Tensor, parts: list[torch.Tensor]) -> Interval | None:
    if len(parts) == 1:
        return None
    n, total = len(each_row), float(each_row.sum())
    left = [(total - float(each_row[part.to(each_row.device)].sum())) / (n - len(part)) for part in parts]
    return jackknife(value, left, measure(name).bounds, kept="neighbours among all rows kept")


def _too_few(n: int, k: int) -> str:
    return f"{n} rows are too few for {k} neighbours besides the sample itself"


def _warnings(shared: Shared, i: int, j: int, found: list[Neighbours]) -> list[str]:
    said = []
    for name, each in {shared.rows[which].name: each for which, each in zip((i, j), found, strict=True)}.items():
        if each.directionless:
            said.append(f"{each.directionless} rows of {name} are zero and have no direction")
        tied = int(each.tied.sum())
        if tied > _FEW_TIES * shared.n:
            said.append(
                f"in {tied} of {shared.n} rows of {name} other rows are as near as the last of the {each.k} "
                f"neighbours: even with itself its overlap is {each.self_overlap():.2g}"
            )
    return said
