"""Mean correlation coefficients: single latents matched one to one by Pearson's correlation, before or after a CCA."""

from __future__ import annotations

import math

import attrs
import torch
from scipy.optimize import linear_sum_assignment

from identify_core import Chance
from identify_measures.linear import canonical
from identify_measures.linear.measuring import Formula, Undefined, require_variance
from identify_measures.options.linear import MatchingOptions, WeakMatchingOptions
from identify_measures.statistics.derived import Statistics, Subset
from identify_measures.statistics.resident import ResidentRows

_TIE = 1e-3


def correlations(statistics: Statistics, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
    """Pearson's correlation of every pair of latents, shape (p, q); 0 where one of them is constant."""
    x, y = statistics.variances(i, subset), statistics.variances(j, subset)
    return _divide(statistics.column_products(i, j, subset), x, y)


def _divide(products: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    scaled = products / torch.where(x > 0, x, torch.inf).sqrt()[:, None] / torch.where(y > 0, y, torch.inf).sqrt()
    return scaled.clamp(-1.0, 1.0)


def match(strength: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The best one-to-one assignment of rows to columns of a strength matrix, rectangular or square."""
    rows, columns = linear_sum_assignment(strength.cpu().numpy(), maximize=True)
    return torch.from_numpy(rows), torch.from_numpy(columns)


def matched_mean(fitted: torch.Tensor, judged: torch.Tensor) -> float:
    """Mean absolute correlation of the pairs that are matched best by another, or the same, correlation matrix."""
    rows, columns = match(fitted.abs())
    return float(judged.abs().cpu()[rows, columns].mean())


def strong(statistics: Statistics, i: int, j: int, subset: Subset | None, options: MatchingOptions) -> float:
    """The mean correlation coefficient of the latents as they are."""
    require_variance(statistics, i, j, subset)
    if not options.held_out:
        both = correlations(statistics, i, j, subset)
        return matched_mean(both, both)
    fit, test = _parts(statistics, subset)
    return matched_mean(correlations(statistics, i, j, fit), correlations(statistics, i, j, test))


def weak(statistics: Statistics, i: int, j: int, subset: Subset | None, options: WeakMatchingOptions) -> float:
    """The mean correlation coefficient of canonical variates.

    On the rows that the CCA was fitted on, they correlate with their partners only.
    """
    require_variance(statistics, i, j, subset)
    fit, test = _parts(statistics, subset) if options.held_out else (subset, None)
    require_variance(statistics, i, j, fit)
    u, rho, vt = torch.linalg.svd(statistics.whitened(i, j, fit), full_matrices=False)
    count = min(options.components or len(rho), len(rho))
    if not options.held_out:
        return float(rho[:count].clamp(0.0, 1.0).mean())
    x = statistics.principal(i, fit).whitener() @ u[:, :count]
    y = statistics.principal(j, fit).whitener() @ vt[:count].T
    products, own, other = (
        a.T @ statistics.products(k, m, test) @ b for a, k, m, b in ((x, i, j, y), (x, i, i, x), (y, j, j, y))
    )
    judged = _divide(products, own.diagonal(), other.diagonal())
    return matched_mean(torch.diag(rho[:count]), judged)


def weak_of_ranks(statistics: Statistics, i: int, j: int, subset: Subset | None, options: WeakMatchingOptions) -> float:
    """The mean rank correlation of canonical variates; from rows that are at hand."""
    if not isinstance(statistics, ResidentRows):
        raise Undefined("ranks need all rows in memory, and these are read block by block")
    require_variance(statistics, i, j, subset)
    fit, test = _parts(statistics, subset) if options.held_out else (subset, subset)
    u, rho, vt = torch.linalg.svd(statistics.whitened(i, j, fit), full_matrices=False)
    count = min(options.components or len(rho), len(rho))
    directions = (
        statistics.principal(i, fit).whitener() @ u[:, :count],
        statistics.principal(j, fit).whitener() @ vt[:count].T,
    )
    variates = [statistics.coordinates(k).to(each) @ each for k, each in zip((i, j), directions, strict=True)]
    fitted, judged = (_rank_correlations(variates, statistics, part) for part in (fit, test))
    return matched_mean(fitted, judged)


def _rank_correlations(variates: list[torch.Tensor], statistics: ResidentRows, subset: Subset | None) -> torch.Tensor:
    ranks = []
    for each in variates:
        rows = each if subset is None else statistics.take(each, subset)
        from scipy.stats import rankdata  # takes a second to import, and most runs need no ranks

        ranked = torch.from_numpy(rankdata(rows.cpu().numpy(), axis=0))
        ranks.append(ranked - ranked.mean(dim=0))
    return _divide(ranks[0].T @ ranks[1], ranks[0].square().sum(dim=0), ranks[1].square().sum(dim=0))


def _parts(statistics: Statistics, subset: Subset | None) -> tuple[Subset, Subset]:
    if statistics.blocks < 2:
        raise Undefined("held-out rows need at least two blocks of rows")
    return statistics.halves(subset)


def _split(options: MatchingOptions) -> str:
    return "matched on one half of the rows, correlated on the other" if options.held_out else "in sample"


def _components(options: WeakMatchingOptions) -> str:
    return f"{options.components} components" if options.components else "as many components as the smaller rank"


def _ties_held_out(statistics: Statistics, i: int, j: int, options: WeakMatchingOptions) -> list[str]:
    """On the rows that the CCA was fitted on the mean is that of the canonical correlations, whatever the variates."""
    return _ties(statistics, i, j, options) if options.held_out else []


def _ties(statistics: Statistics, i: int, j: int, options: WeakMatchingOptions) -> list[str]:
    """Where canonical correlations tie, any rotation of their variates is as good, and says something else."""
    rho = torch.linalg.svdvals(statistics.whitened(i, j))[: options.components]
    tied = int((rho.diff().abs() < _TIE).sum())
    return [f"{tied} neighbouring canonical correlations tie: their variates are not unique"] if tied else []


def _weak_chance(statistics: Statistics, i: int, j: int, options: WeakMatchingOptions) -> Chance:
    if options.held_out:
        return chance_held_out(statistics.rows(_parts(statistics, None)[1]))
    p, q = statistics.principal(i).rank, statistics.principal(j).rank
    return canonical.mean_by_chance(statistics, p, q, options.components)


def _weak_chance_of_ranks(statistics: Statistics, i: int, j: int, options: WeakMatchingOptions) -> Chance:
    """Spearman's correlation of two normal variables is 6 arcsin(ρ / 2) / π (Pearson 1907)."""
    if options.held_out:
        return chance_held_out(statistics.rows(_parts(statistics, None)[1]))
    p, q = statistics.principal(i).rank, statistics.principal(j).rank
    mean = canonical.expected_mean_correlation(
        p, q, statistics.rows() - 1, options.components, lambda squares: (squares.sqrt() / 2).asin() * (6 / math.pi)
    )
    return Chance(mean=mean, method="Wachter's law, for many rows and normal latents")


def chance_held_out(n: int) -> Chance:
    """Mean absolute correlation of unrelated normal variables over n rows: r² is Beta(1/2, (n − 2) / 2).

    One row has no correlation, and nothing is known of its chance.
    """
    if n < 2:
        return Chance(mean=math.nan, method="closed form, for normal latents")
    mean = math.exp(math.lgamma((n - 1) / 2) - math.lgamma(n / 2)) / math.sqrt(math.pi)
    return Chance(mean=min(1.0, mean), method="closed form, for normal latents")


PEARSON_MCC = Formula(
    name="pearson-mcc",
    value=strong,
    estimator=lambda options: f"Pearson, Hungarian assignment, {_split(options)}",
    cheap=True,
)
WEAK_MCC = Formula(
    name="weak-mcc",
    value=weak,
    chance=_weak_chance,
    estimator=lambda options: f"Pearson, after an exact CCA to {_components(options)}, {_split(options)}",
    warnings=_ties_held_out,
    equilibrates=lambda options: (0, 1),
    whitens=True,
)
WEAK_MCC_OF_RANKS = Formula(
    name="weak-mcc",
    value=weak_of_ranks,
    chance=_weak_chance_of_ranks,
    estimator=lambda options: f"Spearman, after an exact CCA to {_components(options)}, {_split(options)}",
    warnings=_ties,
    equilibrates=lambda options: (0, 1),
    whitens=True,
)


def weak_formula(options: WeakMatchingOptions) -> tuple[Formula, WeakMatchingOptions]:
    """The formula that the options ask for, and its options: ranks have no interval, even where it is left open."""
    if options.correlation_of == "values":
        return WEAK_MCC, options
    return WEAK_MCC_OF_RANKS, attrs.evolve(options, interval="never")
