"""Gauss–Newton projection of parameter vectors onto {J = 0} by minimum-norm steps, many vectors at once."""

from __future__ import annotations

import attrs
import torch

from identify_genni.geometry.residual import Residual

_SHORTENINGS = 5


@attrs.frozen(kw_only=True, eq=False)
class Frame:
    """The row spaces of W Jacobians.

    Args:
        rows: orthonormal rows (W, k, P); those beyond a vector's rank are zero.
        ranks: (W,), integers.
        steps: the minimum-norm Gauss–Newton steps, (W, P), or None where no residuals were given.
    """

    rows: torch.Tensor
    ranks: torch.Tensor
    steps: torch.Tensor | None

    def tangential(self, directions: torch.Tensor) -> torch.Tensor:
        """The parts of directions (W, P) in the null spaces; applied twice against rounding."""
        for _ in range(2):
            inside = torch.einsum("wkp,wp->wk", self.rows, directions)
            directions = directions - torch.einsum("wkp,wk->wp", self.rows, inside)
        return directions


def frame(jacobians: torch.Tensor, tolerance: float, values: torch.Tensor | None = None) -> Frame:
    """Row spaces and ranks of Jacobians (W, m, P), and the steps that take residuals `values` (W, m) to zero.

    Args:
        jacobians: finite.
        tolerance: singular values above this part of the largest count.
        values: residuals.
    """
    left, sizes, right = torch.linalg.svd(jacobians, full_matrices=False)
    kept = (sizes > tolerance * sizes[:, :1]) & (sizes[:, :1] > 0)
    most = int(kept.sum(1).max()) if len(kept) else 0
    left, sizes, right, kept = left[:, :, :most], sizes[:, :most], right[:, :most], kept[:, :most]
    steps = None
    if values is not None:
        inside = torch.einsum("wmk,wm->wk", left, values) / torch.where(kept, sizes, 1.0)
        steps = -torch.einsum("wkp,wk->wp", right, torch.where(kept, inside, 0.0))
    return Frame(rows=right * kept[:, :, None], ranks=kept.sum(1), steps=steps)


def frames(residual: Residual, vectors: torch.Tensor, tolerance: float) -> Frame:
    """The row spaces of the Jacobians at vectors (W, P), as many at a time as fit into the memory."""
    parts = [frame(residual.jacobians(part), tolerance) for part in torch.split(vectors, residual.at_once(vectors))]
    most = max(part.rows.shape[1] for part in parts)
    rows = [torch.nn.functional.pad(part.rows, (0, 0, 0, most - part.rows.shape[1])) for part in parts]
    return Frame(rows=torch.cat(rows), ranks=torch.cat([part.ranks for part in parts]), steps=None)


@attrs.frozen(kw_only=True, eq=False)
class Projected:
    """Vectors on, or near, {J = 0}.

    Args:
        vectors: (W, P).
        losses: J, (W,).
        arrived: whether J is at most the tolerance, (W,).
        jacobians: how many were computed.
    """

    vectors: torch.Tensor
    losses: torch.Tensor
    arrived: torch.Tensor
    jacobians: int


def project(
    residual: Residual,
    vectors: torch.Tensor,
    *,
    tolerance: float,
    iterations: int = 20,
    rank_tolerance: float = 1e-6,
) -> Projected:
    """Move each vector to J ≤ tolerance by Gauss–Newton steps of minimum norm, shortened until J falls.

    A vector where no shortened step lets J fall, or where J is not finite, stays where it is and has not arrived.

    Args:
        residual: of the network.
        vectors: (W, P); not changed.
        tolerance: of J.
        iterations: Gauss–Newton steps at the most.
        rank_tolerance: singular values below this part of the largest are not inverted.
    """
    vectors = vectors.clone()
    values = residual.values(vectors)
    losses = values.square().sum(-1)
    active = (losses > tolerance) & losses.isfinite()
    jacobians = 0
    for _ in range(iterations):
        if not bool(active.any()):
            break
        chosen = active.nonzero().squeeze(1)
        jacobians += len(chosen)
        for part in torch.split(chosen, residual.at_once(vectors)):
            moved = frame(residual.jacobians(vectors[part]), rank_tolerance, values[part])
            assert moved.steps is not None
            _descend(residual, vectors, values, losses, active, part, moved.steps)
        active &= losses > tolerance
    return Projected(vectors=vectors, losses=losses, arrived=losses <= tolerance, jacobians=jacobians)


def _descend(
    residual: Residual,
    vectors: torch.Tensor,
    values: torch.Tensor,
    losses: torch.Tensor,
    active: torch.Tensor,
    part: torch.Tensor,
    steps: torch.Tensor,
) -> None:
    """Take each step, halved until J falls; a vector for which it never does becomes inactive."""
    waiting = torch.ones(len(part), dtype=torch.bool, device=part.device)
    factor = 1.0
    for _ in range(_SHORTENINGS):
        index = waiting.nonzero().squeeze(1)
        if len(index) == 0:
            return
        rows = part[index]
        tried = vectors[rows] + factor * steps[index]
        after = residual.values(tried)
        falls = after.square().sum(-1) < losses[rows]
        better = rows[falls]
        vectors[better], values[better] = tried[falls], after[falls]
        losses[better] = after[falls].square().sum(-1)
        waiting[index[falls]] = False
        factor /= 2
    active[part[waiting]] = False
