"""The space of curves: clamped cubic B-splines that vanish at both ends, in a basis orthonormal in the energy.

With n equal segments the splines of degree 3 on a clamped knot vector have dimension n + 3; without the first and the
last function, which alone are not 0 at the ends, n + 1 remain. They span the study's null space of piecewise cubics
with two continuous derivatives. The basis is changed so that ∫ B_i' B_j' = δ_ij: then the energy of a flat space is
|θ|² and every mode has the same curvature.
"""

from __future__ import annotations

import functools
from typing import Any

import attrs
import numpy as np
import torch

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Curves:
    """Curves c(t) = a + t (b − a) + Σ_i B_i(t) θ_i at fixed nodes.

    Args:
        segments: n.
        nodes: t, (T,), in (0, 1).
        weights: of the quadrature over [0, 1], (T,).
        values: B at the nodes, (T, K).
        slopes: B' at the nodes, (T, K).
    """

    segments: int
    nodes: torch.Tensor
    weights: torch.Tensor
    values: torch.Tensor
    slopes: torch.Tensor

    @property
    def dimension(self) -> int:
        """K = n + 1."""
        return self.values.shape[1]

    def points(self, a: torch.Tensor, b: torch.Tensor, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Points and velocities at the nodes, (P, T, d) each.

        Args:
            a: starts, (P, d).
            b: ends, (P, d).
            theta: (P, K, d).
        """
        chord = (b - a)[:, None]
        return (
            a[:, None] + self.nodes[:, None] * chord + torch.einsum("tk,pkd->ptd", self.values, theta),
            chord + torch.einsum("tk,pkd->ptd", self.slopes, theta),
        )

    def to(self, like: torch.Tensor) -> Curves:
        """The same on the device and in the type of another tensor."""
        moved = {name: getattr(self, name).to(like) for name in ("nodes", "weights", "values", "slopes")}
        return attrs.evolve(self, **moved)


def gauss_curves(segments: int, nodes: int) -> Curves:
    """Curves at `nodes` Gauss-Legendre nodes in each segment."""
    inner, mass = np.polynomial.legendre.leggauss(nodes)
    left = np.arange(segments)[:, None] / segments
    t = (left + (inner + 1) / (2 * segments)).ravel()
    return curves_at(segments, t, np.tile(mass / (2 * segments), segments))


def curves_at(segments: int, t: Array, weights: Array) -> Curves:
    """Curves at given nodes t in [0, 1], (T,)."""
    values, slopes = basis_at(segments, t)
    arrays = {"nodes": t, "weights": weights, "values": values, "slopes": slopes}
    return Curves(
        segments=segments, **{name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in arrays.items()}
    )


def basis_at(segments: int, t: Array, derivatives: int = 1) -> tuple[Array, ...]:
    """The orthonormal basis and its derivatives at t, (T, n + 1) each."""
    spline = _spline(segments)
    change = _orthonormal(segments)
    return tuple((spline if order == 0 else spline.derivative(order))(t) @ change for order in range(derivatives + 1))


def refine(theta: torch.Tensor, segments: int) -> torch.Tensor:
    """The same curves (P, n + 1, d) with twice as many segments, (P, 2n + 1, d): every spline is one of those, too."""
    return torch.einsum("jk,pkd->pjd", torch.from_numpy(_embedding(segments, 2 * segments)).to(theta), theta)


def fit_curves(points: torch.Tensor, a: torch.Tensor, b: torch.Tensor, segments: int) -> torch.Tensor:
    """Coefficients (P, n + 1, d) of the curves nearest in least squares to polylines (P, T, d) at equal times."""
    t = np.linspace(0.0, 1.0, points.shape[1])
    values = torch.from_numpy(np.ascontiguousarray(basis_at(segments, t)[0])).to(points)
    line = a[:, None] + torch.from_numpy(t).to(points)[:, None] * (b - a)[:, None]
    inverse = torch.linalg.pinv(values)
    return torch.einsum("kt,ptd->pkd", inverse, points - line)


def _knots(segments: int) -> Array:
    return np.concatenate([np.zeros(3), np.linspace(0.0, 1.0, segments + 1), np.ones(3)])


@functools.cache
def _spline(segments: int) -> Any:
    from scipy.interpolate import BSpline

    return BSpline(_knots(segments), np.eye(segments + 3)[:, 1:-1], 3)


@functools.cache
def _orthonormal(segments: int) -> Array:
    """The change of basis C with Cᵀ S C = 1 for the stiffness matrix S = ∫ B' B'ᵀ, smooth modes first."""
    inner, mass = np.polynomial.legendre.leggauss(4)
    t = (np.arange(segments)[:, None] / segments + (inner + 1) / (2 * segments)).ravel()
    slopes = _spline(segments).derivative()(t)
    stiffness = slopes.T @ (np.tile(mass / (2 * segments), segments)[:, None] * slopes)
    values, vectors = np.linalg.eigh(stiffness)
    change: Array = vectors / np.sqrt(values)
    return change


@functools.cache
def _embedding(segments: int, finer: int) -> Array:
    t = np.linspace(0.0, 1.0, 8 * finer + 1)
    embedding: Array = np.linalg.lstsq(basis_at(finer, t)[0], basis_at(segments, t)[0], rcond=None)[0]
    return embedding
