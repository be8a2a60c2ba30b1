"""Dense maps: rotations, similarities and linear maps, fitted from triangular factors of the moments."""

from __future__ import annotations

import scipy.linalg
import torch

from identify_measures.ladder.maps import DenseMap
from identify_measures.ladder.moments import Moments


def fit_isometry(moments: Moments, *, centred: bool, scaled: bool) -> DenseMap:
    """The best rotation or reflection (Schönemann 1966), with the best common scale where `scaled`.

    Where widths differ, the rotation acts on the wider space and the narrower representation is padded with zeros.
    """
    x, _ = moments.factors(centred=centred)
    source, target = moments.origins(centred=centred)
    rotation, norm = moments.polar(centred=centred)
    scale = 1.0
    if scaled:
        size = float(x.square().sum())
        scale = norm / size if size > 0 else 0.0
    return DenseMap(matrix=scale * rotation, source=source, target=target, stretch=scale)


def fit_linear(moments: Moments, *, centred: bool, rank_tolerance: float) -> tuple[DenseMap, int]:
    """Least squares, of minimum norm where several maps are as good, and the rank that was found.

    Pivoted QR with a complete orthogonal factorisation (LAPACK's gelsy): directions smaller than `rank_tolerance` times
    the spread of the data count as absent, also where a large mean makes the largest direction much larger than that.
    """
    x, y = moments.factors(centred=centred)
    source, target = moments.origins(centred=centred)
    spread, size = float(moments.x[1:].square().sum()) ** 0.5, float(x.square().sum()) ** 0.5
    cut = rank_tolerance * (spread / size if spread > 0 else 1.0)
    matrix, rank = least_squares(x, y, cut)
    return DenseMap(matrix=matrix, source=source, target=target), rank


def least_squares(x: torch.Tensor, y: torch.Tensor, cut: float) -> tuple[torch.Tensor, int]:
    """The W of minimum norm that minimises |x W − y|, shape (d, e), and the rank of x, (k, d)."""
    if not bool(x.any()):
        return torch.zeros(x.shape[1], y.shape[1], dtype=x.dtype, device=x.device), 0
    solution, _, rank, _ = scipy.linalg.lstsq(
        x.cpu().numpy(), y.cpu().numpy(), cond=cut, lapack_driver="gelsy", check_finite=False
    )
    return torch.from_numpy(solution).to(x.device), int(rank)
