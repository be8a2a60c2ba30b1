"""The choice: from a component's merged table to the component that its `type` names and its structured options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from identify_core.errors import PluginError, SpecError, UsageError
from identify_core.kinds import option_fields
from identify_core.mismatches import Mismatches
from identify_core.plugins import Registered, Registry
from identify_core.saying import say
from identify_core.spec.envelope import COMPONENT_KINDS
from identify_core.spec.given import origins_in, say_where_given
from identify_core.spec.keypaths import KeyPath
from identify_core.spec.layers import Layer, Origin, read_overrides
from identify_core.spec.merge import Leaf, Node, Table, build, histories, plain
from identify_core.spec.problems import Problems, said_by
from identify_core.spec.resolved import Chosen
from identify_core.spec.structure import structure
from identify_core.suggestions import did_you_mean

RESERVED = ("type", "label")


def choose_evaluator(
    registry: Registry, name: str, overrides: Sequence[str] = (), *, plugin: str | None = None, label: str = ""
) -> Chosen:
    """An evaluator by its name alone, its options from `KEY=VALUE` texts such as `counts=[9, 9]`.

    Args:
        registry: where the name is looked up.
        name: short or qualified.
        overrides: options over their defaults.
        plugin: the running plugin.
        label: the evaluator's label; its short name where empty.

    Raises:
        UsageError: there is no such evaluator.
        PluginError: several plugins offer it, or its options class is wrong.
        SpecError: an override is wrong; `problems` lists everything.
    """
    registered = registry.resolve("evaluator", name, plugin=plugin)
    table = build(read_overrides(overrides), lambda _, text: text).root
    problems = Problems()
    options = _structure_options(registered, plain(table), table, (), problems)
    problems.raise_any("the evaluator's options")
    return chosen_with(registry, registered, options, label or registered.name, origins_in(table, ()))


def choose_evaluators(
    registry: Registry,
    names: Sequence[str],
    overrides: Sequence[str] = (),
    *,
    plugin: str | None = None,
    label: str = "",
) -> list[Chosen]:
    """Several evaluators of one command; each takes the overrides of options that it has.

    Args:
        registry: where the names are looked up.
        names: short or qualified.
        overrides: options over their defaults; each is one of at least one of the evaluators.
        plugin: the running plugin.
        label: as in `choose_evaluator`.

    Raises:
        UsageError: there is no such evaluator.
        PluginError: several plugins offer one, or an options class is wrong.
        SpecError: an override is wrong, or of no evaluator.
    """
    known = [
        {field.name for field in option_fields(registry.resolve("evaluator", name, plugin=plugin).component.options)}
        for name in names
    ]
    if len(names) > 1:
        mine = [[each for each in overrides if _first_key(each) in options] for options in known]
        strangers = [each for each in overrides if not any(_first_key(each) in options for options in known)]
        if strangers:
            everything = sorted(set().union(*known))
            key = _first_key(strangers[0])
            raise SpecError(
                f"none of the evaluators {', '.join(names)} has an option {key!r}", hint=did_you_mean(key, everything)
            )
    else:
        mine = [list(overrides) for _ in names]
    return [
        choose_evaluator(registry, name, texts, plugin=plugin, label=label)
        for name, texts in zip(names, mine, strict=True)
    ]


def choose_stored_evaluators(registry: Registry, tables: Sequence[Mapping[str, Any]], *, owner: str) -> list[Chosen]:
    """The evaluators of a stored comparison.

    Args:
        registry: where they are looked up.
        tables: each with its qualified `type`, its `label` and its options in plain types.
        owner: whose they are, for messages: "the comparison 2026...".

    Raises:
        SpecError: one is not there or its options are not its own; `problems` lists everything.
    """
    layer = Layer(kind="file", place=f"of {owner}", values={"evaluators": list(tables)}, lines={}, places={})
    problems = Problems()
    chosen = [
        choose(registry, "", table, ("evaluators", index), str(tables[index]["label"]), problems)
        for index, table in enumerate(build(layer, lambda _, name: name).items or ())
    ]
    problems.raise_any(owner)
    return [each for each in chosen if each is not None]


def _first_key(override: str) -> str:
    return override.partition("=")[0].strip().partition(".")[0].strip("\"' ")


def choose_table(registry: Registry, plugin: str, node: Node | None, table: str, problems: Problems) -> Chosen | None:
    """The component of `[dataset]`, `[model]` or `[objective]`; None where there is none, or a problem."""
    if isinstance(node, Table):
        return choose(registry, plugin, node, (table,), table, problems)
    if node is not None:
        message = f'{say(plain(node))} is not a table: write [{table}] and below it type = "..."'
        problems.add((table,), message, origin_of(node))
    elif table != "model":  # some objectives need no model; those that do say so when the run is prepared
        offers = _offers(registry, COMPONENT_KINDS[table], plugin)
        problems.add((table,), f'this table is required: write [{table}] and below it type = "..."{offers}')
    return None


def choose(
    registry: Registry, plugin: str, table: Table, path: KeyPath, label: str, problems: Problems
) -> Chosen | None:
    """The component that a table at a key path names, with its options; None where there is a problem."""
    kind = COMPONENT_KINDS[str(path[0])]
    values = plain(table)
    name = values.pop("type", None)
    if path[0] == "evaluators":
        values.pop("label", None)
    if not isinstance(name, str):
        message = "this is required" if name is None else f"{say(name)} is not a string"
        origin = table.named[-1].origin if table.named else table.origin
        problems.add((*path, "type"), f"{message}{_offers(registry, kind, plugin)}", origin)
        return None
    try:
        registered = registry.resolve(kind, name, plugin=plugin)
    except (UsageError, PluginError) as error:
        hint = f"; {error.hint}" if error.hint else ""
        problems.add((*path, "type"), f"{error.message}{hint}", table.named[-1].origin)
        return None
    options = _structure_options(registered, values, table, path, problems)
    return None if options is None else chosen_with(registry, registered, options, label, origins_in(table, path))


def chosen_with(
    registry: Registry, registered: Registered, options: Any, label: str, origins: Mapping[str, Origin] | None = None
) -> Chosen:
    """A component with its options, and the evaluators that it consults where their plugins can be used."""
    names = getattr(registered.component, "consults", ())
    offered = {each.qualified_name: each for each in registry.components("evaluator")} if names else {}
    consulted = {name: offered[name] for name in names if name in offered}
    return Chosen(registered=registered, options=options, label=label, consulted=consulted, origins=origins or {})


def _structure_options(
    registered: Registered, values: Mapping[str, Any], table: Table, path: KeyPath, problems: Problems
) -> Any:
    _refuse_reserved(registered)
    try:
        return structure(values, registered.component.options)
    except Mismatches as error:
        for where, message in said_by(error, path):
            if where == path:  # of several options together
                said = say_where_given(message, registered.component.options, origins_in(table, path))
                problems.add(where, f"{message}{said}")
            else:
                problems.add(where, message, partial(origin_in, table, path, where))
        return None


def _offers(registry: Registry, kind: str, plugin: str) -> str:
    offers = registry.components(kind)
    names = [each.name if each.owner == plugin else each.qualified_name for each in offers]
    return f"; there are: {', '.join(names)}" if names else f"; no installed plugin offers a {kind}"


def _refuse_reserved(registered: Registered) -> None:
    for field in option_fields(registered.component.options):
        if field.name in RESERVED:
            raise PluginError(
                f"the {registered.kind} {registered.qualified_name} has an option {field.name!r}, which specs reserve",
                hint="rename the option",
            )


def origin_of(node: Node) -> Origin:
    """Where a node's value came from; for a table, where it was first mentioned."""
    return node.given[-1].origin if isinstance(node, Leaf) else node.origin


def origin_below(nodes: Mapping[str, Node], path: KeyPath) -> Origin | None:
    """The origin of a key path below one of several named nodes; None where nothing gave it."""
    node = nodes.get(str(path[0]))
    if isinstance(node, Table):
        return origin_in(node, path[:1], path)
    return None if node is None else origin_of(node)


def origin_in(table: Table, path: KeyPath, where: KeyPath) -> Origin | None:
    """The origin of a key below a table, or of the nearest thing above it that a layer gave."""
    known = histories(table, path)
    for length in range(len(where), len(path) - 1, -1):
        if where[:length] in known:
            return known[where[:length]][-1].origin
    return None
