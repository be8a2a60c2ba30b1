"""Explaining a spec: each value, where it came from, and what it replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from identify_core.spec.keypaths import KeyPath, write_key_path
from identify_core.spec.layers import Origin
from identify_core.spec.merge import Given
from identify_core.spec.resolved import Chosen, ResolvedSpec
from identify_core.spec.structure import plain_options


@attrs.frozen(kw_only=True)
class Explanation:
    """One value of a spec.

    Args:
        key: its key path; evaluators by label.
        value: the value that counts, in plain types; "none" for None.
        origin: where it came from.
        replaced: what lower layers gave, lowest first.
    """

    key: str
    value: Any
    origin: Origin
    replaced: tuple[Given, ...] = ()


def explain(spec: ResolvedSpec) -> tuple[Explanation, ...]:
    """Every value of a spec in the order of its file, defaults included."""
    rows = []
    for path, shown, value in _values(spec):
        given = spec.given_at(path)
        rows.append(
            Explanation(key=write_key_path(shown), value=value, origin=spec.origin_at(path), replaced=given[:-1])
        )
    return tuple(rows)


def _values(spec: ResolvedSpec) -> Iterator[tuple[KeyPath, KeyPath, Any]]:
    """Each value with its key path by index and by label."""
    envelope = {key: value for key, value in spec.as_dict().items() if not isinstance(value, (dict, list))}
    for key, value in envelope.items():
        yield (key,), (key,), value
    for key, value in spec.requires.items():
        yield ("requires", key), ("requires", key), value
    for table, chosen in (("dataset", spec.dataset), ("model", spec.model), ("objective", spec.objective)):
        if chosen is not None:
            yield from _component(chosen, (table,), (table,))
    for index, chosen in enumerate(spec.evaluators):
        yield from _component(chosen, ("evaluators", index), ("evaluators", chosen.label))
    for key, values in spec.sweep.items():
        yield ("sweep", key), ("sweep", key), list(values)


def _component(chosen: Chosen, path: KeyPath, shown: KeyPath) -> Iterator[tuple[KeyPath, KeyPath, Any]]:
    yield (*path, "type"), (*shown, "type"), chosen.registered.qualified_name
    for rest, value in _flatten(plain_options(chosen.options, complete=True)):
        yield (*path, *rest), (*shown, *rest), value


def _flatten(value: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    for key, each in value.items():
        if isinstance(each, Mapping) and each:
            for rest, leaf in _flatten(each):
                yield (key, *rest), leaf
        else:
            yield (key,), each
