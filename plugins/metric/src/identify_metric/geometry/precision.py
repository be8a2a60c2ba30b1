"""The predecessor's model of uncertainty: a decoder's σ grows away from the data, by radial basis functions.

1 / σ² (z) = W exp(−λ_k |z − c_k|² / 2) + ζ with W ≥ 0 (Arvanitidis, Hansen & Hauberg, Latent space oddity, ICLR 2018,
arXiv 1710.11379, section 4): near the centres the precision is high, far from them ζ. With the decoder's mean, the
metric is Jμᵀ Jμ + Jσᵀ Jσ, so that geodesics keep to the data.
"""

from __future__ import annotations

import torch
from torch import nn

from identify_core import OptionsError, minimise

_LEAST = 1e-3


class RbfPrecision(nn.Module):
    """σ(z) of each feature, (n, d) -> (n, D).

    Args:
        centres: (K, d).
        rates: λ, (K,).
        weights: W, (D, K), at least 0.
        floor: ζ, the precision far from the data.
    """

    centres: torch.Tensor
    rates: torch.Tensor
    weights: torch.Tensor

    def __init__(self, centres: torch.Tensor, rates: torch.Tensor, weights: torch.Tensor, floor: float) -> None:
        super().__init__()
        self.register_buffer("centres", centres)
        self.register_buffer("rates", rates)
        self.register_buffer("weights", weights)
        self.floor = floor

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Standard deviations, (n, D)."""
        precision: torch.Tensor = _basis(z, self.centres, self.rates) @ self.weights.mT + self.floor
        return precision.rsqrt()


def _basis(z: torch.Tensor, centres: torch.Tensor, rates: torch.Tensor) -> torch.Tensor:
    squares = (z[:, None] - centres).square().sum(2)
    return torch.exp(-rates * squares / 2)


def fit_precision(
    z: torch.Tensor,
    residuals: torch.Tensor,
    *,
    centres: int = 32,
    width: float = 1.25,
    floor: float = 1e-2,
    iterations: int = 100,
    seed: int = 0,
) -> RbfPrecision:
    """The precision that explains residuals of a trained decoder best, feature by feature: maximum likelihood.

    Args:
        z: encoded samples, (n, d).
        residuals: x − μ(z), (n, D).
        centres: K, found by k-means.
        width: of a basis function, in parts of the mean distance of a centre to its samples.
        floor: ζ, the precision far from the data.
        iterations: of L-BFGS at most.
        seed: of k-means.

    Raises:
        OptionsError: there are fewer samples than centres.
    """
    from sklearn.cluster import KMeans

    if len(z) < centres:
        raise OptionsError(f"{centres} centres are wanted, and there are {len(z)} samples")
    clusters = KMeans(centres, n_init=1, random_state=seed).fit(z.double().cpu().numpy())
    middle = torch.from_numpy(clusters.cluster_centers_).to(z)
    label = torch.from_numpy(clusters.labels_).long().to(z.device)
    apart = (z - middle[label]).norm(dim=1)
    mean = torch.stack([apart[label == k].mean() for k in range(centres)])
    rates = 1 / (width * mean.clamp_min(float(mean.max()) * _LEAST)).square()
    basis, squares = _basis(z, middle, rates), residuals.square().mT

    def objective(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        precision = points.exp() @ basis.mT + floor
        return (precision * squares[rows] - precision.log()).mean(1) / 2

    level = 1 / squares.mean(1, keepdim=True).clamp_min(_LEAST**2)
    start = level.log().expand(-1, centres).contiguous()
    found = minimise(objective, start, iterations=iterations)
    return RbfPrecision(middle, rates, found.points.exp(), floor)
