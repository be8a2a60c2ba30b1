"""What sums over tiles say: independence criteria, correlations of dissimilarities, and both under shuffled rows."""

from __future__ import annotations

import attrs
import torch

from identify_measures.samplewise.tiles import Totals

LEAST_ROWS = 4
"""The unbiased estimate divides by n (n − 3)."""


@attrs.frozen(kw_only=True, eq=False)
class Grid:
    """Values of all pairs, with what a random pairing of rows would give.

    Args:
        values: shape (M, M); NaN where a self term is not positive.
        means: expected value under a random pairing, shape (M, M).
        deviations: standard deviation under it, shape (M, M); NaN where it is not known.
    """

    values: torch.Tensor
    means: torch.Tensor
    deviations: torch.Tensor


@attrs.frozen(kw_only=True, eq=False)
class Centred:
    """Symmetric matrices whose rows sum to zero, as far as sums know them.

    Args:
        n: rows; a float, because polynomials of n leave the 64 bits of a tensor's integers from 7,133 rows on.
        products: ⟨A, B⟩ of all pairs, shape (M, M).
        diagonals: A_ii, shape (M, n).
        rounding: below this a ⟨A, A⟩ is zero up to rounding, shape (M,).
    """

    n: float
    products: torch.Tensor
    diagonals: torch.Tensor
    rounding: torch.Tensor


def centred(totals: Totals) -> Centred:
    """HKH for every function K: its products are those of the biased criterion, times (n − 1)²."""
    n, sums = float(totals.n), totals.row_sums + totals.diagonals
    grand = sums.sum(1)
    products = totals.products + totals.diagonal_products
    products = products - 2 / n * sums @ sums.T + torch.outer(grand, grand) / n**2
    diagonals = totals.diagonals - 2 / n * sums + grand[:, None] / n**2
    rounding = _rounding(totals, totals.products + totals.diagonal_products)
    return Centred(n=n, products=products, diagonals=diagonals, rounding=rounding)


def u_centred(totals: Totals) -> Centred:
    """Székely and Rizzo's U-centring: the products are those of the unbiased criterion, times n (n − 3)."""
    n, sums = float(totals.n), totals.row_sums
    grand = sums.sum(1)
    products = totals.products - 2 / (n - 2) * sums @ sums.T + torch.outer(grand, grand) / ((n - 1) * (n - 2))
    zeros = torch.zeros_like(totals.diagonals)
    return Centred(n=n, products=products, diagonals=zeros, rounding=_rounding(totals, totals.products))


def cosines(matrices: Centred) -> Grid:
    """⟨A, B⟩ / √(⟨A, A⟩⟨B, B⟩) of all pairs: centred kernel alignment.

    Means and deviations over all pairings of rows are exact: Kazi-Aoual, Hitier, Sabatier & Lebreton 1995,
    Computational Statistics & Data Analysis 20(6), whose matrices may be any symmetric ones with zero row sums.
    """
    scale = _scale(matrices.products, matrices.rounding)
    means, variances = _shuffled(matrices)
    return Grid(values=matrices.products / scale, means=means / scale, deviations=variances.clamp(min=0).sqrt() / scale)


def correlations(totals: Totals) -> Grid:
    """Pearson's correlations of the entries off the diagonal, of all pairs.

    An entry splits into its row's effect, its column's and a U-centred rest. Under a random pairing of rows the two
    parts are uncorrelated, which gives Mantel's variance (Cancer Research 27, 1967).
    """
    n, sums = float(totals.n), totals.row_sums
    grand = sums.sum(1)
    products = totals.products - torch.outer(grand, grand) / (n * (n - 1))
    scale = _scale(products, _rounding(totals, totals.products))
    effects = (sums - grand[:, None] / n) / max(n - 2, 1)
    spread = effects.square().sum(1)
    deviations = torch.full_like(scale, torch.nan)
    if n >= LEAST_ROWS:
        rest = products.diagonal() - 2 * (n - 2) * spread
        zeros = torch.zeros_like(totals.diagonals)
        _, variances = _shuffled(Centred(n=n, products=torch.diag(rest), diagonals=zeros, rounding=rest))
        variances = variances + (2 * (n - 2)) ** 2 * torch.outer(spread, spread) / (n - 1)
        deviations = variances.clamp(min=0).sqrt() / scale
    return Grid(values=products / scale, means=torch.zeros_like(scale), deviations=deviations)


def uncentred_cosines(totals: Totals) -> Grid:
    """Cosines of the entries off the diagonal, of all pairs."""
    n, shifts = float(totals.n), totals.shifts
    grand = totals.row_sums.sum(1)
    products = totals.products + torch.outer(shifts, grand) + torch.outer(grand, shifts)
    products = products + n * (n - 1) * torch.outer(shifts, shifts)
    scale = _scale(products, torch.zeros_like(shifts))
    sums = grand + n * (n - 1) * shifts
    means = torch.outer(sums, sums) / (n * (n - 1)) / scale
    centred_grid = correlations(totals)
    spread = (totals.products - torch.outer(grand, grand) / (n * (n - 1))).diagonal()
    widths = torch.outer(spread, spread).clamp(min=0).sqrt() / scale
    return Grid(values=products / scale, means=means, deviations=centred_grid.deviations * widths)


def _rounding(totals: Totals, products: torch.Tensor) -> torch.Tensor:
    """What rounding alone leaves of a constant: of the entries where they were made, and of the sums."""
    return 1e-20 * float(totals.n) ** 2 * totals.shifts.square() + 1e-13 * products.diagonal()


def _scale(products: torch.Tensor, rounding: torch.Tensor) -> torch.Tensor:
    own = products.diagonal()
    own = torch.where(own <= rounding, torch.full_like(own, torch.nan), own)
    return torch.outer(own.sqrt(), own.sqrt())


def _shuffled(matrices: Centred) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of ⟨A, PBP'⟩ over all permutations P, of all pairs."""
    n = matrices.n
    traces = matrices.diagonals.sum(1)
    squares = matrices.products.diagonal()
    diagonal = matrices.diagonals.square().sum(1)
    first = (n - 1) * squares - traces.square()
    means = torch.outer(traces, traces) / (n - 1)
    if n < LEAST_ROWS:
        return means, torch.full_like(means, torch.nan)
    second = n * (n + 1) * diagonal - (n - 1) * (traces.square() + 2 * squares)
    variances = 2 * torch.outer(first, first) / ((n - 1) ** 2 * (n + 1) * (n - 2))
    variances = variances + torch.outer(second, second) / ((n + 1) * n * (n - 1) * (n - 2) * (n - 3))
    return means, variances
