"""Lipschitz maps: least squares under a bound on the spectral norm, with a certificate of how far from the best it is.

minimise ½|X W − Y|² subject to |W|₂ ≤ L by accelerated projected gradients (Beck & Teboulle, SIAM J. Imaging Sciences
2, 2009) that restart when the objective rises (O'Donoghue & Candès, Foundations of Computational Mathematics 15, 2015).
The projection clips singular values at L. With G the gradient at W, no W' within the bound does better by more than
⟨G, W⟩ + L |G|_* (Frank-Wolfe gap, Jaggi, ICML 2013): that is the certificate.

The class holds non-linear maps as well. A residual that passes is proof that one of its maps fits; one that does not
says that no affine map of the class does.
"""

from __future__ import annotations

import attrs
import torch

from identify_measures.rungs.dense import column_units, least_squares
from identify_measures.rungs.maps import DenseMap
from identify_measures.rungs.moments import Moments

_STEPS = 2000
_STEPS_BETWEEN_GAPS = 10


@attrs.frozen(kw_only=True, eq=False)
class Bounded:
    """A map within the bound, and how far from the best it can be.

    Args:
        map: the map.
        gap: what the best map within the bound could save, as a part of the variance of the fit part.
        steps: gradient steps taken.
    """

    map: DenseMap
    gap: float
    steps: int


def fit_bounded(moments: Moments, *, bound: float, gap: float, rank_tolerance: float) -> Bounded:
    """The best affine map with spectral norm at most `bound`.

    Args:
        moments: of the fit part.
        bound: L.
        gap: the part of the target's variance that may at most be left to gain.
        rank_tolerance: for the start from unbounded least squares.
    """
    x, y = (each.cpu() for each in moments.factors(centred=True))
    source, target = moments.origins(centred=True)
    size = float(y.square().sum())
    start, _ = least_squares(x, y, column_units(x, x), rank_tolerance)
    if float(torch.linalg.matrix_norm(start, 2)) <= bound or size == 0:
        return Bounded(map=DenseMap(matrix=start.to(source.device), source=source, target=target), gap=0.0, steps=0)
    matrix, left, steps = _descend(x, y, _clip(start, bound), bound, gap * size)
    return Bounded(
        map=DenseMap(matrix=matrix.to(source.device), source=source, target=target), gap=left / size, steps=steps
    )


def _descend(
    x: torch.Tensor, y: torch.Tensor, start: torch.Tensor, bound: float, enough: float
) -> tuple[torch.Tensor, float, int]:
    """Accelerated projected gradients from `start`: the map, what could still be gained of |xW − y|², and the steps."""
    square, cross = x.T @ x, x.T @ y
    step = 1 / float(torch.linalg.eigvalsh(square)[-1])
    best = ahead = start
    momentum, value = 1.0, _value(square, cross, start)
    left = float("inf")
    for count in range(1, _STEPS + 1):
        following = _clip(ahead - step * (square @ ahead - cross), bound)
        new_value = _value(square, cross, following)
        if new_value > value:
            following = _clip(best - step * (square @ best - cross), bound)
            new_value, momentum = _value(square, cross, following), 1.0
        new_momentum = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = following + (momentum - 1) / new_momentum * (following - best)
        best, momentum, value = following, new_momentum, new_value
        if count % _STEPS_BETWEEN_GAPS == 0:
            gradient = square @ best - cross
            # The objective here is half the squared error.
            left = 2 * float((gradient * best).sum() + bound * torch.linalg.matrix_norm(gradient, "nuc"))
            if left <= enough:
                break
    return best, max(left, 0.0), count


def _value(square: torch.Tensor, cross: torch.Tensor, matrix: torch.Tensor) -> float:
    return float((matrix * (0.5 * (square @ matrix) - cross)).sum())


def _clip(matrix: torch.Tensor, bound: float) -> torch.Tensor:
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    clipped: torch.Tensor = u @ (s.clamp(max=bound)[:, None] * vt)
    return clipped
