"""The procedure of the study's released code, for comparison: Adam in the null space of cubic pieces, 256 points.

Not how this plugin finds geodesics: the basis is badly scaled, the rule stops on an absolute change of a sum over the
batch, and lengths come out 1 to 4 % too long (`docs/plugins/metric.md`).
"""

from __future__ import annotations

import functools
from typing import Any

import attrs
import numpy as np
import torch

from identify_metric.geometry.maps import Map

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True)
class OriginalSettings:
    """The settings of the released code.

    Args:
        segments: cubic pieces.
        points: at equal times, at which curves are decoded.
        rate: of Adam.
        steps: at most.
        patience: steps without improvement after which it stops.
        delta: by how much the summed energy has to fall to be an improvement: 1.0 as released, 1e-4 in the predecessor.
    """

    segments: int = 10
    points: int = 256
    rate: float = 0.01
    steps: int = 4096
    patience: int = 100
    delta: float = 1.0


@attrs.frozen(kw_only=True, eq=False)
class OriginalGeodesics:
    """What it gives.

    Args:
        length: sums of chords, (P,).
        energy: points × Σ of squared chords, as the code has it, (P,).
        curves: (P, points, d).
        steps: that were made.
    """

    length: torch.Tensor
    energy: torch.Tensor
    curves: torch.Tensor
    steps: int


def original_geodesics(
    F: Map, a: torch.Tensor, b: torch.Tensor, settings: OriginalSettings | None = None
) -> OriginalGeodesics:
    """Minimise the summed energy of a batch of curves as the released code does.

    Args:
        F: one decoder, z (N, d) -> (N, D).
        a: starts, (P, d).
        b: ends, (P, d).
        settings: as released by default.

    Source: mustass/identifiable-latent-metric-space, `bruteforce` energy.
    """
    settings = settings or OriginalSettings()
    basis = torch.from_numpy(null_space(settings.segments, settings.points)).to(a)
    t = torch.linspace(0, 1, settings.points).to(a)[:, None]
    line = a[:, None] + t * (b - a)[:, None]
    weights = torch.zeros(len(a), basis.shape[1], a.shape[1]).to(a).requires_grad_()
    adam = torch.optim.Adam([weights], lr=settings.rate)

    def decoded(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The curves, and the squares of their decoded chords, feature by feature."""
        curves = line + torch.einsum("tk,pkd->ptd", basis, weights)
        y = F(curves.reshape(-1, a.shape[1])).reshape(len(a), settings.points, -1)
        return curves, (y[:, 1:] - y[:, :-1]).square()

    best, kept, waited, step = float("inf"), weights.detach().clone(), 0, 0
    while step < settings.steps:
        step += 1
        loss = (settings.points * decoded(weights)[1].sum((1, 2))).sum()
        (weights.grad,) = torch.autograd.grad(loss, weights)
        adam.step()
        value = float(loss.detach())
        if value < best - settings.delta:
            best, kept, waited = value, weights.detach().clone(), 0  # after the update, as in the code
        else:
            waited += 1
            if waited >= settings.patience:
                break
    with torch.no_grad():
        curves, each = decoded(kept)
        squares = each.sum(2)
    return OriginalGeodesics(
        length=squares.sqrt().sum(1), energy=settings.points * squares.sum(1), curves=curves, steps=step
    )


@functools.cache
def null_space(segments: int, points: int) -> Array:
    """Values at equal times of the orthonormal null space of the joints' conditions, (points, segments + 1).

    A curve is a cubic in t on each segment, 4 numbers each; it is 0 at both ends and has two continuous derivatives at
    every joint: 2 + 3 (n − 1) conditions on 4 n numbers.
    """

    def row(t: float, order: int) -> Array:
        if order == 0:
            return np.array([1, t, t**2, t**3])
        return np.array([0, 1, 2 * t, 3 * t**2]) if order == 1 else np.array([0, 0, 2, 6 * t])

    conditions = np.zeros((2 + 3 * (segments - 1), 4 * segments))
    conditions[0, :4] = row(0.0, 0)
    conditions[1, -4:] = row(1.0, 0)
    for joint in range(1, segments):
        for order in range(3):
            at = row(joint / segments, order)
            conditions[2 + 3 * (joint - 1) + order, 4 * joint - 4 : 4 * joint + 4] = np.concatenate([at, -at])
    *_, rotation = np.linalg.svd(conditions)
    free = rotation[len(conditions) :].T
    t = np.linspace(0, 1, points)
    design = np.zeros((points, 4 * segments))
    for number, (time, piece) in enumerate(zip(t, np.minimum((t * segments).astype(int), segments - 1), strict=True)):
        design[number, 4 * piece : 4 * piece + 4] = row(time, 0)
    values: Array = design @ free
    return values
