"""Energies and lengths of many curves at once, each in the metric of its own map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import torch

from identify_core import Context, Interrupted
from identify_metric.geometry.maps import Map
from identify_metric.geometry.metric import TensorMetric, metric, push_forward
from identify_metric.geometry.splines import Curves, curves_at, gauss_curves
from identify_metric.options.searching import GeodesicSettings

_LINE_POINTS = 5


def quadrature_of(settings: GeodesicSettings, segments: int, *, finer: int = 1) -> Curves:
    """The nodes at which curves of so many segments are looked at, `finer` times as many as the settings say."""
    count = settings.nodes * finer
    if settings.quadrature == "gauss":
        return gauss_curves(segments, count)
    T = segments * count + 1
    return curves_at(segments, np.linspace(0.0, 1.0, T), np.full(T, 1 / (T - 1)))


@attrs.define(kw_only=True, eq=False)
class Problem:
    """The energies of P curves as functions of whitened, scaled coefficients.

    The latent axes of a pair are whitened by the mean metric along its straight line, and the energy is measured in
    that of the line. Then the Hessian of a flat space is twice the identity, whatever the scale of the decoder, and
    L-BFGS needs about as many iterations in 2 dimensions as in 50.

    Args:
        maps: the stacked maps.
        owner: which map each curve is measured by, (P,).
        a: starts, (P, d).
        b: ends, (P, d).
        settings: of the search.
        context: of a run, which may be interrupted.
        whitener: L⁻¹ of the mean metric L Lᵀ + ridge, (P, d, d).
        scale: the square root of the straight line's energy, (P,).
    """

    maps: Sequence[Map]
    owner: torch.Tensor
    a: torch.Tensor
    b: torch.Tensor
    settings: GeodesicSettings
    context: Context | None = None
    whitener: torch.Tensor = attrs.field(init=False)
    scale: torch.Tensor = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        P, d = self.a.shape
        t = torch.linspace(0, 1, _LINE_POINTS, dtype=self.a.dtype, device=self.a.device)
        line = self.a[:, None] + t[:, None] * (self.b - self.a)[:, None]
        mean = torch.empty(P, d, d, dtype=self.a.dtype, device=self.a.device)
        for number, rows in self.by_owner(torch.arange(P, device=self.a.device), _LINE_POINTS * d):
            G = metric(
                self.maps[number], line[rows].reshape(-1, d), points_at_once=self.settings.points_at_once // d + 1
            )
            mean[rows] = G.reshape(len(rows), _LINE_POINTS, d, d).mean(1)
        level = mean.diagonal(dim1=1, dim2=2).mean(1)
        flat = ~(level > 0)
        mean = mean + (self.settings.ridge * level + flat)[:, None, None] * torch.eye(d).to(mean)
        identity = torch.eye(d).to(mean).expand(P, d, d)
        self.whitener = torch.linalg.solve_triangular(torch.linalg.cholesky(mean), identity, upper=False)
        chord = self.b - self.a
        energy = torch.einsum("pi,pij,pj->p", chord, mean, chord)
        self.scale = energy.clamp_min(torch.finfo(energy.dtype).tiny).sqrt()

    def by_owner(self, rows: torch.Tensor, points: int) -> Iterator[tuple[int, torch.Tensor]]:
        """A map and which of the rows (m,) it measures, in blocks of no more points than are held at once."""
        size = max(1, self.settings.points_at_once // points)
        owner = self.owner[rows]
        for number in torch.unique(owner).tolist():
            for at in torch.split((owner == number).nonzero().flatten(), size):
                yield number, at

    def coefficients(self, psi: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """θ (m, K, d) of whitened coefficients (m, K d)."""
        d = self.a.shape[1]
        theta: torch.Tensor = self.scale[rows, None, None] * (psi.reshape(len(rows), -1, d) @ self.whitener[rows])
        return theta

    def whitened(self, theta: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The inverse of `coefficients`."""
        psi: torch.Tensor = torch.linalg.solve_triangular(self.whitener[rows], theta, upper=False, left=False)
        return (psi / self.scale[rows, None, None]).reshape(len(rows), -1)

    def energy(self, psi: torch.Tensor, rows: torch.Tensor, curves: Curves) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies (m,) in parts of the line's, and their gradients (m, K d), as `minimise` asks for them."""
        if self.context is not None and self.context.should_stop():
            raise Interrupted("stopped while geodesics were searched", hint="`identify resume` begins with them again")
        values, gradients = torch.empty_like(psi[:, 0]), torch.empty_like(psi)
        for number, at in self.by_owner(rows, len(curves.nodes)):
            block = rows[at]
            with torch.enable_grad():
                leaf = psi[at].detach().requires_grad_()
                theta = self.coefficients(leaf, block)
                squares = self._squares(number, block, theta, curves)
                value = (squares * weights_of(squares, curves)).sum(1) / self.scale[block].square()
                (gradients[at],) = torch.autograd.grad(value.sum(), leaf)
            values[at] = value.detach()
        return values, gradients

    @torch.no_grad()
    def measure(self, theta: torch.Tensor, rows: torch.Tensor, curves: Curves) -> tuple[torch.Tensor, torch.Tensor]:
        """Lengths and energies (m,) of curves (m, K, d), in the units of the decoded space."""
        lengths, energies = torch.empty_like(theta[:, 0, 0]), torch.empty_like(theta[:, 0, 0])
        for number, at in self.by_owner(rows, len(curves.nodes)):
            block = rows[at]
            squares = self._squares(number, block, theta[at], curves)
            mass = weights_of(squares, curves)
            lengths[at], energies[at] = (squares.sqrt() * mass).sum(1), (squares * mass).sum(1)
        return lengths, energies

    def _squares(self, number: int, rows: torch.Tensor, theta: torch.Tensor, curves: Curves) -> torch.Tensor:
        """Squared speeds in the decoded space, at nodes or along chords, (m, T)."""
        d = self.a.shape[1]
        points, velocities = curves.points(self.a[rows], self.b[rows], theta)
        F = self.maps[number]
        if isinstance(F, TensorMetric):
            if self.settings.quadrature != "gauss":
                points, velocities = (points[:, 1:] + points[:, :-1]) / 2, points[:, 1:] - points[:, :-1]
                velocities = velocities * velocities.shape[1]
            G = F.tensor(points.reshape(-1, d)).reshape(*points.shape, d)
            return torch.einsum("pti,ptij,ptj->pt", velocities, G, velocities)
        if self.settings.quadrature == "gauss":
            _, pushed = push_forward(F, points.reshape(-1, d), velocities.reshape(-1, d))
            return pushed.square().sum(1).reshape(points.shape[:2])
        decoded = F(points.reshape(-1, d)).reshape(*points.shape[:2], -1)
        steps = points.shape[1] - 1
        return (decoded[:, 1:] - decoded[:, :-1]).square().sum(2) * steps**2


def weights_of(squares: torch.Tensor, curves: Curves) -> torch.Tensor:
    """The quadrature's weights of squared speeds (m, T); chords have one fewer than nodes."""
    return curves.weights[: squares.shape[1]]
