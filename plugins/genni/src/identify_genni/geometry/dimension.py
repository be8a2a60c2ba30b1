"""The dimension of a class of equivalent parameters, estimated from points on it: local PCA and TwoNN."""

from __future__ import annotations

import attrs
import torch
from scipy.special import gammaincinv

from identify_genni.geometry.projection import Projected, project
from identify_genni.geometry.residual import Residual

# A cloud that shrank below this part of the radius that it was drawn with is a point.
_POINT = 1e-4
_DEPENDENCE = 1.5
_UNRELIABLE = 10


@attrs.frozen(kw_only=True)
class Estimate:
    """An estimated dimension.

    Args:
        value: the estimate.
        low: lower end of its interval.
        high: upper end.
        limited: whether too few points were drawn to see more dimensions, so that it is a lower bound.
    """

    value: float
    low: float
    high: float
    limited: bool = False


def cloud(
    residual: Residual,
    vector: torch.Tensor,
    *,
    count: int,
    radius: float,
    tolerance: float,
    generator: torch.Generator,
    rank_tolerance: float = 1e-6,
) -> Projected:
    """Points of {J ≤ tolerance} near a solution: normal steps in all directions, each projected back.

    Nothing is presupposed of the class: where its dimension is below the Jacobian's nullity, the cloud collapses.

    Args:
        residual: of the network.
        vector: a solution, (P,).
        count: points drawn; those that do not arrive are left out.
        radius: root mean square length of the steps.
        tolerance: of J.
        generator: on the CPU.
        rank_tolerance: as in `project`.
    """
    drawn = torch.randn(count, len(vector), generator=generator, dtype=torch.float64).to(vector)
    started = vector + radius / len(vector) ** 0.5 * drawn
    found = project(residual, started, tolerance=tolerance, rank_tolerance=rank_tolerance)
    return Projected(
        vectors=found.vectors[found.arrived],
        losses=found.losses[found.arrived],
        arrived=found.arrived,
        jacobians=found.jacobians,
    )


def local_pca(points: torch.Tensor, radius: float, *, threshold: float = 0.1) -> tuple[Estimate, torch.Tensor]:
    """The number of principal axes of a local cloud that are long.

    Args:
        points: (n, P).
        radius: with which the cloud was drawn; a cloud much smaller than that is a point, of dimension 0.
        threshold: axes longer than this part of the longest count; the interval is from twice to half of it.

    Returns:
        The estimate, and the standard deviations along the axes, longest first. Beyond a quarter of the number of
        points the axes of a sample differ too much in length to be counted, and the estimate is called limited.
    """
    lengths = torch.linalg.svdvals(points - points.mean(0)) / max(1, len(points) - 1) ** 0.5
    if len(lengths) == 0 or float(lengths[0]) * points.shape[1] ** 0.5 < _POINT * radius:
        return Estimate(value=0, low=0, high=0), lengths
    counts = [int((lengths > part * threshold * lengths[0]).sum()) for part in (2.0, 1.0, 0.5)]
    limited = counts[1] > len(points) / 4
    return Estimate(value=counts[1], low=counts[0], high=counts[2], limited=limited), lengths


def two_nearest_neighbours(points: torch.Tensor, radius: float, *, confidence: float = 0.95) -> Estimate:
    """TwoNN: the maximum-likelihood dimension from the ratios of each point's two nearest distances.

    Facco, d'Errico, Rodriguez & Laio 2017, equation 5. The sum of n independent log ratios has the distribution
    Gamma(n, 1/d); mutual neighbours make them dependent, so the interval is that of 1.5 times fewer, which covers
    the truth as often as it says on normal clouds. Above about 10 dimensions a few hundred points give too little.

    Args:
        points: (n, P), drawn independently; repeated points are left out.
        radius: as in `local_pca`.
        confidence: of the interval.
    """
    centred = points - points.mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)  # distances need no more than these coordinates
    scores = left * sizes
    if len(points) < 3 or float(scores.norm()) / len(points) ** 0.5 < _POINT * radius:
        return Estimate(value=0, low=0, high=0)
    distances = torch.cdist(scores, scores, compute_mode="donot_use_mm_for_euclid_dist")
    distances.fill_diagonal_(float("inf"))
    nearest = distances.topk(2, largest=False).values
    nearest = nearest[nearest[:, 0] > 0]
    logarithms = float((nearest[:, 1] / nearest[:, 0]).log().sum())
    n = len(nearest)
    shape = n / _DEPENDENCE
    ends = ((1 - confidence) / 2, (1 + confidence) / 2)
    low, high = (float(gammaincinv(shape, part)) * _DEPENDENCE / logarithms for part in ends)
    return Estimate(value=(n - 1) / logarithms, low=low, high=high, limited=low > _UNRELIABLE)
