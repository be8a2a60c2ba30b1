"""`identify describe`: what a plugin offers, what a component's options mean, what a rung is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.completing import complete_descriptions
from identify_core.cli.invocation import Invocation, json_option
from identify_core.errors import UsageError
from identify_core.suggestions import did_you_mean

if TYPE_CHECKING:
    from identify_core.plugins import Registered, Registry
    from identify_core.scores import Invariance

KINDS = ("dataset", "model", "objective", "evaluator", "preset", "command", "check")


@click.command("describe")
@click.argument("words", nargs=-1, metavar="[NAME]", shell_complete=complete_descriptions)
@json_option
@click.pass_obj
def command(invocation: Invocation, words: tuple[str, ...], as_json: bool) -> None:
    """Describe a plugin, a component, a preset or a rung.

    \b
    identify describe                 every plugin
    identify describe genni           a plugin and what it offers
    identify describe genni:fcn       a component with its options, or a preset
    identify describe rungs           the equivalence ladder
    identify describe rung linear     one class of maps
    """
    from identify_core.cli import describe_rungs, describe_text

    if words and words[0] in ("rung", "rungs"):
        describe_rungs.describe(words[1:], as_json=as_json)
        return
    if len(words) > 1:
        raise UsageError(f"describe takes one name, not {' '.join(words)!r}", hint="a rung is: describe rung NAME")
    schema, document = describe_document(invocation.registry(), words[0] if words else "")
    if as_json:
        from identify_core.cli.output import print_json

        print_json(schema, document)
    else:
        describe_text.show(schema, document)


def describe_document(registry: Registry, name: str) -> tuple[str, dict[str, Any]]:
    """What `name` means, as the name of a document's shape and the document in plain types.

    Args:
        registry: the plugins.
        name: a plugin, a component or a preset by its short or qualified name; empty for all plugins.

    Raises:
        UsageError: nothing has that name.
        PluginError: its plugin cannot be used.
    """
    if not name:
        return "plugin-overview", {"plugins": [_plugin(registry, each.name) for each in _available(registry)]}
    if any(plugin.name == name for plugin in registry.plugins):
        return "plugin", _plugin(registry, name)
    owner, colon, short = name.partition(":")
    if colon:
        registry.plugin(owner)
    offers = [
        offer
        for offer in registry.components()
        if (offer.owner, offer.name) == (owner, short) or (not colon and offer.name == name)
    ]
    if not offers:
        raise _unknown(registry, name)
    return "components", {"components": [_component(offer) for offer in offers]}


def _available(registry: Registry) -> list[Any]:
    return [plugin for plugin in registry.plugins if plugin.status == "available"]


def _unknown(registry: Registry, name: str) -> UsageError:
    names = [plugin.name for plugin in _available(registry)]
    offers = sorted(registry.components(), key=lambda offer: not getattr(offer.component, "standard", False))
    names += [offer.qualified_name if ":" in name else offer.name for offer in offers]
    hint = registry.elsewhere(name) or did_you_mean(name, names)
    return UsageError(f"there is no plugin, component or preset {name!r}", hint=hint)


def _plugin(registry: Registry, name: str) -> dict[str, Any]:
    plugin = registry.plugin(name)
    offers = registry.components(plugin=name)
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "summary": plugin.summary,
        "offers": {
            kind: [
                {"name": each.name, "summary": each.component.summary, "source": getattr(each.component, "source", "")}
                for each in offers
                if each.kind == kind
            ]
            for kind in KINDS
        },
        "observes": sorted(observer.hook for observer in registry.observers() if observer.owner == name),
    }


def _component(offer: Registered) -> dict[str, Any]:
    component = offer.component
    document: dict[str, Any] = {
        "kind": offer.kind,
        "name": offer.qualified_name,
        "summary": component.summary,
        "source": getattr(component, "source", ""),
        "distribution": offer.distribution,
        "version": offer.version,
    }
    if offer.kind == "preset":
        return {**document, "spec": component.read_text()}
    document["target"] = component.target
    if offer.kind in ("command", "check"):
        return document
    if offer.kind == "objective":
        document |= {"identified_up_to": component.identified_up_to, "autocast": component.autocast}
    if offer.kind == "evaluator":
        document |= {
            "arity": component.arity,
            "invariant_to": _invariance(component.invariant_to),
            "requires": component.requires,
            "takes": component.takes,
            "bounds": component.bounds,
            "larger_is": component.larger_is,
            "metric": component.is_metric,
        }
    return {**document, "options": describe_options(component.options)}


def _invariance(invariance: Invariance) -> Any:
    from identify_core.scores import ByRole

    if not isinstance(invariance, ByRole):
        return invariance
    return {"source": invariance.source, "target": invariance.target}


def describe_options(options: type, prefix: str = "") -> list[dict[str, Any]]:
    """Every field of an options class, nested ones by their key path.

    Args:
        options: an attrs class.
        prefix: the key path of the class itself, with its dot.

    Raises:
        PluginError: an annotation of it cannot be resolved.
    """
    import attrs

    from identify_core.kinds import option_fields
    from identify_core.saying import say_type
    from identify_core.spec.structure import plain_options

    rows: list[dict[str, Any]] = []
    for field in option_fields(options):
        nested = field.type if isinstance(field.type, type) and attrs.has(field.type) else None
        required = field.default is attrs.NOTHING
        default = None if required else _default(field)
        rows.append(
            {
                "name": f"{prefix}{field.name}",
                "type": say_type(field.type),
                "required": required,
                "default": None if required or nested else plain_options(default),
                **{key: field.metadata.get(key, "") for key in ("help", "unit", "source")},
                "limits": field.metadata.get("limits", ()),
            }
        )
        if nested:
            rows += describe_options(nested, f"{prefix}{field.name}.")
    return rows


def _default(field: Any) -> Any:
    import attrs

    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return field.default.factory()
    return field.default
