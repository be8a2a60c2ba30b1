"""The pull-back metric J_Fᵀ J_F by forward mode, and what it says at a point: volumes, angles, curvature."""

from __future__ import annotations

import math

import attrs
import torch
from torch.func import jvp, vmap

from identify_core import IdentifyError
from identify_metric.geometry.maps import Map, in_blocks

RANK_TOLERANCE = 1e-6
POINTS_AT_ONCE = 1024


def push_forward(F: Map, z: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """F(z) and J_F(z) v at every point.

    Args:
        F: z (N, d) -> (N, D').
        z: points, (N, d).
        v: one tangent vector a point, (N, d).
    """
    pushed: tuple[torch.Tensor, torch.Tensor] = jvp(F, (z.contiguous(),), (v.contiguous(),))  # type: ignore[assignment]
    return pushed


def jacobian(F: Map, z: torch.Tensor) -> torch.Tensor:
    """J_F(z), (N, D', d), by d forward passes with dual numbers."""
    basis = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    columns = vmap(lambda e: push_forward(F, z, e.expand_as(z))[1])(basis)
    return columns.permute(1, 2, 0)


def metric(F: Map, z: torch.Tensor, *, points_at_once: int = POINTS_AT_ONCE) -> torch.Tensor:
    """G(z) = J_Fᵀ J_F, (N, d, d).

    Args:
        F: z (N, d) -> (N, D').
        z: points, (N, d).
        points_at_once: how many Jacobians are held at a time.

    Example:
        >>> import torch
        >>> metric(lambda z: torch.cat([z, 2 * z], dim=1), torch.zeros(1, 2))[0].tolist()
        [[5.0, 0.0], [0.0, 5.0]]
    """

    if isinstance(F, TensorMetric):
        return in_blocks(F.tensor, z, points_at_once)

    def block(z: torch.Tensor) -> torch.Tensor:
        J = jacobian(F, z)
        return torch.einsum("nai,naj->nij", J, J)

    return in_blocks(block, z, points_at_once)


@attrs.frozen(eq=False)
class TensorMetric:
    """A metric that is given point by point, not as the pull-back of a map.

    `metric` and `geodesics` take it in the place of a map; what needs decoded points does not.

    Args:
        tensor: z (N, d) -> G (N, d, d), symmetric, positive semi-definite, differentiable.
    """

    tensor: Map

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        """Raises: there are no decoded points."""
        raise IdentifyError(
            "a metric that is given by its tensor decodes no points",
            hint="metric and geodesics take it; volumes, angles and curvature need a map",
        )


@attrs.frozen(kw_only=True, eq=False)
class LogVolume:
    """The volume element at N points, and how well it is determined.

    Args:
        value: ½ log det G over the directions that count, (N,); NaN where the Jacobian is not finite.
        rank: how many directions count, (N,); 0 there.
        condition: the largest singular value of J over the smallest, (N,); infinite where that is 0.
        latents: how many directions there are.
    """

    value: torch.Tensor
    rank: torch.Tensor
    condition: torch.Tensor
    latents: int

    @property
    def element(self) -> torch.Tensor:
        """√det G, (N,): 0 where a direction is lost."""
        return torch.where((self.rank < self.latents) & ~self.value.isnan(), 0.0, self.value.exp())


def log_volume(F: Map, z: torch.Tensor, *, tolerance: float = RANK_TOLERANCE) -> LogVolume:
    """½ log det G(z), from the singular values of J itself, so that half the digits are not lost in squares.

    Args:
        F: z (N, d) -> (N, D').
        z: points, (N, d).
        tolerance: a direction counts if its singular value is above this part of the largest.
    """

    def values(z: torch.Tensor) -> torch.Tensor:
        J = jacobian(F, z)
        finite = J.isfinite().all(2).all(1)[:, None]
        return torch.where(finite, torch.linalg.svdvals(torch.where(finite[:, None], J, 0.0)), torch.nan)

    singular = in_blocks(values, z, POINTS_AT_ONCE)
    largest = singular[:, :1]
    counts = singular > tolerance * largest
    logs = torch.where(counts | singular.isnan(), singular, 1.0).log()
    missing = z.shape[1] - singular.shape[1]  # fewer outputs than latents: directions that are surely lost
    smallest = torch.zeros_like(largest[:, 0]) if missing > 0 else singular[:, -1]
    condition = torch.where(smallest == 0, torch.inf, largest[:, 0] / smallest)
    return LogVolume(value=logs.sum(1), rank=counts.sum(1), condition=condition, latents=z.shape[1])


def invariant_density(z: torch.Tensor, volumes: torch.Tensor) -> torch.Tensor:
    """log p(z) − ½ log det G, (...,): the density of a standard normal prior with respect to the decoded surface.

    Args:
        z: points, (..., d).
        volumes: ½ log det G there, (...,).
    """
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1) - volumes


def angle(F: Map, z: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The angle between tangent vectors at points, (N,), in radians from 0 to π.

    2 atan2(|a − b|, |a + b|) of the unit vectors a, b along J u and J v: exact near 0 and π, where arccos is not
    (Kahan, How futile are mindless assessments of roundoff, 2006, section 12). NaN where a vector is 0.

    Args:
        F: z (N, d) -> (N, D').
        z: points, (N, d).
        u: (N, d).
        v: (N, d).
    """
    first, second = push_forward(F, z, u)[1], push_forward(F, z, v)[1]
    a = first / torch.linalg.vector_norm(first, dim=1, keepdim=True)
    b = second / torch.linalg.vector_norm(second, dim=1, keepdim=True)
    return 2 * torch.atan2(torch.linalg.vector_norm(a - b, dim=1), torch.linalg.vector_norm(a + b, dim=1))


def second_derivative(F: Map, z: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """d²F(z)[u, v], (N, D'), by forward mode over forward mode."""
    return push_forward(lambda z: push_forward(F, z, u)[1], z, v)[1]


def sectional_curvature(F: Map, z: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The curvature of the plane of u and v, (N,); of two latents it is the Gaussian curvature.

    The equation of Gauss for a surface in Euclidean space: K = (⟨II(u,u), II(v,v)⟩ − |II(u,v)|²) / (|u|²|v|² − ⟨u,v⟩²),
    where II is the part of d²F normal to the surface (do Carmo, Riemannian Geometry, 1992, chapter 6, theorem 2.5).

    Args:
        F: twice differentiable, z (N, d) -> (N, D').
        z: points, (N, d).
        u: (N, d).
        v: (N, d), not parallel to u.
    """
    J = jacobian(F, z)
    Q, _ = torch.linalg.qr(J)

    def normal(bent: torch.Tensor) -> torch.Tensor:
        return bent - torch.einsum("nai,ni->na", Q, torch.einsum("nai,na->ni", Q, bent))

    uu, vv, uv = (normal(second_derivative(F, z, a, b)) for a, b in ((u, u), (v, v), (u, v)))
    U, V = torch.einsum("nai,ni->na", J, u), torch.einsum("nai,ni->na", J, v)
    area = U.square().sum(1) * V.square().sum(1) - (U * V).sum(1).square()
    curvature: torch.Tensor = ((uu * vv).sum(1) - uv.square().sum(1)) / area
    return curvature


def exponential(F: Map, z: torch.Tensor, v: torch.Tensor, *, steps: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Where geodesics that leave z with velocity v are at time 1, and their velocity there, (N, d) each.

    c'' = −(JᵀJ)⁻¹ Jᵀ d²F[c', c'], by the classical Runge-Kutta method. It needs a map that is smooth: a piecewise
    linear one has no second derivative to see, and its geodesics bend at the seams.

    Args:
        F: twice differentiable, z (N, d) -> (N, D').
        z: points, (N, d).
        v: velocities, (N, d).
        steps: of the method; the error falls with their fourth power.

    Raises:
        IdentifyError: the curve leaves the region in which the metric is invertible, or the map is piecewise linear.
    """
    straight = True

    def force(c: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        nonlocal straight
        bent = second_derivative(F, c, w, w)
        straight = straight and not bool(bent.any())
        Q, R = torch.linalg.qr(jacobian(F, c))
        along = torch.einsum("nai,na->ni", Q, bent)[..., None]
        solved: torch.Tensor = torch.linalg.solve_triangular(R, along, upper=True)
        return -solved[..., 0]

    h = 1.0 / steps
    c, w = z, v
    for _ in range(steps):
        a1 = force(c, w)
        a2 = force(c + h / 2 * w, w + h / 2 * a1)
        a3 = force(c + h / 2 * w + h * h / 4 * a1, w + h / 2 * a2)
        a4 = force(c + h * w + h * h / 2 * a2, w + h * a3)
        c = c + h * w + h * h / 6 * (a1 + a2 + a3)
        w = w + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
    lost = int((~torch.isfinite(c).all(1)).sum())
    if lost:
        raise IdentifyError(
            f"{lost} of {len(z)} geodesics left the region where the decoder's Jacobian has full rank",
            hint="take shorter velocities or more steps, or drop latents that the decoder ignores",
        )
    if straight and not torch.allclose(push_forward(F, z, v)[1], push_forward(F, c, v)[1], rtol=1e-4):
        raise IdentifyError(
            "the decoder is piecewise linear: its second derivative is 0 everywhere while its Jacobian changes, so its "
            "geodesics bend where no differential equation sees it",
            hint='train with activation = "elu", "tanh" or "softplus"; geodesics between two points need no derivative',
        )
    return c, w


def geodesic_ball(F: Map, centre: torch.Tensor, radius: float, *, directions: int = 64) -> torch.Tensor:
    """The border of a geodesic ball in two latents: the ends of geodesics of one length, (directions, 2).

    Args:
        F: twice differentiable, z (N, 2) -> (N, D').
        centre: (2,).
        radius: in the units of the decoded space; below the distance at which geodesics meet again.
        directions: equally spaced in the metric at the centre.
    """
    if centre.shape != (2,):
        raise IdentifyError(f"a geodesic ball is drawn in two latents, not in {tuple(centre.shape)}")
    G = metric(F, centre[None])[0]
    turn = torch.arange(directions, dtype=centre.dtype, device=centre.device) * (2 * math.pi / directions)
    circle = torch.stack([turn.cos(), turn.sin()], dim=1)
    units = torch.linalg.solve_triangular(_root(G[None])[0].T, circle.T, upper=True).T
    arrived, _ = exponential(F, centre.expand(directions, 2), radius * units)
    return arrived


def indicatrix(G: torch.Tensor, *, directions: int = 64) -> torch.Tensor:
    """The vectors of unit length under each metric, (N, directions, 2), of metrics (N, 2, 2)."""
    turn = torch.arange(directions, dtype=G.dtype, device=G.device) * (2 * math.pi / directions)
    circle = torch.stack([turn.cos(), turn.sin()])
    factor = _root(G).mT
    vectors: torch.Tensor = torch.linalg.solve_triangular(factor, circle.expand(len(G), 2, directions), upper=True).mT
    return vectors


def _root(G: torch.Tensor) -> torch.Tensor:
    """The lower Cholesky factors of metrics (N, d, d).

    Raises:
        IdentifyError: one is singular, so that a vector of unit length may be as long as it likes in latent space.
    """
    found, failed = torch.linalg.cholesky_ex(G)
    if failed.any():
        raise IdentifyError(
            f"the metric is singular at {int((failed > 0).sum())} of {len(G)} points, where the decoder ignores a "
            "direction",
            hint="identifiability-conditions finds such samples; add a small multiple of the identity to go on",
        )
    factors: torch.Tensor = found
    return factors


def region_volume(F: Map, low: torch.Tensor, high: torch.Tensor, *, nodes: int = 64) -> torch.Tensor:
    """The volume ∫ √det G dz of a box in latent space, by Gauss-Legendre nodes along each axis.

    Args:
        F: z (N, d) -> (N, D').
        low: (d,).
        high: (d,).
        nodes: along one axis; nodes ** d points are taken.

    Raises:
        IdentifyError: so many points are needed that a quadrature on a grid makes no sense.
    """
    import numpy as np

    width = len(low)
    if nodes**width > 10**7:
        raise IdentifyError(
            f"a grid of {nodes} nodes in {width} latents has {nodes**width:.1e} points",
            hint="take fewer nodes, or a box in fewer latents",
        )
    points, weights = (torch.from_numpy(each).to(low) for each in np.polynomial.legendre.leggauss(nodes))
    grid = torch.cartesian_prod(*[points] * width).reshape(-1, width)
    mass = torch.cartesian_prod(*[weights] * width).reshape(-1, width).prod(1)
    z = (low + high) / 2 + grid * (high - low) / 2
    return (mass * log_volume(F, z).element).sum() * ((high - low) / 2).prod()
