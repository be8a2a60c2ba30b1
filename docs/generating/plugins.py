"""A page for each plugin of this repository: every component with its options, and its presets."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from generating.markdown import facts, fence, page, prose, rungs, table

from identify_core.cli.describe import describe_options
from identify_core.components import load_target
from identify_core.plugins import Registered, Registry, load_registry
from identify_core.saying import say

ROOT = Path(__file__).parent.parent.parent
KINDS = {
    "dataset": "Datasets",
    "model": "Models",
    "objective": "Objectives",
    "evaluator": "Evaluators",
    "preset": "Presets",
    "command": "Commands",
    "check": "Checks",
}


def plugin_names() -> tuple[str, ...]:
    """The plugins that `pip install .` installs, sorted."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = (each.partition("@")[0].strip() for each in content["project"]["dependencies"])
    return tuple(sorted(name.removeprefix("identify-") for name in names if name != "identify-core"))


def documented_registry() -> Registry:
    """The plugins that have a page, imported; those of them that are not installed are in it without components."""
    return load_registry(only=plugin_names())


def documented_plugins(registry: Registry) -> tuple[str, ...]:
    """The plugins of this repository that are installed and can be used: a page is made for each."""
    usable = {plugin.name for plugin in registry.plugins if plugin.status == "available"}
    return tuple(name for name in plugin_names() if name in usable)


def plugin_page(registry: Registry, name: str) -> str:
    """Everything that one plugin offers."""
    offers = registry.components(plugin=name)
    present = [kind for kind in KINDS if any(each.kind == kind for each in offers)]
    return page(
        f"# {name}",
        prose(registry.plugin(name).summary) + ".",
        f"This is what `identify describe {name}` says, on one page. In a spec of another plugin, and on the command "
        f"line, a name of this page is written `{name}:NAME`.",
        *(_kind(kind, [each for each in offers if each.kind == kind]) for kind in present),
    )


def _kind(kind: str, offers: Iterable[Registered]) -> str:
    return page(f"## {KINDS[kind]}", *(_offer(each) for each in offers))


def _offer(offer: Registered) -> str:
    component = offer.component
    text = prose(component.summary.rstrip(".")) + "."
    head = (f"### {offer.kind} `{offer.qualified_name}`", text, facts(_facts(offer)))
    if offer.kind == "preset":
        return page(*head, *_hidden("the spec", fence("toml", component.read_text())))
    if offer.kind == "command":
        return page(*head, *_command(offer))
    if offer.kind == "check":
        return page(*head)
    rows = list(option_rows(component.options))
    columns = ("option", "default", "type", "meaning")
    return page(*head, table(columns, rows) if rows else "It has no options.")


def _facts(offer: Registered) -> Iterator[tuple[str, str]]:
    component = offer.component
    yield "source", prose(getattr(component, "source", ""))
    if offer.kind == "objective":
        yield "identified up to", f"`{component.identified_up_to}`" if component.identified_up_to else ""
        yield "autocast", "bfloat16 and float16" if component.autocast else ""
    if offer.kind == "evaluator":
        low, high = component.bounds
        one = "one representation" if component.arity == "representation" else f"a {component.arity}"
        yield "looks at", one
        yield "requires", ", ".join(sorted(component.requires))
        yield "invariant to", rungs(component.invariant_to)
        yield "bounds", "" if low is None and high is None else f"{_bound(low, '−∞')} to {_bound(high, '∞')}"
        yield "larger is", component.larger_is if component.larger_is != "neither" else ""
        if component.arity == "pair":
            yield "symmetric", "yes" if component.symmetric else "no"
            yield "metric", "yes" if component.is_metric else ""
            yield "run by `identify compare` unasked", "yes" if component.standard else ""


def _bound(value: float | None, infinite: str) -> str:
    return infinite if value is None else f"{value:g}"


def option_rows(options: type) -> Iterator[tuple[str, str, str, str]]:
    """Name, default, type with limits, and meaning of every option."""
    for option in describe_options(options):
        default = (
            "required" if option["required"] else "" if option["type"] == "a table" else f"`{say(option['default'])}`"
        )
        kind = "; ".join([_type(option["type"]), *(prose(limit) for limit in option["limits"])])
        meaning = [prose(option["help"]), f"In {option['unit']}." if option["unit"] else ""]
        meaning.append(f"*Source:* {prose(option['source'])}" if option["source"] else "")
        yield f"`{option['name']}`", default, kind, " ".join(each for each in meaning if each)


def _type(words: str) -> str:
    """A type in words, its choices as code."""
    return re.sub(r'"[^"]*"', lambda choice: f"`{choice[0]}`", prose(words))


def _command(offer: Registered) -> Iterator[str]:
    command: Any = load_target(offer.component.target)
    rows = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            rows.append((f"`{parameter.human_readable_name}`", ""))
        elif parameter.help is not None:
            rows.append((", ".join(f"`{each}`" for each in parameter.opts), prose(parameter.help)))
    yield f"`identify {offer.owner} {offer.name} {_usage(command)}`"
    yield table(("argument", "meaning"), rows)


def _usage(command: Any) -> str:
    arguments = [each.human_readable_name for each in command.params if each.param_type_name == "argument"]
    return " ".join(["[OPTIONS]", *arguments])


def _hidden(title: str, text: str) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>"
    yield text
    yield "</details>"
