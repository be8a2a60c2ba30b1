"""Turns and groups: which loss moves which parameters, how and how often, as records that `fit` is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from identify_core.errors import OptionsError
from identify_core.replicates import Loss
from identify_core.training.optimisers import Optimiser
from identify_core.training.schedules import Schedule

_SHOWN = 12


def _patterns(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _groups(given: Iterable[Group]) -> tuple[Group, ...]:
    return tuple(given)


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise OptionsError(f"{pattern!r} is not a regular expression: {error}") from error


def _above_zero(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        raise OptionsError(f"the group's {attribute.name} is {value!r}; it must be above 0")


@attrs.frozen
class Group:
    r"""Parameters that one optimiser moves.

    Args:
        match: a regular expression, or several, of which one has to match a parameter's whole name: `encoder\..*`.
        optimiser: a record: `Sgd`, `Adam` or `Adamax`.
        schedule: of its learning rate, over the updates of its turn.
        clip_value: the entries of the gradient are cut to ± this before the update.
        clip_norm: each replicate's gradient of the group, after `clip_value`, is shortened to this length.

    Example:
        >>> from identify_core import Adam
        >>> Group(r".*\.weight", Adam(weight_decay=1e-3, decoupled=True), clip_norm=1.0).match
        ('.*\\.weight',)
    """

    match: tuple[str, ...] = attrs.field(converter=_patterns)
    optimiser: Optimiser
    schedule: Schedule = attrs.field(factory=Schedule, kw_only=True)
    clip_value: float | None = attrs.field(default=None, validator=_above_zero, kw_only=True)
    clip_norm: float | None = attrs.field(default=None, validator=_above_zero, kw_only=True)


@attrs.frozen
class Turn:
    """A loss with the parameters that it moves; several take turns, as a critic and a generator do.

    Args:
        loss: as in `fit`.
        groups: a parameter belongs to the first that it matches; one that matches none stays as it is in this turn.
        every: the turn is taken in one step of so many, the last of them.
        name: in front of its series in the history; `turn-1`, `turn-2` by default where there are several turns.

    Example:
        >>> from identify_core import Adam, squared_error
        >>> Turn(squared_error(), [Group("decoder.*", Adam())], every=5).due(4)
        True
    """

    loss: Loss
    groups: tuple[Group, ...] = attrs.field(converter=_groups)
    every: int = attrs.field(default=1, kw_only=True)
    name: str = attrs.field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.every < 1:
            raise OptionsError(f"the turn's every is {self.every!r}; it must be at least 1")
        if not self.groups:
            raise OptionsError("the turn has no groups, so it would move nothing", hint="Group('.*', Adam()) moves all")

    def due(self, step: int) -> bool:
        """Whether it is taken at a step, counted from 0."""
        return (step + 1) % self.every == 0

    def owned(self, names: Sequence[str], frozen: Sequence[str]) -> list[tuple[str, ...]]:
        """The parameters of each group, in the order of `names`.

        Raises:
            OptionsError: a group is left without any.
        """
        left = [name for name in names if name not in frozen]
        owned = []
        for group in self.groups:
            found = matching(group.match, left)
            if not found:
                pattern = "|".join(group.match)
                said = f"no parameter matches {pattern!r}"
                if matching(group.match, names):
                    said = f"the group {pattern!r} is left without parameters: earlier groups or frozen have them all"
                raise OptionsError(said, hint=f"a pattern matches a whole name; there are {_listed(names)}")
            left = [name for name in left if name not in found]
            owned.append(found)
        return owned


def matching(patterns: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The names that one of the patterns matches as a whole.

    Raises:
        OptionsError: a pattern is not a regular expression.
    """
    compiled = [_compile(each) for each in patterns]
    return tuple(name for name in names if any(each.fullmatch(name) for each in compiled))


def frozen_names(frozen: str | Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The parameters that stand under `frozen`.

    Raises:
        OptionsError: a pattern matches none.
    """
    for pattern in _patterns(frozen):
        if not matching([pattern], names):
            raise OptionsError(
                f"frozen is {pattern!r}, which no parameter matches",
                hint=f"a pattern matches a whole name; there are {_listed(names)}",
            )
    return matching(_patterns(frozen), names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
