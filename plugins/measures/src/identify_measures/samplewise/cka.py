"""CKA beyond linear kernels and whole data: Gaussian kernels, and unbiased sums over minibatches."""

from __future__ import annotations

import math
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

_JACKKNIFE_GROUPS = 20


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
        InputError: the arrays are no paired matrices of finite real numbers.

    Source: Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414, section 3.
    """
    options = GaussianOptions(factor=factor, sigma=sigma, debiased=debiased, interval=interval)
    return score_rbf_cka(share_arrays(x, y, seed=seed), 0, 1, options)


def score_rbf_cka(shared: Shared, i: int, j: int, options: GaussianOptions) -> Score:
    """The score of one pair."""
    widths = [_width(shared, each, options) for each in (i, j)]
    facts = shared.facts(i, j) | {"estimator": _estimator(shared, options)}
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
        return sum_pairs(tiles, shared.n)

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
        return options.sigma
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


def minibatch_cka(x: Any, y: Any, *, batch: int = 256, interval: bool = False) -> Score:
    """Linear CKA from unbiased estimates summed over equal batches, in the order of the rows.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        batch: rows a batch, at least 4; a short last batch is dropped.
        interval: whether to give one.

    Raises:
        InputError: the arrays are no paired matrices of finite real numbers.

    Source: Nguyen, Raghu & Kornblith 2021, arXiv 2010.15327, equation 4.
    """
    return score_minibatch_cka(share_arrays(x, y), 0, 1, MinibatchOptions(batch=batch, interval=interval))


def score_minibatch_cka(shared: Shared, i: int, j: int, options: MinibatchOptions) -> Score:
    """The score of one pair."""
    batches = shared.n // options.batch
    facts = shared.facts(i, j) | {
        "estimator": f"sums of the unbiased criterion over {batches} batches of {options.batch} rows in their order",
        "n": batches * options.batch,
    }
    if batches == 0:
        reason = f"{shared.n} rows make no batch of {options.batch}"
        return score("minibatch-cka", math.nan, reason=reason, **(facts | {"n": shared.n}))
    groups = shared.once(("minibatches", options.batch), lambda: _batch_groups(shared, options.batch))
    values = _ratio(groups.sum(0))
    value = float(values[i, j])
    if math.isnan(value):
        return score("minibatch-cka", math.nan, reason=undefined(shared, values, i, j), **facts)
    rest = shared.n - batches * options.batch
    found = None
    if options.interval and len(groups) >= 5:
        left = [float(_ratio(groups.sum(0) - group)[i, j]) for group in groups]
        found = jackknife(value, left, measure("minibatch-cka").bounds, blocks="groups of batches")
    return score(
        "minibatch-cka",
        value,
        interval=found,
        chance=Chance(mean=0.0, method="closed form"),
        warnings=[f"the last {rest} rows make no whole batch and are dropped"] if rest else [],
        **facts,
    )


def _batch_groups(shared: Shared, batch: int) -> torch.Tensor:
    """Σ HSIC_u(K_i, L_i) over groups of batches, of all pairs, shape (groups, M, M)."""
    batches = shared.n // batch
    groups = torch.zeros(min(batches, _JACKKNIFE_GROUPS), len(shared.rows), len(shared.rows), dtype=torch.float64)
    for index in range(batches):
        kernels = []
        for rows in shared.rows:
            block = rows.doubles(index * batch, (index + 1) * batch)
            # The unbiased criterion does not see the mean; rounding does.
            block = block - block.mean(0)
            kernels.append(_u_centred(block @ block.T).flatten())
        stacked = torch.stack(kernels)
        groups[index % len(groups)] += (stacked @ stacked.T).cpu() / (batch * (batch - 3))
    return groups


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
