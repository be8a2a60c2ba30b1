"""CKA beyond linear kernels and whole data: Gaussian kernels, and unbiased sums over minibatches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from identify_core import Chance, Score
from identify_measures.catalogue import measure
from identify_measures.jackknife import jackknife
from identify_measures.options.samplewise import GaussianOptions, MinibatchOptions
from identify_measures.samplewise.hsic import LEAST_ROWS, Grid, centred, cosines, u_centred
from identify_measures.samplewise.kernels import MEDIAN_ROWS, GaussianTiles, median_squared_distance
from identify_measures.samplewise.shared import Judged, Shared, share_arrays
from identify_measures.samplewise.tiles import PairSums, Totals, sum_pairs
from identify_measures.scoring import score
from identify_measures.statistics.reductions import unit_of

_JACKKNIFE_GROUPS = 20
_LEAST_GROUPS = 5
_SPANS_A_POOL = 64


def rbf_cka(
    x: Any,
    y: Any,
    *,
    factor: float = 1.0,
    sigma: float | None = None,
    debiased: bool = False,
    interval: bool = False,
    seed: int = 0,
) -> Score:
    """Centred kernel alignment with Gaussian kernels exp(−d² / 2σ²).

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        factor: t in σ = t √median(d²), the median over all n² squared distances, zeros of the diagonal included.
        sigma: an absolute σ in its place.
        debiased: whether every term is estimated without bias.
        interval: whether to give one.
        seed: of the sample of rows that the median is taken from above 4096 rows.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414, section 3.

    Example:
        >>> from identify_measures import rbf_cka
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(rbf_cka(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    options = GaussianOptions(factor=factor, sigma=sigma, debiased=debiased, interval=interval)
    return score_rbf_cka(share_arrays(x, y, seed=seed), 0, 1, options)


def score_rbf_cka(shared: Shared, i: int, j: int, options: GaussianOptions) -> Score:
    """The score of one pair."""
    widths = [_width(shared, each, options) for each in (i, j)]
    facts = shared.facts("rbf-cka", i, j) | {"estimator": _estimator(shared, options)}
    if options.sigma is not None:
        facts["invariant_to"] = ("orthogonal",)
    reason = ""
    if options.debiased and shared.n < LEAST_ROWS:
        reason = f"{shared.n} rows are too few for the unbiased estimate, which needs {LEAST_ROWS}"
    for each, width in zip((i, j), widths, strict=True):
        if width == 0.0:
            reason = f"the median distance between rows of {shared.rows[each].name} is zero"
    if reason:
        return score("rbf-cka", math.nan, reason=reason, **facts)

    def sums() -> PairSums:
        every = [_width(shared, each, options) for each in range(len(shared.rows))]
        # A width of zero has no kernel; whatever stands in for it is never read.
        tiles = [GaussianTiles(view, width or 1.0) for view, width in zip(shared.views("centred"), every, strict=True)]
        return sum_pairs(tiles, shared.n, edges=shared.edges)

    judge = unbiased_alignment if options.debiased else biased_alignment
    judged = shared.judged(("gaussian", options.factor, options.sigma), sums, judge, LEAST_ROWS)
    return score_alignment("rbf-cka", judged, shared, i, j, facts, interval=options.interval, kept="kernel widths kept")


def biased_alignment(totals: Totals) -> Grid:
    """CKA of all pairs."""
    return cosines(centred(totals))


def unbiased_alignment(totals: Totals) -> Grid:
    """Debiased CKA of all pairs."""
    return cosines(u_centred(totals))


def score_alignment(
    name: str,
    judged: Judged,
    shared: Shared,
    i: int,
    j: int,
    facts: dict[str, Any],
    *,
    interval: bool,
    kept: str = "",
    root: bool = False,
) -> Score:
    """One pair's score from the grid of all pairs, or that of the square roots of its values."""
    grid = judged.grid
    value, mean, deviation = (float(each[i, j]) for each in (grid.values, grid.means, grid.deviations))
    if math.isnan(value):
        return score(name, math.nan, reason=undefined(shared, grid.values, i, j), **facts)
    left = judged.left_out[:, i, j]
    chance = Chance(mean=mean, deviation=deviation, method="closed form, over all pairings of rows")
    if root:
        value, left = math.sqrt(max(value, 0.0)), left.clamp(min=0).sqrt()
        chance = Chance(mean=math.sqrt(max(mean, 0.0)), method="root of the closed form of the square")
    found = jackknife(value, left.tolist(), measure(name).bounds, blocks=shared.blocks, kept=kept) if interval else None
    return score(name, value, interval=found, chance=chance, **facts)


def undefined(shared: Shared, values: torch.Tensor, i: int, j: int) -> str:
    """Why a normalised value does not exist: whose term with itself is not positive."""
    culprits = [shared.rows[each].name for each in dict.fromkeys((i, j)) if bool(values[each, each].isnan())]
    return f"the term of {' and of '.join(culprits)} with itself is not positive: its rows do not differ enough"


def _width(shared: Shared, i: int, options: GaussianOptions) -> float:
    if options.sigma is not None:
        return options.sigma / shared.view(i, "centred").unit
    median = shared.once(("median", i), lambda: median_squared_distance(shared.view(i, "centred"), shared.seed))
    return options.factor * math.sqrt(median)


def _estimator(shared: Shared, options: GaussianOptions) -> str:
    kind = "debiased (U-centred)" if options.debiased else "biased"
    if options.sigma is not None:
        return f"{kind}, Gaussian kernel with σ = {options.sigma:g}"
    of = "all n² squared distances"
    if shared.n > MEDIAN_ROWS:
        of = f"the squared distances of {MEDIAN_ROWS} random rows (seed {shared.seed})"
    return f"{kind}, Gaussian kernel with σ = {options.factor:g} √median of {of}"


def minibatch_cka(x: Any, y: Any, *, batch: int = 256, shuffle: bool = True, interval: bool = False) -> Score:
    """Linear CKA from unbiased estimates summed over equal batches.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        batch: rows a batch, at least 4; a short last batch is dropped.
        shuffle: whether batches are random; in the order given, rows sorted by class make batches of one class.
        interval: whether to give one.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Nguyen, Raghu & Kornblith 2021, arXiv 2010.15327, equation 4.
    """
    options = MinibatchOptions(batch=batch, shuffle=shuffle, interval=interval)
    return score_minibatch_cka(share_arrays(x, y), 0, 1, options)


def score_minibatch_cka(shared: Shared, i: int, j: int, options: MinibatchOptions) -> Score:
    """The score of one pair."""
    batches = shared.n // options.batch
    order = _order_in_words(shared, options)
    facts = shared.facts("minibatch-cka", i, j) | {
        "estimator": f"sums of the unbiased criterion over {batches} batches of {options.batch} rows {order}",
        "n": batches * options.batch,
    }
    if batches == 0:
        reason = f"{shared.n} rows make no batch of {options.batch}"
        return score("minibatch-cka", math.nan, reason=reason, **(facts | {"n": shared.n}))
    key = ("minibatches", options.batch, options.shuffle)
    groups = shared.once(key, lambda: _batch_groups(shared, options))
    values = _ratio(groups.sum(0))
    value = float(values[i, j])
    if math.isnan(value):
        return score("minibatch-cka", math.nan, reason=undefined(shared, values, i, j), **facts)
    rest = shared.n - batches * options.batch
    facts["warnings"] += [f"{rest} rows make no whole batch and are dropped"] if rest else []
    found = None
    if options.interval and len(groups) >= _LEAST_GROUPS:
        left = [float(_ratio(groups.sum(0) - group)[i, j]) for group in groups]
        found = jackknife(value, left, measure("minibatch-cka").bounds, blocks="groups of batches")
    return score("minibatch-cka", value, interval=found, chance=Chance(mean=0.0, method="closed form"), **facts)


def _order_in_words(shared: Shared, options: MinibatchOptions) -> str:
    if not options.shuffle:
        return "in their order"
    pools = _pools(shared)
    return "in a random order" if pools == 1 else f"in a random order within {pools} parts, each from all over the data"


def _batch_groups(shared: Shared, options: MinibatchOptions) -> torch.Tensor:
    """Σ HSIC_u(K_i, L_i) over groups of batches, of all pairs, shape (groups, M, M)."""
    batch = options.batch
    batches = shared.n // batch
    groups = torch.zeros(min(batches, _JACKKNIFE_GROUPS), len(shared.rows), len(shared.rows), dtype=torch.float64)
    blocks = shuffled_batches(shared, batch) if options.shuffle else _batches_in_order(shared, batch)
    units: list[float] = []
    for index, block in enumerate(blocks):
        kernels = []
        units = units or [unit_of(each - each.mean(0)) for each in block]
        for each, unit in zip(block, units, strict=True):
            # The unbiased criterion does not see the mean; rounding does.
            rows = each - each.mean(0)
            rows = rows if unit == 1 else rows / unit
            kernels.append(_u_centred(rows @ rows.T).flatten())
        stacked = torch.stack(kernels)
        groups[index % len(groups)] += (stacked @ stacked.T).cpu() / (batch * (batch - 3))
    return groups


def _batches_in_order(shared: Shared, batch: int) -> Iterator[list[torch.Tensor]]:
    for start in range(0, shared.n - batch + 1, batch):
        yield [rows.doubles(start, start + batch) for rows in shared.rows]


def _pools(shared: Shared) -> int:
    """Parts of the rows that are shuffled by themselves: one, unless they do not all fit into memory."""
    return max(1, -(-8 * shared.n * shared.width // shared.budget))


def shuffled_batches(shared: Shared, batch: int) -> Iterator[list[torch.Tensor]]:
    """Random batches of all representations, float64, (batch, d) each; rows that make no whole batch are left.

    Of rows that do not fit into memory, every part takes its share from evenly spaced spans, so that each is like the
    whole even where the data is sorted.
    """
    n, pools = shared.n, _pools(shared)
    spans = pools * _SPANS_A_POOL if pools > 1 else 1
    edges = [round(n * part / spans) for part in range(spans + 1)]
    generator = torch.Generator().manual_seed(n)
    held = [torch.empty(0, rows.width, dtype=torch.float64) for rows in shared.rows]
    for pool in range(pools):
        parts = [(edges[part], edges[part + 1]) for part in range(pool, spans, pools)]
        held = [
            torch.cat([kept.to(rows.read(0, 1).device), *(rows.doubles(start, stop) for start, stop in parts)])
            for kept, rows in zip(held, shared.rows, strict=True)
        ]
        order = torch.randperm(len(held[0]), generator=generator)
        whole = len(order) // batch * batch
        for start in range(0, whole, batch):
            yield [rows[order[start : start + batch].to(rows.device)] for rows in held]
        held = [rows[order[whole:].to(rows.device)] for rows in held]


def _u_centred(kernel: torch.Tensor) -> torch.Tensor:
    n = len(kernel)
    kernel.fill_diagonal_(0.0)
    sums = kernel.sum(0) / (n - 2)
    kernel = kernel - sums[:, None] - sums[None, :] + sums.sum() / (n - 1)
    return kernel.fill_diagonal_(0.0)


def _ratio(products: torch.Tensor) -> torch.Tensor:
    own = products.diagonal()
    own = torch.where(own > 0, own, torch.nan).sqrt()
    return products / torch.outer(own, own)
