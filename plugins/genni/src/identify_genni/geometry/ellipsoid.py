"""The ellipsoid that the Jacobian predicts for {J ≤ ε} around a solution, and how well the real set follows it."""

from __future__ import annotations

import attrs
import torch

from identify_genni.geometry.null_space import count_above
from identify_genni.geometry.residual import Residual

_MOST_EXACT = 1e9  # multiplications of a singular value decomposition; beyond, a Gram matrix is several times faster


@attrs.frozen(kw_only=True, eq=False)
class Ellipsoid:
    """{δ : |∂ρ/∂θ δ|² ≤ ε}: bounded in the row space, unbounded along the null space.

    Args:
        rows: ∂ρ/∂θ, (m, P), or the axes themselves, (rank, P).
        mixtures: (m, rank); `rows.T @ mixtures` are the orthonormal axes, the shortest semi-axis first. They are never
            made, since points on the boundary need only products. None where `rows` are the axes.
        lengths: semi-axes √ε / σ, (rank,), with σ the singular values of ∂ρ/∂θ. In terms of the Jacobian of the m
            stacked outputs they are √(ε m) / σ.
        epsilon: ε.
    """

    rows: torch.Tensor
    mixtures: torch.Tensor | None
    lengths: torch.Tensor
    epsilon: float

    def boundary(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Random points δ on its boundary within the row space, (count, P)."""
        drawn = torch.randn(count, len(self.lengths), generator=generator, dtype=torch.float64).to(self.rows)
        scaled = drawn / drawn.norm(dim=1, keepdim=True) * self.lengths
        mixed = scaled if self.mixtures is None else scaled @ self.mixtures.T
        points: torch.Tensor = mixed @ self.rows
        return points

    def scaled(self, part: float) -> Ellipsoid:
        """The ellipsoid of `part` times ε."""
        return attrs.evolve(self, lengths=self.lengths * part**0.5, epsilon=self.epsilon * part)


def ellipsoid(residual: Residual, vector: torch.Tensor, epsilon: float, *, rank_tolerance: float = 1e-6) -> Ellipsoid:
    """The ellipsoid of Gauss–Newton at a parameter vector (P,).

    Args:
        residual: of the network.
        vector: θ; the prediction is meant for J(θ) ≪ ε.
        epsilon: ε, an absolute value of J.
        rank_tolerance: singular values below this part of the largest count as zero.
    """
    rows = residual.jacobians(vector[None])[0]
    tall = rows.shape[0] > rows.shape[1]
    if tall and rows.numel() * rows.shape[1] <= _MOST_EXACT:
        _, sizes, axes = torch.linalg.svd(rows, full_matrices=False)
    else:
        squares, vectors = torch.linalg.eigh(rows.T @ rows if tall else rows @ rows.T)
        sizes, axes = squares.flip(0).clamp(min=0).sqrt(), vectors.flip(1).T
    rank = count_above(sizes, max(rank_tolerance, 1e-7))
    sizes, axes = sizes[:rank], axes[:rank]
    lengths = epsilon**0.5 / sizes
    if tall:
        return Ellipsoid(rows=axes, mixtures=None, lengths=lengths, epsilon=epsilon)
    return Ellipsoid(rows=rows, mixtures=axes.T / sizes, lengths=lengths, epsilon=epsilon)


def sampled_ratios(
    residual: Residual, vector: torch.Tensor, shape: Ellipsoid, *, count: int, generator: torch.Generator
) -> torch.Tensor:
    """J(θ + δ) / ε at random points δ of the boundary, (count,): 1 where the prediction is exact.

    Args:
        residual: of the network.
        vector: θ, (P,).
        shape: the ellipsoid at θ.
        count: how many points.
        generator: on the CPU.
    """
    if len(shape.lengths) == 0:
        return vector.new_zeros(0)
    return residual.losses(vector + shape.boundary(count, generator)) / shape.epsilon
