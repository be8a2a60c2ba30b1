"""The combinations of a sweep: the product of its lists, each a complete spec, and all their problems said at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from identify_core.errors import SpecError, UsageError
from identify_core.plugins import Registry
from identify_core.spec import ResolvedSpec, say
from identify_core.spec.layers import read_combination, read_lists
from identify_core.spec.load import stack_layers

MOST = 10_000
_LONGEST_NAME = 90  # of the 100 characters that a name may have; the rest is for the number behind it


@attrs.frozen(kw_only=True)
class Combination:
    """One run to be.

    Args:
        index: its number, from 1.
        values: dotted key path to value, of what the sweep varies.
        spec: complete, named after its number, and without the sweep.
    """

    index: int
    values: Mapping[str, Any]
    spec: ResolvedSpec

    def __str__(self) -> str:
        return f"{self.index} ({say_values(self.values)})"


@attrs.frozen(kw_only=True)
class Plan:
    """What a sweep will run.

    Args:
        base: the spec whose values are varied, with its sweep.
        combinations: in the order of the lists, the last list fastest.
    """

    base: ResolvedSpec
    combinations: tuple[Combination, ...]


def say_values(values: Mapping[str, Any]) -> str:
    """`seed = 1, dataset.mixing = "random"`."""
    return ", ".join(f"{key} = {say(value)}" for key, value in values.items())


def plan_sweep(
    registry: Registry,
    *,
    plugin: str | None = None,
    file: Path | None = None,
    preset: str | None = None,
    overrides: Sequence[str] = (),
    over: Sequence[str] = (),
    count: int | None = None,
) -> Plan:
    """Every combination as a complete spec.

    Args:
        registry: where components and presets are looked up.
        plugin: as for `load_spec`, and so are `file`, `preset` and `overrides`.
        over: `--over` texts such as `seed=0,1,2`, added to the table `[sweep]` or in place of its lists.
        count: with `seed` alone among `over`: so many seeds, from the spec's own upwards.

    Raises:
        SpecError: the spec or one of the combinations is wrong; `problems` lists everything that is wrong with any.
        UsageError: there is nothing to vary, or there are too many combinations.
    """
    given: dict[str, Any] = {"plugin": plugin, "file": file, "preset": preset, "overrides": overrides}
    if count is not None:
        over = _with_seeds(over, count, stack_layers(registry, **given, layers=[]).resolve().seed)
    lists = read_lists(over)
    stack = stack_layers(registry, **given, layers=[lists])
    base = stack.resolve()
    if not base.sweep:
        raise UsageError(
            "the spec has nothing to vary",
            hint='add a table [sweep] with lists such as "objective.steps" = [100, 1000], or --over seed=0,1,2',
        )
    count = math.prod(len(values) for values in base.sweep.values())
    if count > MOST:
        raise UsageError(f"{count} combinations are more than a sweep may have; at most {MOST}")
    combinations: list[Combination] = []
    problems: dict[str, list[str]] = {}
    wrong = 0
    for index, values in enumerate(itertools.product(*base.sweep.values()), start=1):
        chosen = dict(zip(base.sweep, values, strict=True))
        try:
            spec = stack.resolve(read_combination(chosen))
        except SpecError as error:
            wrong += 1
            for problem in error.problems or (error.message,):
                problems.setdefault(problem, []).append(f"{index} ({say_values(chosen)})")
            continue
        name = f"{base.name[:_LONGEST_NAME]}-{index:0{max(3, len(str(count)))}d}"
        combinations.append(
            Combination(index=index, values=chosen, spec=attrs.evolve(spec, name=name, sweep={}, notes=()))
        )
    if problems:
        raise SpecError(
            f"{wrong} of the {count} combinations cannot be run, so that none was",
            problems=[f"{problem}: {_places(where, count)}" for problem, where in problems.items()],
        )
    _refuse_equal(combinations)
    return Plan(base=base, combinations=tuple(combinations))


def _with_seeds(over: Sequence[str], count: int, first: int) -> list[str]:
    if "seed" not in over:
        raise UsageError("--count says how many seeds there are", hint="add --over seed, without values")
    seeds = ",".join(str(first + number) for number in range(count))
    return [f"seed={seeds}" if each == "seed" else each for each in over]


def _places(where: Sequence[str], count: int) -> str:
    if len(where) == 1:
        return f"in combination {where[0]}"
    if len(where) == count:
        return "in every combination"
    return f"in {len(where)} combinations, the first is {where[0]}"


def _refuse_equal(combinations: Sequence[Combination]) -> None:
    first: dict[str, Combination] = {}
    problems = []
    for each in combinations:
        other = first.setdefault(each.spec.hash, each)
        if other is not each:
            problems.append(f"combination {each} is the same run as combination {other}")
    if problems:
        raise SpecError("some combinations are the same run", problems=problems, hint="name each value once")
