"""Fréchet means: the point whose geodesic distances to several points have the least sum of squares."""

from __future__ import annotations

import attrs
import torch

from identify_core import IdentifyError
from identify_metric.geometry.geodesics import geodesics
from identify_metric.geometry.maps import Map
from identify_metric.options.searching import GeodesicSettings

_SHORTER, _SHORTEST = 0.5, 1e-3


@attrs.frozen(kw_only=True, eq=False)
class FrechetMean:
    """A mean and how it was found.

    Args:
        point: (d,).
        variance: the mean of squared distances to it.
        steps: that were taken.
        converged: whether the last step moved it by less than the tolerance, in parts of the root of the variance.
    """

    point: torch.Tensor
    variance: float
    steps: int
    converged: bool


def frechet_mean(
    F: Map,
    z: torch.Tensor,
    *,
    steps: int = 50,
    tolerance: float = 1e-4,
    settings: GeodesicSettings | None = None,
) -> FrechetMean:
    """Walk along the mean of the initial velocities of the geodesics to all points, which is minus half the gradient.

    A step that does not lower the sum of squares is halved. The mean need not be unique; the walk begins at the point
    of smallest sum among the points and their Euclidean mean.

    Args:
        F: z (N, d) -> (N, D').
        z: points, (n, d).
        steps: at most.
        tolerance: at which it has converged.
        settings: of the geodesics.

    Raises:
        IdentifyError: a point is not finite.

    Source: Karcher, Comm. Pure Appl. Math. 30 (1977); Pennec, J. Math. Imaging Vision 25 (2006), section 4.
    """
    if not bool(z.isfinite().all()):
        raise IdentifyError("a mean is taken of finite points, and one is not finite")

    def look(point: torch.Tensor) -> tuple[float, torch.Tensor]:
        found = geodesics(F, point.expand_as(z), z, settings=settings)
        return float(found.length.square().mean()), found.departure.mean(0)

    with torch.no_grad():
        starts = torch.cat([z.mean(0, keepdim=True), z])
        chords = torch.stack([(F(starts) - each).square().sum(1) for each in F(z)]).mean(0)
    point = starts[int(chords.argmin())]
    value, way = look(point)
    size, taken = 1.0, 0
    for taken in range(1, steps + 1):
        moved = point + size * way
        length = float((F(moved[None]) - F(point[None])).norm())
        lower, onward = look(moved)
        if lower <= value:
            point, value, way = moved, lower, onward
            if length <= tolerance * max(value, torch.finfo(z.dtype).tiny) ** 0.5:
                return FrechetMean(point=point, variance=value, steps=taken, converged=True)
        elif size * _SHORTER < _SHORTEST:
            return FrechetMean(point=point, variance=value, steps=taken, converged=True)
        else:
            size *= _SHORTER
    return FrechetMean(point=point, variance=value, steps=taken, converged=False)
