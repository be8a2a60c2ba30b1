"""Frame: the coordinates of a representation that the model is fitted in, and the rank that it turns out to have."""

from __future__ import annotations

import math
from typing import Literal

import attrs
import torch

from identify_core import OptionsError
from identify_mtlcm.causal.residuals import Residuals
from identify_mtlcm.causal.statistics import Moments, TaskStatistics

Standardise = Literal["none", "coordinates", "zca"]
_ROUNDING = 1e-24  # of a coordinate's mean square: it does not vary in float64
_TOLERANCE = 1e-14  # of an eigenvalue of the correlations, for each coordinate
_LEVEL = 0.01


@attrs.frozen(kw_only=True, eq=False)
class Frame:
    """Coordinates S h of a representation h of width d.

    Args:
        scaling: S, (r, d), of full row rank r.
        lift: (d, r): S lift = I, and lift S h = h for every row about its centre.
        complement: an orthonormal basis of the directions in which no row varies, (d, d - r).
    """

    scaling: torch.Tensor
    lift: torch.Tensor
    complement: torch.Tensor

    @property
    def rank(self) -> int:
        """r."""
        return len(self.scaling)

    def mixing(self, mixing: torch.Tensor) -> torch.Tensor:
        """A of h, (d, d), from A of S h, (r, r): what does not vary makes latents that are zero on every row."""
        return torch.cat([self.lift @ mixing, self.complement], dim=1)


def frame_of(statistics: TaskStatistics, moments: Moments, standardise: Standardise) -> Frame:
    """The coordinates that an option asks for, on the directions in which the rows vary.

    The rank is the number of eigenvalues of the correlation matrix above d · 10⁻¹⁴ of the largest, so that it depends
    neither on the units of the coordinates nor on a mixing with a condition number of up to about 10⁶.

    Raises:
        OptionsError: the representation is constant.
    """
    pooled, d = moments.pooled(), moments.width
    diagonal = torch.diagonal(pooled)
    varying = diagonal > _ROUNDING * statistics.centre.square()
    sizes = torch.where(varying, diagonal.sqrt(), 1.0)
    correlations = torch.where(varying[:, None] & varying, pooled / (sizes[:, None] * sizes), 0.0)
    spectrum, vectors = torch.linalg.eigh(correlations)
    kept = spectrum > d * _TOLERANCE * spectrum[-1]
    rank = int(kept.sum()) if bool(varying.any()) else 0
    if rank == 0:
        raise OptionsError("the representation is the same on every row: there are no latents to be found in it")
    eye = torch.eye(d, dtype=pooled.dtype, device=pooled.device)
    if rank == d:
        complement = eye[:, :0]
        basis = eye
    else:
        whole = torch.linalg.qr(sizes[:, None] * vectors[:, kept], mode="complete").Q
        basis, complement = whole[:, :rank], whole[:, rank:]
    if standardise == "zca":
        values, axes = torch.linalg.eigh(basis.T @ pooled @ basis)
        axes = basis @ axes
        rotation = axes.T if rank < d else eye
        scaling = rotation @ (axes * values.rsqrt()) @ axes.T
        lift = (axes * values.sqrt()) @ axes.T @ rotation.T
    elif standardise == "coordinates":
        onto = eye if rank == d else torch.linalg.qr(basis / sizes[:, None]).Q
        scaling, lift = onto.T / sizes, sizes[:, None] * onto
    else:
        scaling, lift = basis.T, basis
    return Frame(scaling=scaling, lift=lift, complement=complement)


def task_rank(residuals: Residuals, whitening: torch.Tensor, counts: torch.Tensor) -> int:
    """How many directions of h the targets know of beyond sampling error.

    The slopes of h on y, whitened by the pooled residual covariance and times √s_t, are a (T, d) matrix whose errors
    have variance 1; errors alone have no singular value above √T + √d + τ, but with probability exp(−τ²/2) (Davidson &
    Szarek 2001).

    Args:
        residuals: of the representation, with the slopes.
        whitening: of the pooled residual covariance, (d, d).
        counts: n, (T,).
    """
    scaled = (residuals.powers * counts).sqrt()[:, None] * (residuals.slopes @ whitening.T)
    bound = math.sqrt(residuals.count) + math.sqrt(residuals.width) + math.sqrt(2 * math.log(1 / _LEVEL))
    return int((torch.linalg.svdvals(scaled) > bound).sum())
