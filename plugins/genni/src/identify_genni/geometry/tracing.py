"""Walks along {J = 0}: a predictor along a null vector, a Gauss–Newton corrector back, many walkers at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import torch

from identify_genni.geometry.projection import Frame, frames, project
from identify_genni.geometry.residual import Residual

_SMALLEST = 1e-4
_GROWTH = 1.3
# A corrector that moves further than this part of the step leads somewhere else than along the class.
_LONGEST_CORRECTION = 0.5


@attrs.frozen(kw_only=True)
class Walk:
    """How to walk.

    Args:
        steps: tried by each walker.
        length: of a step, the longest that is tried, in parameter space.
        tolerance: of J.
        persistence: from 0, a random walk, to 1, straight on.
        crosses: whether walkers pass to where the Jacobian's rank differs from that of the start.
        rank_tolerance: singular values above this part of the largest count.
    """

    steps: int
    length: float
    tolerance: float
    persistence: float = 0.9
    crosses: bool = True
    rank_tolerance: float = 1e-6


@attrs.define(kw_only=True, eq=False)
class Walkers:
    """W walkers on their way: everything that is needed to go on.

    Args:
        positions: (W, P).
        directions: of the last step, (W, P); zero at first for a random direction.
        lengths: the present step lengths, (W,).
        home: the rank at each walker's start, (W,).
        generator: where directions are drawn from.
        points: positions after each step, (W, P) each.
        losses: J there, (W,) each.
        ranks: the Jacobian's ranks there, (W,) each.
        accepted: whether the step was taken, (W,) each.
        turned: whether the step met another rank and was not taken for it, (W,) each.
    """

    positions: torch.Tensor
    directions: torch.Tensor
    lengths: torch.Tensor
    home: torch.Tensor
    generator: torch.Generator
    points: list[torch.Tensor] = attrs.field(factory=list)
    losses: list[torch.Tensor] = attrs.field(factory=list)
    ranks: list[torch.Tensor] = attrs.field(factory=list)
    accepted: list[torch.Tensor] = attrs.field(factory=list)
    turned: list[torch.Tensor] = attrs.field(factory=list)

    @property
    def taken(self) -> int:
        """Steps so far."""
        return len(self.points)

    def state(self) -> dict[str, Any]:
        """Everything as tensors, to be stored."""
        stacked = {
            name: torch.stack(getattr(self, name)) if self.taken else torch.zeros(0)
            for name in ("points", "losses", "ranks", "accepted", "turned")
        }
        names = ("positions", "directions", "lengths", "home")
        return stacked | {name: getattr(self, name) for name in names} | {"generator": self.generator.get_state()}

    @classmethod
    def from_state(cls, state: dict[str, Any], device: torch.device) -> Walkers:
        """Walkers that go on where `state` was taken, to the same numbers."""
        generator = torch.Generator()
        generator.set_state(state["generator"].cpu())
        fields: dict[str, Any] = {name: each.to(device) for name, each in state.items() if name != "generator"}
        for name in ("points", "losses", "ranks", "accepted", "turned"):
            fields[name] = list(fields[name])
        return cls(generator=generator, **fields)


def start_walkers(
    residual: Residual, vector: torch.Tensor, count: int, walk: Walk, generator: torch.Generator
) -> Walkers:
    """Walkers at a solution (P,), in pairs that set out in opposite null directions.

    Args:
        residual: of the network.
        vector: a solution.
        count: the number of walkers.
        walk: how to walk.
        generator: on the CPU.
    """
    positions = vector.expand(count, -1).clone()
    at_start = frames(residual, vector[None], walk.rank_tolerance)
    drawn = torch.randn((count + 1) // 2, len(vector), generator=generator, dtype=torch.float64).to(vector)
    directions = torch.stack((drawn, -drawn), dim=1).reshape(-1, len(vector))[:count]
    tangent = Frame(
        rows=at_start.rows.expand(count, -1, -1), ranks=at_start.ranks.expand(count), steps=None
    ).tangential(directions)
    return Walkers(
        positions=positions,
        directions=_unit(tangent),
        lengths=torch.full((count,), walk.length, dtype=torch.float64, device=vector.device),
        home=at_start.ranks.expand(count).clone(),
        generator=generator,
    )


def walk_on(
    residual: Residual, walkers: Walkers, walk: Walk, after_step: Callable[[Walkers], None] | None = None
) -> Walkers:
    """Take the steps that are left; `after_step` may store the walkers or raise to stop.

    A step is taken where the corrector arrives within half of the step's length; otherwise the next one is half as
    long, and a walker whose steps became very short turns to a new direction. Where walkers stay in their stratum, a
    step to another rank is not taken and the walker turns back.

    Returns:
        The same walkers.
    """
    here = frames(residual, walkers.positions, walk.rank_tolerance)
    while walkers.taken < walk.steps:
        here = _step(residual, walkers, walk, here)
        if after_step is not None:
            after_step(walkers)
    return walkers


def _step(residual: Residual, walkers: Walkers, walk: Walk, here: Frame) -> Frame:
    drawn = torch.randn(walkers.positions.shape, generator=walkers.generator, dtype=torch.float64)
    noise = _unit(here.tangential(drawn.to(walkers.positions)))
    keep = walk.persistence if walkers.taken else 1.0
    directions = keep * _unit(here.tangential(walkers.directions)) + math.sqrt(1 - keep**2) * noise
    directions = _unit(here.tangential(directions))
    free = directions.norm(dim=1) > 0.5  # where the null space is empty there is nowhere to go
    if not bool(free.any()):
        return _stay(residual, walkers, here)
    predicted = walkers.positions + walkers.lengths[:, None] * directions
    found = project(residual, predicted, tolerance=walk.tolerance, iterations=10, rank_tolerance=walk.rank_tolerance)
    correction = (found.vectors - predicted).norm(dim=1)
    reached = found.arrived & free & (correction <= _LONGEST_CORRECTION * walkers.lengths)
    there = frames(residual, torch.where(reached[:, None], found.vectors, walkers.positions), walk.rank_tolerance)
    elsewhere = reached & (there.ranks != walkers.home)
    turned = elsewhere if not walk.crosses else torch.zeros_like(elsewhere)
    taken = reached & ~turned
    after = torch.where(taken[:, None], found.vectors, walkers.positions)
    exhausted = ~reached & (walkers.lengths <= _SMALLEST * walk.length)
    moved = torch.where(taken[:, None], after - walkers.positions, walkers.directions)
    moved = torch.where(turned[:, None], -directions, moved)
    walkers.directions = torch.where(exhausted[:, None], noise, moved)
    longer = torch.clamp(_GROWTH * walkers.lengths, max=walk.length)
    shorter = torch.where(exhausted, walk.length, walkers.lengths / 2)
    walkers.lengths = torch.where(taken, longer, shorter)
    walkers.lengths = torch.where(turned, walkers.lengths.clamp(min=walk.length / 8), walkers.lengths)
    walkers.positions = after
    here = _choose(taken, there, here)
    walkers.points.append(after)
    walkers.losses.append(residual.losses(after))
    walkers.ranks.append(here.ranks)
    walkers.accepted.append(taken)
    walkers.turned.append(turned)
    return here


def _stay(residual: Residual, walkers: Walkers, here: Frame) -> Frame:
    still = torch.zeros_like(walkers.lengths, dtype=torch.bool)
    walkers.losses.append(walkers.losses[-1] if walkers.taken else residual.losses(walkers.positions))
    walkers.points.append(walkers.positions)
    walkers.ranks.append(here.ranks)
    walkers.accepted.append(still)
    walkers.turned.append(still)
    return here


def _choose(first: torch.Tensor, a: Frame, b: Frame) -> Frame:
    most = max(a.rows.shape[1], b.rows.shape[1])
    chosen, other = (torch.nn.functional.pad(each.rows, (0, 0, 0, most - each.rows.shape[1])) for each in (a, b))
    rows = torch.where(first[:, None, None], chosen, other)
    return Frame(rows=rows, ranks=torch.where(first, a.ranks, b.ranks), steps=None)


def _unit(directions: torch.Tensor) -> torch.Tensor:
    """Directions of length 1; those that are as good as zero become zero."""
    lengths = directions.norm(dim=-1, keepdim=True)
    return torch.where(lengths > 1e-9, directions / lengths.clamp(min=1e-300), torch.zeros_like(directions))
