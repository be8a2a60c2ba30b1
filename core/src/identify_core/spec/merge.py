"""Merging layers: the uppermost value counts, each keeps its history, and a changed `type` starts its table afresh.

`merge` is associative, so that layers can be combined in any grouping. Three rules make it so. A table keeps its
options apart by the `type` in force where they were given; only those of the final type, and those given before any
type was named, count. A value over a table, or a table over a value, hides all that lies below. A list of evaluators
replaces the list below, while edits by index or label queue up until a list is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from identify_core.spec.keypaths import KeyPath, write_key_path
from identify_core.spec.layers import Layer, Origin

Canonical = Callable[[str, str], str]
"""`canonical(table's key, type text)`: one spelling for each component, so that `fcn` and `genni:fcn` are the same."""


@attrs.frozen(kw_only=True)
class Given:
    """A value and where it was given."""

    value: Any
    origin: Origin


@attrs.frozen(kw_only=True)
class Leaf:
    """A scalar or a list.

    Args:
        given: what each layer gave, lowest first; the last one counts.
        hides: whether nothing of the layers below shows through.
    """

    given: tuple[Given, ...]
    hides: bool = False


@attrs.frozen(kw_only=True)
class Table:
    """A table.

    Args:
        origin: where it was first mentioned.
        loose: what was given in layers up to which no `type` was named.
        typed: what was given under each `type`.
        apart: what belongs to no type: an evaluator's label.
        named: each layer's `type`, lowest first.
        current: the canonical spelling of the last of them.
        hides: whether nothing of the layers below shows through.
    """

    origin: Origin
    loose: Mapping[str, Node] = attrs.field(factory=dict)
    typed: Mapping[str, Mapping[str, Node]] = attrs.field(factory=dict)
    apart: Mapping[str, Node] = attrs.field(factory=dict)
    named: tuple[Given, ...] = ()
    current: str | None = None
    hides: bool = False

    def nodes(self) -> dict[str, Node]:
        """What counts: the options of the final type over those given before any type was named."""
        typed = self.typed.get(self.current, {}) if self.current is not None else {}
        return {**self.apart, **_overlay(self.loose, typed)}


Node = Leaf | Table


@attrs.frozen(kw_only=True)
class Edit:
    """A change to one evaluator, chosen by its index or label."""

    selector: str
    table: Table


@attrs.frozen(kw_only=True)
class Tree:
    """A layer, or several merged ones.

    Args:
        root: everything but the evaluators.
        items: the evaluators' list, where a layer gives one.
        edits: changes to that list, in order.
        replaced: for each list that a higher one replaced, where it came from and how many evaluators it had.
    """

    root: Table
    items: tuple[Table, ...] | None = None
    edits: tuple[Edit, ...] = ()
    replaced: tuple[tuple[Origin, int], ...] = ()


def build(layer: Layer, canonical: Canonical) -> Tree:
    """One layer as a tree."""
    values = dict(layer.values)
    evaluators = values.get("evaluators")
    items: tuple[Table, ...] | None = None
    edits: tuple[Edit, ...] = ()
    if isinstance(evaluators, list) and all(isinstance(each, dict) for each in evaluators):
        items = tuple(_table(each, ("evaluators", index), layer, canonical) for index, each in enumerate(evaluators))
    elif isinstance(evaluators, dict) and all(isinstance(each, dict) for each in evaluators.values()):
        edits = tuple(
            Edit(selector=selector, table=_table(each, ("evaluators", selector), layer, canonical))
            for selector, each in evaluators.items()
        )
    if items is not None or edits or evaluators == {}:
        del values["evaluators"]
    return Tree(root=_table(values, (), layer, canonical), items=items, edits=edits)


def combine(lower: Tree, upper: Tree) -> Tree:
    """The upper tree over the lower one; associative."""
    root = merge(lower.root, upper.root)
    assert isinstance(root, Table)  # two tables merge into a table
    if upper.items is None:
        return Tree(
            root=root, items=lower.items, edits=lower.edits + upper.edits, replaced=lower.replaced + upper.replaced
        )
    hidden = () if lower.items is None else tuple((each.origin, len(lower.items)) for each in lower.items[:1])
    return Tree(root=root, items=upper.items, edits=upper.edits, replaced=lower.replaced + hidden + upper.replaced)


def merge(lower: Node, upper: Node) -> Node:
    """The upper node over the lower one; associative."""
    if upper.hides:
        return upper
    if isinstance(upper, Leaf):
        if isinstance(lower, Leaf):
            return Leaf(given=lower.given + upper.given, hides=lower.hides)
        return attrs.evolve(upper, hides=True)
    if isinstance(lower, Leaf):
        return attrs.evolve(upper, hides=True)
    if lower.current is None:
        loose = _overlay(lower.loose, upper.loose)
        typed = dict(lower.typed)
    else:
        loose = dict(lower.loose)
        typed = {**lower.typed, lower.current: _overlay(lower.typed.get(lower.current, {}), upper.loose)}
    for name, nodes in upper.typed.items():
        typed[name] = _overlay(typed.get(name, {}), nodes)
    return Table(
        origin=lower.origin,
        loose=loose,
        typed=typed,
        apart=_overlay(lower.apart, upper.apart),
        named=lower.named + upper.named,
        current=lower.current if upper.current is None else upper.current,
        hides=lower.hides,
    )


def plain(node: Node) -> Any:
    """The values that count, as plain TOML types; `type` among the keys of a table that has one."""
    if isinstance(node, Leaf):
        return node.given[-1].value
    head = {"type": node.named[-1].value} if node.named else {}
    return head | {key: plain(each) for key, each in node.nodes().items()}


def histories(node: Node, path: KeyPath = ()) -> dict[KeyPath, tuple[Given, ...]]:
    """What every layer gave at each key path, lowest first; for a table, where it was first mentioned."""
    if isinstance(node, Leaf):
        return {path: node.given}
    found: dict[KeyPath, tuple[Given, ...]] = {path: (Given(value=None, origin=node.origin),)}
    if node.named:
        found[(*path, "type")] = node.named
    for key, each in node.nodes().items():
        found |= histories(each, (*path, key))
    return found


def dropped(node: Node, path: KeyPath = ()) -> list[str]:
    """A sentence for every option that was given under a `type` which a higher layer replaced."""
    if isinstance(node, Leaf):
        return []
    sentences = []
    for name, nodes in node.typed.items():
        if name != node.current:
            last = node.named[-1]
            for key in nodes:
                sentences.append(
                    f"{write_key_path((*path, key))} given for {name} is dropped: "
                    f"{write_key_path((*path, 'type'))} became {last.value!r} ({last.origin})"
                )
    for key, each in node.nodes().items():
        sentences += dropped(each, (*path, key))
    return sentences


def _table(values: Mapping[str, Any], path: KeyPath, layer: Layer, canonical: Canonical) -> Table:
    origin = layer.origin(path)
    nodes = {key: _node(value, (*path, key), layer, canonical) for key, value in values.items()}
    is_evaluator = path[:1] == ("evaluators",) and len(path) == 2
    apart = {"label": nodes.pop("label")} if is_evaluator and "label" in nodes else {}
    if "type" not in values:
        return Table(origin=origin, loose=nodes, apart=apart)
    del nodes["type"]
    name = values["type"]
    given = Given(value=name, origin=layer.origin((*path, "type")))
    current = repr(name)  # what is not a string is reported as soon as something is structured from this table
    if isinstance(name, str):
        current = canonical(str(path[0]), name) if is_evaluator or len(path) == 1 else name
    return Table(origin=origin, typed={current: nodes}, apart=apart, named=(given,), current=current)


def _node(value: Any, path: KeyPath, layer: Layer, canonical: Canonical) -> Node:
    if isinstance(value, Mapping):
        return _table(value, path, layer, canonical)
    return Leaf(given=(Given(value=value, origin=layer.origin(path)),))


def _overlay(lower: Mapping[str, Node], upper: Mapping[str, Node]) -> dict[str, Node]:
    merged = dict(lower)
    for key, node in upper.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return merged
