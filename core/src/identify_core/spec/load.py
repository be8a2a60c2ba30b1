"""Loading: read the layers, merge them, structure what they say, and report every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial, reduce
from pathlib import Path
from typing import Any

import attrs

from identify_core.components import Preset
from identify_core.errors import PluginError, SpecError, UsageError
from identify_core.mismatches import Mismatches
from identify_core.plugins import Registry
from identify_core.saying import echo, say
from identify_core.spec.choice import choose, choose_table, origin_below, origin_of
from identify_core.spec.envelope import COMPONENT_KINDS, Envelope
from identify_core.spec.evaluators import apply_edits, label_evaluators
from identify_core.spec.keypaths import KeyPath
from identify_core.spec.layers import (
    Layer,
    Origin,
    read_file_layer,
    read_flags,
    read_overrides,
    read_text_layer,
)
from identify_core.spec.merge import (
    Canonical,
    Given,
    Leaf,
    Node,
    Table,
    Tree,
    build,
    combine,
    dropped,
    histories,
    plain,
)
from identify_core.spec.problems import Problems, said_by
from identify_core.spec.requires import malformed_bounds, refuse_unmet
from identify_core.spec.resolved import Chosen, ResolvedSpec
from identify_core.spec.structure import structure
from identify_core.spec.sweep_table import structure_sweep
from identify_core.spec.trust import refuse_foreign_names
from identify_core.suggestions import did_you_mean


def load_spec(
    registry: Registry,
    *,
    plugin: str | None = None,
    file: Path | None = None,
    preset: str | None = None,
    overrides: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    layers: Sequence[Layer] = (),
) -> ResolvedSpec:
    """A complete spec from its layers: options' defaults < preset < file < overrides < flags < further layers.

    Args:
        registry: where components and presets are looked up.
        plugin: the running plugin; None takes the one that the spec names.
        file: a spec file.
        preset: the name of a preset of the running plugin. With neither file nor preset, its first one counts.
        overrides: `--set` texts such as `objective.steps=2000`.
        flags: dotted key path to value, such as `{"seed": 3}`; None as a value means that the flag was not given.
        layers: further layers above all others, such as one combination of a sweep.

    Raises:
        SpecError: the spec is wrong, `problems` lists everything; or it needs versions that are not there, then it
            lists those.
        UsageError: there is no such preset.
        PluginError: the running plugin cannot be used, or a component's options class is wrong.
    """
    further = [read_flags(flags or {}), *layers]
    return stack_layers(
        registry, plugin=plugin, file=file, preset=preset, overrides=overrides, layers=further
    ).resolve()


def stack_layers(
    registry: Registry,
    *,
    plugin: str | None = None,
    file: Path | None = None,
    preset: str | None = None,
    overrides: Sequence[str] = (),
    layers: Sequence[Layer] = (),
) -> Stack:
    """The layers of a spec read and laid over one another; the arguments and errors are those of `load_spec`."""
    upper = [read_file_layer(Path(file))] if file is not None else []
    upper += [read_overrides(overrides), *layers]
    return _stack(registry, upper, plugin=plugin, preset=preset, needs_preset=file is None)


@attrs.frozen(kw_only=True)
class Stack:
    """The layers of a spec, read once, from which any number of specs can be made by one more layer.

    Args:
        registry: where components are looked up.
        plugin: the running plugin.
        tree: the layers over one another.
        default_name: what the run is called where no layer says.
    """

    registry: Registry
    plugin: str
    tree: Tree
    default_name: str
    _chosen: dict[tuple[int, str], tuple[Node | None, Chosen]] = attrs.field(factory=dict, init=False)

    def resolve(self, combination: Layer | None = None) -> ResolvedSpec:
        """The complete spec, or the one of a combination of a sweep, which has no sweep itself.

        Components that a combination does not touch are structured once.

        Raises:
            SpecError: the spec is wrong; `problems` lists everything.
            PluginError: a component's options class is wrong.
        """
        tree = self.tree
        if combination is not None:
            tree = combine(tree, build(combination, _canonical(self.registry, self.plugin)))
        return _resolve(self, tree, swept=combination is None)

    def choose(self, node: Node | None, label: str, choose: Callable[[], Chosen | None]) -> Chosen | None:
        """What was chosen of this very node under this label before; chosen now where it was not."""
        key = (id(node), label)
        if key not in self._chosen:
            found = choose()
            if found is None:
                return None
            self._chosen[key] = (node, found)  # the node is kept, so that its identity stays its own
        return self._chosen[key][1]


def load_stored_spec(
    registry: Registry, text: str, *, owner: str, signature: object, trusted: Collection[str] = ()
) -> ResolvedSpec:
    """The spec of a run in a store, which is data: every spec that a store holds comes through here.

    Args:
        registry: where components are looked up.
        text: the spec in the store.
        owner: whose spec it is, for messages: "the run 2026...".
        signature: what the store keeps as the signature of the text.
        trusted: objects and files that the user's command trusts by name.

    Raises:
        SpecError: as for `load_spec`.
        TrustError: it names code or files that neither the user's own signature nor the command vouches for.
        PluginError: as for `load_spec`.
    """
    layer = read_text_layer(text, kind="file", place=f"of {owner}")
    spec = _stack(registry, [layer], plugin=None, preset=None, needs_preset=False).resolve()
    refuse_foreign_names(spec, text=text, signature=signature, trusted=trusted, owner=owner)
    return spec


def _stack(
    registry: Registry, upper: Sequence[Layer], *, plugin: str | None, preset: str | None, needs_preset: bool
) -> Stack:
    refuse_unmet(upper, registry.plugins)
    running = plugin if plugin is not None else _named_plugin(upper)
    registry.plugin(running)
    chosen = find_preset(registry, running, preset) if preset is not None or needs_preset else None
    lower = [read_text_layer(chosen.read_text(), kind="preset", place=chosen.name)] if chosen is not None else []
    refuse_unmet([*lower, *upper], registry.plugins)
    trees = [build(layer, _canonical(registry, running)) for layer in (*lower, *upper)]
    return Stack(
        registry=registry,
        plugin=running,
        tree=reduce(combine, trees),
        default_name=running if chosen is None else chosen.name,
    )


def find_preset(registry: Registry, plugin: str, name: str | None) -> Preset:
    """A plugin's preset by name, or its first one.

    Raises:
        UsageError: there is no such preset, or the plugin has none at all.
        PluginError: the plugin cannot be used.
    """
    presets = registry.presets(plugin)
    for each in presets:
        if name is None or each.name == name:
            return each
    if not presets:
        raise UsageError(f"the plugin {plugin!r} has no presets", hint="give a spec file with --spec")
    hint = registry.elsewhere(str(name)) or did_you_mean(str(name), [each.name for each in presets])
    raise UsageError(f"the plugin {plugin!r} has no preset {name!r}", hint=hint)


def _named_plugin(layers: Sequence[Layer]) -> str:
    for layer in reversed(layers):
        if "plugin" in layer.values:
            name = layer.values["plugin"]
            if not isinstance(name, str):
                problem = f"plugin: {say(name)} is not a string ({layer.origin(('plugin',))})"
                raise SpecError("there is a problem with the spec", problems=[problem])
            return name
    raise SpecError("the spec does not say which plugin runs it", hint='name one: plugin = "..." in its first lines')


def _canonical(registry: Registry, plugin: str) -> Canonical:
    def canonical(table: str, name: str) -> str:
        try:
            return registry.resolve(COMPONENT_KINDS[table], name, plugin=plugin).qualified_name
        except (KeyError, PluginError, UsageError):  # reported where the component is chosen
            return name

    return canonical


def _resolve(stack: Stack, tree: Tree, *, swept: bool) -> ResolvedSpec:
    registry, plugin = stack.registry, stack.plugin
    problems = Problems()
    nodes = tree.root.nodes() | ({"type": Leaf(given=tree.root.named)} if tree.root.named else {})
    _note_unknown_keys(nodes, problems)
    envelope = _structure_envelope(nodes, plugin, problems)
    components = {
        table: stack.choose(
            nodes.get(table), table, partial(choose_table, registry, plugin, nodes.get(table), table, problems)
        )
        for table in ("dataset", "model", "objective")
    }
    items = apply_edits(tree, problems)
    labels = label_evaluators(items, problems)
    evaluators = [
        stack.choose(item, label, partial(choose, registry, plugin, item, ("evaluators", index), label, problems))
        for index, (item, label) in enumerate(zip(items, labels, strict=True))
    ]
    known = {**components, **{f"evaluators.{label}": each for label, each in zip(labels, evaluators, strict=True)}}
    sweep = structure_sweep(registry, plugin, nodes.get("sweep"), known, labels, problems) if swept else {}
    _check_together(envelope, components["objective"], nodes, problems)
    problems.raise_any()
    assert envelope is not None  # otherwise there was a problem
    dataset, objective = components["dataset"], components["objective"]
    assert dataset is not None
    assert objective is not None
    return ResolvedSpec(
        plugin=plugin,
        name=envelope.name or stack.default_name,
        seed=envelope.seed,
        replicates=envelope.replicates,
        device=envelope.device,
        dtype=envelope.dtype,
        autocast=envelope.autocast,
        strategy=envelope.strategy,
        requires=envelope.requires,
        dataset=dataset,
        model=components["model"],
        objective=objective,
        evaluators=tuple(each for each in evaluators if each is not None),
        sweep=sweep,
        histories=_histories(tree, items, plugin),
        notes=_notes(tree, items),
    )


def _histories(tree: Tree, items: Sequence[Table], plugin: str) -> dict[KeyPath, tuple[Given, ...]]:
    asked_for = Given(value=plugin, origin=Origin(layer="flag", place="the plugin that was asked for"))
    found: dict[KeyPath, tuple[Given, ...]] = {("plugin",): (asked_for,)}
    found |= histories(tree.root)
    for index, item in enumerate(items):
        found |= histories(item, ("evaluators", index))
    return found


def _note_unknown_keys(nodes: Mapping[str, Node], problems: Problems) -> None:
    known = [field.name for field in attrs.fields(Envelope)] + [*COMPONENT_KINDS, "sweep"]
    for key, node in nodes.items():
        if key not in known:
            problems.add((key,), partial(_no_such_key, key, known), origin_of(node))
    if "evaluators" in nodes:  # what has the form of a list of tables, or of edits to one, is not among the nodes
        node = nodes["evaluators"]
        problems.add(
            ("evaluators",), f"{say(plain(node))} is not a list of tables: write [[evaluators]]", origin_of(node)
        )


def _no_such_key(key: str, known: Sequence[str]) -> str:
    return f"there is no such key; {did_you_mean(key, known)}"


def _structure_envelope(nodes: Mapping[str, Node], plugin: str, problems: Problems) -> Envelope | None:
    names = [field.name for field in attrs.fields(Envelope)]
    given = {name: nodes[name] for name in names if name in nodes}
    try:
        envelope: Envelope = structure({name: plain(node) for name, node in given.items()}, Envelope)
    except Mismatches as error:
        for path, message in said_by(error, ()):
            problems.add(path, message, partial(origin_below, given, path))
        return None
    if envelope.plugin not in ("", plugin):
        message = f"the spec is for the plugin {echo(envelope.plugin)!r}, but {plugin!r} was asked to run it"
        problems.add(("plugin",), message, origin_of(given["plugin"]))
    for name, message in malformed_bounds(envelope.requires):
        problems.add(("requires", name), message, partial(origin_below, given, ("requires", name)))
    return envelope


def _check_together(
    envelope: Envelope | None, objective: Chosen | None, nodes: Mapping[str, Node], problems: Problems
) -> None:
    if envelope is None or envelope.autocast == "off":
        return
    origin = origin_of(nodes["autocast"])
    if objective is not None and not objective.registered.component.autocast:
        name = objective.registered.qualified_name
        problems.add(
            ("autocast",), f'{say(envelope.autocast)} is nothing that {name} can train in: write "off"', origin
        )
    if envelope.dtype != "float32":
        message = (
            f'{say(envelope.autocast)} does not go together with dtype = "{envelope.dtype}": autocast needs float32'
        )
        problems.add(("autocast",), message, origin)


def _notes(tree: Tree, items: Sequence[Table]) -> tuple[str, ...]:
    notes = [
        f"the list of {count} evaluators that began at {origin} is replaced as a whole"
        for origin, count in tree.replaced
    ]
    notes += dropped(tree.root)
    for index, item in enumerate(items):
        notes += dropped(item, ("evaluators", index))
    return tuple(notes)
