"""The ellipsoid that the Jacobian predicts for {J ≤ ε} around a solution, and how well the real set follows it."""

from __future__ import annotations

import attrs
import torch

from identify_genni.geometry.null_space import row_space
from identify_genni.geometry.residual import Residual


@attrs.frozen(kw_only=True, eq=False)
class Ellipsoid:
    """{δ : |∂ρ/∂θ δ|² ≤ ε}: bounded in the row space, unbounded along the null space.

    Args:
        axes: orthonormal directions (P, rank), the shortest semi-axis first.
        lengths: semi-axes √ε / σ, (rank,), with σ the singular values of ∂ρ/∂θ. In terms of the Jacobian of the m
            stacked outputs they are √(ε m) / σ.
        epsilon: ε.
    """

    axes: torch.Tensor
    lengths: torch.Tensor
    epsilon: float

    def boundary(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Random points δ on its boundary within the row space, (count, P)."""
        drawn = torch.randn(count, len(self.lengths), generator=generator, dtype=torch.float64).to(self.axes)
        points: torch.Tensor = (drawn / drawn.norm(dim=1, keepdim=True) * self.lengths) @ self.axes.T
        return points


def ellipsoid(residual: Residual, vector: torch.Tensor, epsilon: float, *, rank_tolerance: float = 1e-6) -> Ellipsoid:
    """The ellipsoid of Gauss–Newton at a parameter vector (P,).

    Args:
        residual: of the network.
        vector: θ; the prediction is meant for J(θ) ≪ ε.
        epsilon: ε, an absolute value of J.
        rank_tolerance: singular values below this part of the largest count as zero.
    """
    axes, sizes = row_space(residual.jacobians(vector[None])[0], rank_tolerance)
    return Ellipsoid(axes=axes, lengths=epsilon**0.5 / sizes, epsilon=epsilon)


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
