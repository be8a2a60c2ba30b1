"""What linear maps explain: R² of least squares, and the distance between what two ridge regressions can predict."""

from __future__ import annotations

import math

import torch

from identify_core import ByRole, Chance
from identify_measures.linear.measuring import Formula, Gradient, Undefined, require_variance
from identify_measures.options.linear import GulpOptions, RegressionOptions
from identify_measures.statistics.derived import Statistics, Subset


def r2(statistics: Statistics, i: int, j: int, subset: Subset | None, options: RegressionOptions) -> float:
    """R² of the least-squares map from representation i to representation j."""
    if options.held_out:
        return _average(*_held_out(statistics, i, j, subset, options), options)
    require_variance(statistics, j, j, subset)
    total = statistics.variances(j, subset)
    if statistics.trace(i, subset) == 0.0:
        return 0.0
    if options.average == "variance":
        spread = statistics.principal(j, subset).values
        explained = statistics.whitened(i, j, subset).square() @ spread
        return float(explained.sum() / spread.sum())
    return _average(statistics.explained(i, j, subset).square().sum(dim=0), total, options)


def _held_out(
    statistics: Statistics, i: int, j: int, subset: Subset | None, options: RegressionOptions
) -> tuple[torch.Tensor, torch.Tensor]:
    """Explained and total sums of squares of each output on the rows that were not fitted on, shapes (q,)."""
    if statistics.blocks < 2:
        raise Undefined("held-out rows need at least two blocks of rows")
    fit, test = statistics.halves(subset)
    if options.average != "variance" and statistics.members[j].width > statistics.rows():
        raise Undefined(f"{statistics.members[j].label} has more columns than rows: ask for the average by variance")
    require_variance(statistics, j, j, test)
    principal = statistics.principal(i, fit)
    if principal.rank == 0:
        raise Undefined(f"all rows of {statistics.members[i].label} that are fitted on are the same")
    whitener = principal.whitener()
    slope = whitener @ (whitener.T @ statistics.products(i, j, fit))
    n = statistics.rows(test)
    x, y = statistics.mean(i, test) - statistics.mean(i, fit), statistics.mean(j, test) - statistics.mean(j, fit)
    cross = statistics.products(i, j, test) + n * torch.outer(x, y)
    inputs = statistics.products(i, i, test) + n * torch.outer(x, x)
    total = statistics.products(j, j, test).diagonal()
    residual = total + n * y.square() - 2 * (slope * cross).sum(dim=0) + (slope * (inputs @ slope)).sum(dim=0)
    return total - residual, total


def _average(explained: torch.Tensor, total: torch.Tensor, options: RegressionOptions) -> float:
    if options.average == "variance":
        return float(explained.sum() / total.sum())
    varying = total > 0
    each = explained[varying] / total[varying]
    return float((each.clamp_min(0.0).sqrt() if options.average == "root" else each).mean())


def _r2_chance(statistics: Statistics, i: int, j: int, options: RegressionOptions) -> Chance | None:
    if options.held_out:
        return None
    n, rank = statistics.rows(), statistics.principal(i).rank
    if options.average == "root":
        # Of normal latents, R² is Beta(rank / 2, (n − 1 − rank) / 2).
        halves = ((rank + 1) / 2, (n - 1) / 2, rank / 2, n / 2)
        a, b, c, d = (math.lgamma(each) if each > 0 else math.inf for each in halves)
        return Chance(mean=min(1.0, math.exp(a + b - c - d)), method="closed form, for normal latents")
    return Chance(mean=min(1.0, rank / (n - 1)), method="closed form")


def _r2_gradient(statistics: Statistics, i: int, j: int, options: RegressionOptions) -> Gradient | None:
    if options.held_out or options.average != "variance":
        return None
    whitener = statistics.principal(i).whitener()
    cross = statistics.products(i, j)
    slope = whitener @ (whitener.T @ cross)
    total = statistics.trace(j)
    value = float((slope * cross).sum()) / total
    identity = torch.eye(len(cross.T), dtype=cross.dtype, device=cross.device)
    return Gradient(xy=2 * slope / total, xx=-slope @ slope.T / total, yy=-value / total * identity)


def gulp(statistics: Statistics, i: int, j: int, subset: Subset | None, options: GulpOptions) -> float:
    """The squared GULP distance.

    In principal coordinates, with a = s / (s + λ) of the covariance eigenvalues s: Σ a_x² + Σ a_y² − 2 a_xᵀ T² a_y.
    """
    require_variance(statistics, i, j, subset)
    shrunk = []
    for k in (i, j):
        values = statistics.principal(k, subset).values
        share = values / values.sum()
        shrunk.append(share / (share + options.ridge))
    overlap = statistics.whitened(i, j, subset).square()
    value = shrunk[0].square().sum() + shrunk[1].square().sum() - 2 * shrunk[0] @ overlap @ shrunk[1]
    return max(0.0, float(value))


def _gulp_chance(statistics: Statistics, i: int, j: int, options: GulpOptions) -> Chance:
    shares = [statistics.principal(k).values / statistics.principal(k).values.sum() for k in (i, j)]
    x, y = (each / (each + options.ridge) for each in shares)
    mean = x.square().sum() + y.square().sum() - 2 * x.sum() * y.sum() / (statistics.rows() - 1)
    return Chance(mean=max(0.0, float(mean)), method="closed form")


_AVERAGES = {
    "variance": "outputs weighted by their variance",
    "uniform": "mean over outputs that vary",
    "root": "mean over outputs of √R²",
}

LINEAR_R2 = Formula(
    name="linear-r2",
    value=r2,
    estimator=lambda options: (
        f"from the first to the second; {_AVERAGES[options.average]}; "
        + ("fitted on one half of the rows, judged on the other" if options.held_out else "in sample")
    ),
    chance=_r2_chance,
    gradient=_r2_gradient,
    invariant_to=lambda options: (
        None if options.average == "variance" else ByRole(source=("affine",), target=("permutation-scaling",))
    ),
    equilibrates=lambda options: (0,) if options.average == "variance" else (0, 1),
    whitens=True,
)
GULP = Formula(
    name="gulp",
    value=gulp,
    estimator=lambda options: f"squared; λ = {options.ridge:g}, mean squared row norm one",
    chance=_gulp_chance,
    invariant_to=lambda options: ("affine",) if options.ridge == 0.0 else ("similarity",),
    equilibrates=lambda options: (0, 1) if options.ridge == 0.0 else (),
    whitens=True,
)
