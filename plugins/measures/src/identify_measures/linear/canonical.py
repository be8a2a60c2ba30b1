"""Canonical correlations, exactly: the singular values of the product of two orthonormal bases."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from identify_core import ByRole, Chance
from identify_measures.linear.measuring import Formula, Gradient, require_variance
from identify_measures.options.linear import PwccaOptions, SvccaOptions
from identify_measures.statistics.derived import Statistics, Subset

_NODES = 500  # of the quadrature of Wachter's law


def correlations(statistics: Statistics, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
    """The canonical correlations, descending, shape (min(r_x, r_y),).

    Raises:
        Undefined: one representation never varies.
    """
    require_variance(statistics, i, j, subset)
    rho: torch.Tensor = torch.linalg.svdvals(statistics.whitened(i, j, subset))
    return rho.clamp(0.0, 1.0)


def _of_correlations(summary: Callable[[torch.Tensor, int, int], torch.Tensor]) -> Callable[..., float]:
    def value(statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any) -> float:
        rho = correlations(statistics, i, j, subset)
        return float(summary(rho, *_ranks(statistics, i, j, subset)))

    return value


def _gradient_of_correlations(
    slope: Callable[[torch.Tensor, int, int], torch.Tensor],
) -> Callable[[Statistics, int, int, Any], Gradient]:
    """The derivative of a sum over canonical correlations.

    In coordinates where both covariances are the identity, ρ = uᵀTv moves by
    uᵀ(dC_xy)v − ρ (uᵀ(dC_xx)u + vᵀ(dC_yy)v) / 2.
    """

    def gradient(statistics: Statistics, i: int, j: int, options: Any) -> Gradient:
        u, rho, vt = torch.linalg.svd(statistics.whitened(i, j), full_matrices=False)
        x, y = statistics.principal(i).whitener() @ u, statistics.principal(j).whitener() @ vt.T
        weight = slope(rho, *_ranks(statistics, i, j, None))
        return Gradient(
            xy=(x * weight) @ y.T, xx=-0.5 * (x * (weight * rho)) @ x.T, yy=-0.5 * (y * (weight * rho)) @ y.T
        )

    return gradient


def _ranks(statistics: Statistics, i: int, j: int, subset: Subset | None) -> tuple[int, int]:
    return statistics.principal(i, subset).rank, statistics.principal(j, subset).rank


def _chance_of_squares(scale: Callable[[int, int], float]) -> Callable[[Statistics, int, int, Any], Chance]:
    def chance(statistics: Statistics, i: int, j: int, options: Any) -> Chance:
        # E tr(P_x P P_y Pᵀ) = r_x r_y / (n − 1) for the projections onto the two column spaces.
        p, q = _ranks(statistics, i, j, None)
        return Chance(mean=p * q / (statistics.rows() - 1) / scale(p, q), method="closed form")

    return chance


def _chance_of_mean(statistics: Statistics, i: int, j: int, options: Any) -> Chance:
    return mean_by_chance(statistics, *_ranks(statistics, i, j, None))


def mean_by_chance(statistics: Statistics, p: int, q: int, components: int | None = None) -> Chance:
    """The mean canonical correlation of unrelated frames of p and q vectors, or of the largest of them."""
    mean = expected_mean_correlation(p, q, statistics.rows() - 1, components)
    return Chance(mean=mean, method="Wachter's law, for many rows")


def expected_mean_correlation(
    p: int,
    q: int,
    dimensions: int,
    components: int | None = None,
    of: Callable[[torch.Tensor], torch.Tensor] = torch.sqrt,
) -> float:
    """The mean canonical correlation of unrelated frames of p and q vectors in so many dimensions, when all are large.

    ρ² follows Wachter's law: with a = p / n and b = q / n, a ≤ b, it has the density
    √((λ₊ − λ)(λ − λ₋)) / (2π a λ (1 − λ)) between λ± = (√(a(1 − b)) ± √(b(1 − a)))², and an atom at 1 of weight
    (a + b − 1) / a where a + b > 1 (Wachter 1980, Annals of Statistics 8(5)).

    Args:
        p: vectors of one frame.
        q: of the other.
        dimensions: of the space, n.
        components: how many of the largest; all of them where nothing is said.
        of: the function of ρ² whose mean it is, 1 at 1.
    """
    a, b = sorted((p / dimensions, q / dimensions))
    if a <= 0.0:
        return 0.0
    if b >= 1.0:
        return 1.0
    centre, radius = a + b - 2 * a * b, 2 * math.sqrt(a * b * (1 - a) * (1 - b))
    # λ = centre + radius cos t takes the square root's edges out: Chebyshev's rule is exact to rounding.
    t = (torch.arange(_NODES, dtype=torch.float64) + 0.5) * (math.pi / _NODES)
    law = (centre + radius * t.cos()).clamp(1e-300, 1.0)
    density = (radius * t.sin()).square() / (2 * math.pi * a * law * (1 - law).clamp_min(1e-300))
    atom = max(0.0, (a + b - 1) / a)
    wanted = 1.0 if components is None else min(1.0, components / min(p, q))
    # The largest come first: of what is left below the atom, so much of each node as is still wanted.
    weights = density * (math.pi / _NODES)
    if components is not None:
        weights = torch.minimum(weights, (wanted - atom - weights.cumsum(0) + weights).clamp_min(0.0))
    return min(1.0, (float((weights * of(law)).sum()) + min(atom, wanted)) / wanted)


def _keep(values: torch.Tensor, variance: float) -> int:
    """The fewest leading components whose squared singular values hold this part of the variance."""
    shares = values.cumsum(0) / values.sum()
    return min(len(values), int((shares < variance * (1 - 1e-12)).sum()) + 1)


def _svcca_chance(statistics: Statistics, i: int, j: int, options: SvccaOptions) -> Chance:
    p, q = (_keep(statistics.principal(k).values, options.variance) for k in (i, j))
    return mean_by_chance(statistics, p, q)


def svcca(statistics: Statistics, i: int, j: int, subset: Subset | None, options: SvccaOptions) -> float:
    """Mean canonical correlation of the leading principal components."""
    require_variance(statistics, i, j, subset)
    p, q = (_keep(statistics.principal(k, subset).values, options.variance) for k in (i, j))
    rho = torch.linalg.svdvals(statistics.whitened(i, j, subset)[:p, :q]).clamp(0.0, 1.0)
    return float(rho.mean())


def pwcca(statistics: Statistics, i: int, j: int, subset: Subset | None, options: PwccaOptions) -> float:
    """Canonical correlations weighted by what their variates explain of one side."""
    require_variance(statistics, i, j, subset)
    widths = statistics.members[i].width, statistics.members[j].width
    side = options.side if options.side != "smaller" else ("y" if widths[1] < widths[0] else "x")
    first, second = (i, j) if side == "x" else (j, i)
    u, rho, _ = torch.linalg.svd(statistics.whitened(first, second, subset), full_matrices=False)
    # ⟨h, x_j⟩ of each canonical variate h with each column, from what the left singular vectors explain of them.
    weights = (u.T @ statistics.explained(first, first, subset)).abs().sum(dim=1)
    return float((weights * rho.clamp(0.0, 1.0)).sum() / weights.sum())


CCA = Formula(
    name="cca",
    value=_of_correlations(lambda rho, p, q: rho.mean()),
    estimator=lambda options: "exact; mean over the smaller rank",
    chance=_chance_of_mean,
    gradient=_gradient_of_correlations(lambda rho, p, q: torch.full_like(rho, 1 / min(p, q))),
    equilibrates=lambda options: (0, 1),
    whitens=True,
)
CCA_R2 = Formula(
    name="cca-r2",
    value=_of_correlations(lambda rho, p, q: rho.square().mean()),
    estimator=lambda options: "exact; mean square over the smaller rank",
    chance=_chance_of_squares(lambda p, q: min(p, q)),
    gradient=_gradient_of_correlations(lambda rho, p, q: 2 * rho / min(p, q)),
    equilibrates=lambda options: (0, 1),
    whitens=True,
)
YANAI = Formula(
    name="yanai",
    value=_of_correlations(lambda rho, p, q: rho.square().sum() / math.sqrt(p * q)),
    estimator=lambda options: "exact; over the geometric mean of the ranks",
    chance=_chance_of_squares(lambda p, q: math.sqrt(p * q)),
    gradient=_gradient_of_correlations(lambda rho, p, q: 2 * rho / math.sqrt(p * q)),
    equilibrates=lambda options: (0, 1),
    whitens=True,
)
PILLAI = Formula(
    name="pillai",
    value=_of_correlations(lambda rho, p, q: rho.square().sum()),
    estimator=lambda options: "exact; the sum",
    chance=_chance_of_squares(lambda p, q: 1.0),
    gradient=_gradient_of_correlations(lambda rho, p, q: 2 * rho),
    equilibrates=lambda options: (0, 1),
    whitens=True,
)
SVCCA = Formula(
    name="svcca",
    value=svcca,
    chance=_svcca_chance,
    estimator=lambda options: f"components with {100 * options.variance:g} % of the variance (squared singular values)",
    whitens=True,
)
_PWCCA_INVARIANCE: dict[str, tuple[str, ...] | ByRole] = {
    "y": ByRole(source=("affine",), target=("signed-permutation",)),
    "smaller": ("signed-permutation",),
}
PWCCA = Formula(
    name="pwcca",
    value=pwcca,
    # Of unrelated rows the variates lie at random, whatever their correlations: weights do not change the mean.
    chance=_chance_of_mean,
    estimator=lambda options: (
        "weighted by the narrower representation, the first on equal widths"
        if options.side == "smaller"
        else f"weighted by {options.side}"
    ),
    invariant_to=lambda options: _PWCCA_INVARIANCE.get(options.side),
    whitens=True,
)
