"""Moves: one turn at work, from the gradients of its loss to new parameters, and all that it remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import attrs
import torch

from identify_core.replicates import Replicates
from identify_core.training.manifolds import initial_state_on, manifold_of, update_on
from identify_core.training.turns import Group, Turn
from identify_core.training.updates import Factor, State, Update, initial_state, update_of

_GROWTH_INTERVAL = 2000  # updates without an overflow before the loss scale is doubled
_SMALLEST = 2.0**-14
_TINY = 1e-6  # in torch.nn.utils.clip_grad_norm_, too

Columns = slice | torch.Tensor
_ALL = slice(None)


class Moves:
    """One turn at work.

    Args:
        turn: its loss and groups.
        name: in front of its series in the history; empty for the only turn.
        replicates: whose parameters it moves.
        frozen: names of the parameters that stay as they are.
        steps: of the training.
        scale: the factor of each replicate's loss for float16, or None.

    Attributes:
        moved: names of the parameters that the turn moves, in registration order.
        trained: the same, as `Replicates.loss_vectors` takes it; None for all.
        scale: as it stands.
    """

    def __init__(
        self,
        turn: Turn,
        name: str,
        replicates: Replicates,
        *,
        frozen: Sequence[str],
        steps: int,
        scale: LossScale | None,
    ) -> None:
        self.turn = turn
        self.name = name
        self.scale = scale
        self._updates_at_most = steps // turn.every
        names = replicates.parameter_names
        owned = turn.owned(names, frozen)
        self.moved = tuple(name for name in names if any(name in group for group in owned))
        self.trained = None if len(self.moved) == len(names) else frozenset(self.moved)
        sizes = dict(zip(names, (shape.numel() for shape in replicates.parameter_shapes), strict=True))
        everywhere, among = _places(names, sizes), _places(self.moved, sizes)
        self._clips = [
            (group, _columns(among, own, replicates))
            for group, own in zip(turn.groups, owned, strict=True)
            if group.clip_value is not None or group.clip_norm is not None
        ]
        self._pieces = [
            _Piece(
                group=number,
                columns=_columns(everywhere, part, replicates),
                gradients=_columns(among, part, replicates),
                whole=len(part) == len(names),
                update=update,
                begin=begin,
            )
            for number, (group, own) in enumerate(zip(turn.groups, owned, strict=True))
            for part, update, begin in _parts(replicates, group, own)
        ]
        self._memory = [each.begin(replicates.matrix[:, each.columns]) for each in self._pieces]
        begin = replicates.matrix.new_zeros(replicates.count)
        self._plateaus = [Plateau.begin(begin) if each.schedule.shape == "plateau" else None for each in turn.groups]

    def propose(self, matrix: torch.Tensor, gradients: torch.Tensor, step: int) -> tuple[torch.Tensor, list[State]]:
        """The parameters and the memory after an update.

        Args:
            matrix: the parameters, (R, P); it is not changed.
            gradients: with respect to those that the turn moves, (R, P').
            step: of the training, from 0.
        """
        result, memory = matrix, []
        gradients = self._clipped(gradients)
        factors = [self._factor(*each, step) for each in zip(self.turn.groups, self._plateaus, strict=True)]
        for piece, state in zip(self._pieces, self._memory, strict=True):
            slope = gradients[:, piece.gradients]
            new, after = piece.update(matrix[:, piece.columns], slope, state, factors[piece.group])
            memory.append(after)
            if piece.whole:
                result = new
                continue
            result = matrix.clone() if result is matrix else result
            result[:, piece.columns] = new
        return result, memory

    def _clipped(self, gradients: torch.Tensor) -> torch.Tensor:
        for group, columns in self._clips:
            clipped = _clipped(gradients[:, columns], group)
            if clipped.shape == gradients.shape:
                return clipped
            gradients = gradients.clone()
            gradients[:, columns] = clipped
        return gradients

    def take(self, memory: list[State], moved: torch.Tensor) -> None:
        """Keep the proposed memory for those that moved, (R,), bool."""
        column = moved[:, None]
        self._memory = [
            tuple(torch.where(column, new, old) for new, old in zip(after, before, strict=True))
            for after, before in zip(memory, self._memory, strict=True)
        ]

    def follow(self, metrics: torch.Tensor, rows: torch.Tensor) -> None:
        """Let the rates that wait for a plateau take in a metric of every replicate.

        Args:
            metrics: of all replicates, (R,).
            rows: which of them are at work.
        """
        for group, plateau in zip(self.turn.groups, self._plateaus, strict=True):
            if plateau is not None:
                plateau.follow(metrics[rows], group)

    def select(self, rows: torch.Tensor) -> None:
        """Go on with some of the replicates."""
        self._memory = [tuple(each[rows] for each in state) for state in self._memory]
        self._plateaus = [None if each is None else each.select(rows) for each in self._plateaus]
        self.scale = None if self.scale is None else self.scale.select(rows)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "memory": [list(each) for each in self._memory],
            "plateaus": [None if each is None else attrs.asdict(each, recurse=False) for each in self._plateaus],
            "scale": None if self.scale is None else attrs.asdict(self.scale, recurse=False),
        }

    def load_state(self, saved: Mapping[str, Any], device: torch.device) -> None:
        """Continue from a checkpoint."""

        def there(kept: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {name: each.to(device) for name, each in kept.items()}

        self._memory = [tuple(each.to(device) for each in state) for state in saved["memory"]]
        self._plateaus = [None if each is None else Plateau(**there(each)) for each in saved["plateaus"]]
        self.scale = None if saved["scale"] is None else LossScale(**there(saved["scale"]))

    def _factor(self, group: Group, plateau: Plateau | None, step: int) -> Factor:
        factor = group.schedule.factor(step // self.turn.every, self._updates_at_most)
        return factor if plateau is None else (factor * plateau.factors)[:, None]


@attrs.frozen(kw_only=True, eq=False)
class _Piece:
    """Parameters that one update moves: with the number of their group, and their columns among all and in the turn."""

    group: int
    columns: Columns
    gradients: Columns
    whole: bool
    update: Update
    begin: Callable[[torch.Tensor], State]


def _parts(
    replicates: Replicates, group: Group, own: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], Update, Callable[[torch.Tensor], State]]]:
    """The parameters of a group that move alike: those in flat space together, each on a manifold by itself."""
    optimiser = group.optimiser
    manifolds = {name: manifold_of(replicates, name, optimiser) for name in own}
    flat = tuple(name for name, manifold in manifolds.items() if manifold is None)
    if flat:
        yield flat, update_of(optimiser), partial(initial_state, optimiser)
    shapes = dict(zip(replicates.parameter_names, replicates.parameter_shapes, strict=True))
    for name, manifold in manifolds.items():
        if manifold is not None:
            yield (name,), update_on(manifold, optimiser, shapes[name]), partial(initial_state_on, optimiser)


def _places(names: Sequence[str], sizes: Mapping[str, int]) -> dict[str, range]:
    places, at = {}, 0
    for name in names:
        places[name] = range(at, at + sizes[name])
        at += sizes[name]
    return places


def _columns(places: Mapping[str, range], own: Sequence[str], replicates: Replicates) -> Columns:
    """A slice where the columns lie side by side, which needs no gathering."""
    if len(own) == len(places):
        return _ALL
    ranges = [places[name] for name in own]
    if all(one.stop == next_one.start for one, next_one in pairwise(ranges)):
        return slice(ranges[0].start, ranges[-1].stop)
    return torch.cat([torch.arange(each.start, each.stop) for each in ranges]).to(replicates.device)


def _clipped(gradients: torch.Tensor, group: Group) -> torch.Tensor:
    """As torch.nn.utils.clip_grad_value_ and then clip_grad_norm_ do, each replicate's norm for itself."""
    if group.clip_value is not None:
        gradients = gradients.clamp(-group.clip_value, group.clip_value)
    if group.clip_norm is not None:
        norms = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        gradients = gradients * (group.clip_norm / (norms + _TINY)).clamp_max(1.0)
    return gradients


@attrs.define(kw_only=True)
class Plateau:
    """The factor of each replicate's rate that falls when a metric no longer does, as ReduceLROnPlateau of torch.

    Args:
        factors: (R,).
        best: the lowest metric, (R,).
        waited: metrics in a row that were not an improvement, (R,).
    """

    factors: torch.Tensor
    best: torch.Tensor
    waited: torch.Tensor

    @classmethod
    def begin(cls, zeros: torch.Tensor) -> Plateau:
        """Before the first metric."""
        return cls(factors=zeros + 1, best=zeros + torch.inf, waited=zeros.clone())

    def follow(self, metrics: torch.Tensor, group: Group) -> None:
        """Take in a metric, (R,)."""
        schedule = group.schedule
        assert schedule.decay is not None
        assert schedule.patience is not None
        # The first metric is an improvement on nothing; infinity minus a share of itself is not a number.
        bar = torch.where(self.best.isinf(), self.best, self.best - schedule.threshold * self.best.abs())
        improved = metrics < bar
        self.best = torch.where(improved, metrics, self.best)
        self.waited = torch.where(improved, 0, self.waited + 1)
        falls = self.waited > schedule.patience
        self.factors = torch.where(falls, (self.factors * schedule.decay).clamp_min(schedule.final), self.factors)
        self.waited = torch.where(falls, 0, self.waited)

    def select(self, rows: torch.Tensor) -> Plateau:
        """Those of some replicates."""
        return Plateau(**{name: each[rows] for name, each in attrs.asdict(self, recurse=False).items()})


@attrs.define(kw_only=True)
class LossScale:
    """The factor of each replicate's loss for float16, which keeps small gradients from vanishing.

    It is grown while all goes well and halved after an overflow, as `torch.amp.GradScaler` does.

    Args:
        factors: (R,), float32.
        good_steps: updates since the last change, (R,), int64.
    """

    factors: torch.Tensor
    good_steps: torch.Tensor

    @classmethod
    def begin(cls, count: int, device: torch.device) -> LossScale:
        """The factors of R replicates before the first step."""
        factors = torch.full((count,), 2.0**16, device=device)
        return cls(factors=factors, good_steps=torch.zeros(count, dtype=torch.long, device=device))

    def follow(self, overflowed: torch.Tensor) -> torch.Tensor:
        """Change the factors after a step, and say who may still go on, (R,).

        Args:
            overflowed: whose gradient was not finite although its loss was, (R,).
        """
        self.good_steps = torch.where(overflowed, 0, self.good_steps + 1)
        grown = self.good_steps >= _GROWTH_INTERVAL
        self.good_steps = torch.where(grown, 0, self.good_steps)
        factors = torch.where(overflowed, self.factors / 2, self.factors)
        self.factors = torch.where(grown, factors * 2, factors)
        return self.factors >= _SMALLEST

    def select(self, rows: torch.Tensor) -> LossScale:
        """The factors of some replicates."""
        return LossScale(factors=self.factors[rows], good_steps=self.good_steps[rows])
