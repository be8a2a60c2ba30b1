"""`[sweep]`: lists of values by dotted key path, each value checked against the option that it would replace."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from identify_core.errors import PluginError, UsageError
from identify_core.kinds import option_fields
from identify_core.mismatches import Mismatch, Mismatches
from identify_core.plugins import Registry
from identify_core.saying import say
from identify_core.spec.envelope import COMPONENT_KINDS, Envelope
from identify_core.spec.keypaths import KeyPath, read_key_path, write_key_path
from identify_core.spec.merge import Leaf, Node, Table
from identify_core.spec.problems import Problems, said_by
from identify_core.spec.resolved import Chosen
from identify_core.spec.structure import structure_option
from identify_core.suggestions import did_you_mean

SWEPT = tuple(
    field.name for field in attrs.fields(Envelope) if field.name not in ("format", "plugin", "name", "requires")
)
"""The keys of the envelope that a sweep may vary."""


def structure_sweep(
    registry: Registry,
    plugin: str,
    node: Node | None,
    known: Mapping[str, Chosen | None],
    labels: Sequence[str],
    problems: Problems,
) -> dict[str, tuple[Any, ...]]:
    """The sweep's lists by dotted key path; evaluators by label.

    Args:
        registry: where the components of a swept `type` are looked up.
        plugin: the running plugin.
        node: the merged table, None where there is none.
        known: `dataset`, `model`, `objective` and `evaluators.<label>` with what was chosen, None where that failed.
        labels: the evaluators' labels in order.
        problems: where problems are noted.
    """
    if node is None:
        return {}
    if isinstance(node, Leaf):
        problems.add(("sweep",), 'it must be a table such as "objective.steps" = [100, 1000]', node.given[-1].origin)
        return {}
    lists: dict[KeyPath, Leaf] = {}
    for key, leaf in _flatten(node):
        try:
            path: KeyPath = tuple(part for name in key for part in read_key_path(name))
        except ValueError as error:
            problems.add(("sweep", *key), str(error), leaf.given[-1].origin)
            continue
        lists[_with_label(path, labels)] = leaf
    sweep = {}
    for path, leaf in lists.items():
        values, origin = leaf.given[-1].value, leaf.given[-1].origin
        shown = ("sweep", write_key_path(path))
        if not isinstance(values, list) or not values:
            problems.add(shown, f"{say(values)} must be a list of the values to try", origin)
            continue
        try:
            for value in values:
                _check(registry, plugin, path, value, known, lists)
        except Mismatches as error:
            for _, message in said_by(error, ()):
                problems.add(shown, message, origin)
        sweep[write_key_path(path)] = tuple(values)
    return sweep


def _flatten(table: Table, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    if table.named:
        yield (*above, "type"), Leaf(given=table.named)
    for key, node in table.nodes().items():
        if isinstance(node, Leaf):
            yield (*above, key), node
        else:
            yield from _flatten(node, (*above, key))


def _with_label(path: KeyPath, labels: Sequence[str]) -> KeyPath:
    """`evaluators.0.n` as `evaluators.subspace.n`, so that one evaluator has one key."""
    text = str(path[1]) if len(path) > 1 else ""
    if path[0] == "evaluators" and text.isdigit() and int(text) < len(labels):
        return ("evaluators", labels[int(text)], *path[2:])
    return path


def _check(
    registry: Registry,
    plugin: str,
    path: KeyPath,
    value: Any,
    known: Mapping[str, Chosen | None],
    lists: Mapping[KeyPath, Leaf],
) -> None:
    """Raise Mismatches where a value cannot stand at a key path."""
    if len(path) == 1 and path[0] in SWEPT:
        structure_option(Envelope, str(path[0]), value)
        return
    table = write_key_path(path[:2] if path[0] == "evaluators" else path[:1])
    rest = path[2:] if path[0] == "evaluators" else path[1:]
    if table not in known or not rest:
        candidates = [*SWEPT, *(f"{each}.type" for each in known)]
        near = did_you_mean(write_key_path(path), candidates)
        raise Mismatches([Mismatch((), f"there is nothing to vary at this key path; {near}")])
    kind = COMPONENT_KINDS[str(path[0])]
    if rest == ("type",):
        _resolve_options(registry, plugin, kind, value)
        return
    chosen = known[table]
    if chosen is None:  # its own problem is reported already
        return
    records = [chosen.registered.component.options]
    swept_types = lists.get((*read_key_path(table), "type"))
    if swept_types is not None and isinstance(swept_types.given[-1].value, list):
        records = [_resolve_options(registry, plugin, kind, each) for each in swept_types.given[-1].value]
    refusals = []
    for record in records:
        try:
            _check_option(record, rest, value)
        except Mismatches as error:
            refusals.append(error)
        else:
            return
    raise refusals[0]


def _resolve_options(registry: Registry, plugin: str, kind: str, name: Any) -> type:
    if not isinstance(name, str):
        raise Mismatches([Mismatch((), f"{say(name)} is not a string")])
    try:
        options: type = registry.resolve(kind, name, plugin=plugin).component.options
    except (PluginError, UsageError) as error:
        raise Mismatches([Mismatch((), f"{error.message}; {error.hint}" if error.hint else error.message)]) from error
    return options


def _check_option(options: type, path: KeyPath, value: Any) -> None:
    """Walk down nested options classes to the last key, and check the value there."""
    name, rest = str(path[0]), path[1:]
    if not rest:
        structure_option(options, name, value)
        return
    kinds = {field.name: field.type for field in option_fields(options)}
    nested = [each for each in _members(kinds.get(name)) if isinstance(each, type) and attrs.has(each)]
    if not nested:
        if any(typing.get_origin(each) in (dict, Mapping) for each in _members(kinds.get(name))):
            structure_option(options, name, {str(rest[0]): value})
            return
        raise Mismatches([Mismatch((), f"there is no such option; {did_you_mean(name, kinds)}")])
    refusals = []
    for record in nested:
        try:
            _check_option(record, rest, value)
        except Mismatches as error:
            refusals.append(error)
        else:
            return
    raise refusals[0]


def _members(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
