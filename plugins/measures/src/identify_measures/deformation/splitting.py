"""Alternating directions for `minimise the largest row norm of y, y = B x − h, with x in a convex set`.

The two programs of this folder that have neither a closed form nor a linear program share its rounds: the split of the
largest norm, over-relaxation, and a penalty that balances the two residuals (Boyd et al., Foundations and Trends in
Machine Learning 3(1), 2011, sections 3.3 and 3.4). Each gives its own feasible point and dual bound; the rounds keep
the best of both, so that a stalled iteration ends in a wider bracket and never in a wrong one.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import torch

Point = TypeVar("Point")
Found = TypeVar("Found", covariant=True)
_EVERY = 10
_RELAXED = 1.7


class Program(Protocol[Found]):
    """A program that can be split."""

    def image(self, wanted: torch.Tensor, split: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The residual and the constrained quantity nearest to what is wanted of them, in least squares."""

    def project(self, split: torch.Tensor) -> torch.Tensor:
        """The nearest constrained quantity that is allowed."""

    def upper(self, split: torch.Tensor, image: torch.Tensor) -> tuple[float, Found]:
        """The value of an allowed point near the present one, and the point."""

    def lower(self, dual: torch.Tensor, split: torch.Tensor) -> float:
        """A bound from the multipliers of the residual and of the constraint."""


class Outcome(Generic[Point]):
    """The best bounds so far, and what attains the upper one."""

    def __init__(self) -> None:
        self.lower, self.upper, self.rounds = 0.0, float("inf"), 0
        self.point: Point | None = None
        self.dual = torch.empty(0)

    def see(self, program: Program[Point], image: torch.Tensor, split: torch.Tensor, duals: list[torch.Tensor]) -> None:
        """Take in the bounds of one round."""
        upper, point = program.upper(split, image)
        if upper < self.upper:
            self.upper, self.point = upper, point
        lower = program.lower(duals[0], duals[1])
        if lower > self.lower:
            self.lower, self.dual = lower, duals[0].clone()

    def close(self, gap: float, tiny: float) -> bool:
        """Whether nothing is left to gain."""
        return self.upper <= tiny or self.upper - self.lower <= gap * self.upper


def alternate(
    program: Program[Point],
    rows: torch.Tensor,
    split: torch.Tensor,
    *,
    penalty: float,
    gap: float,
    iterations: int,
    size: float,
) -> Outcome[Point]:
    """Rounds until the bracket is closed to `gap`, a part of its upper end.

    Args:
        program: what is minimised.
        rows: a first residual, shape (n, q).
        split: a first constrained quantity.
        penalty: a first one, in the inverse unit of the rows.
        gap: where to stop.
        iterations: rounds at most.
        size: of the data; what is below 1e-13 of it counts as nothing.
    """
    outcome: Outcome[Point] = Outcome()
    y, z = rows, program.project(split)
    u, v = torch.zeros_like(y), torch.zeros_like(z)
    for count in range(1, iterations + 1):
        image, quantity = program.image(y - u, z - v)
        relaxed, relaxed_split = _RELAXED * image + (1 - _RELAXED) * y, _RELAXED * quantity + (1 - _RELAXED) * z
        before, before_split = y, z
        y, z = shrink_largest(relaxed + u, 1 / penalty), program.project(relaxed_split + v)
        u, v = u + relaxed - y, v + relaxed_split - z
        if count % _EVERY:
            continue
        outcome.see(program, image, z, [penalty * u, penalty * v])
        outcome.rounds = count
        if outcome.close(gap, 1e-13 * size):
            break
        primal = float((image - y).square().sum() + (quantity - z).square().sum())
        dual = float((y - before).square().sum() + (z - before_split).square().sum())
        if count <= iterations // 2 and (primal > 25 * dual or dual > 25 * primal):
            factor = 2.0 if primal > dual else 0.5
            penalty, u, v = penalty * factor, u / factor, v / factor
    return outcome


def shrink_largest(rows: torch.Tensor, amount: float) -> torch.Tensor:
    """The proximal map of `amount` times the largest row norm: all norms are cut at one height, shape (n, q).

    What is cut off adds up to `amount`; where all norms together are no more than that, nothing is left.
    """
    norms = torch.linalg.vector_norm(rows, dim=1)
    if float(norms.sum()) <= amount:
        return torch.zeros_like(rows)
    ordered = norms.sort(descending=True).values
    counts = torch.arange(1, len(norms) + 1, dtype=norms.dtype, device=norms.device)
    heights = (ordered.cumsum(0) - amount) / counts
    height = heights[int((ordered > heights).sum()) - 1]
    cut: torch.Tensor = rows * (height / norms.clamp_min(height)).nan_to_num(0.0)[:, None]
    return cut
