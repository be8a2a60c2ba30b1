"""How `identify describe` looks on a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from identify_core.cli.output import stdout_console

Document = Mapping[str, Any]


def show(schema: str, document: Document) -> None:
    """Print a document of `describe_document` for a reader."""
    from rich.text import Text

    console = stdout_console()
    lines: dict[str, Callable[[Document], Iterator[tuple[str, str]]]] = {
        "plugin-overview": _overview,
        "plugin": _plugin,
        "components": _components,
    }
    for text, style in lines[schema](document):
        console.print(Text(text, style=style))


def wrapped(text: str, indent: int) -> str:
    """`text` in lines as wide as the terminal, at most 100 columns, each indented."""
    width = min(shutil.get_terminal_size().columns, 100)
    return textwrap.fill(text, width, initial_indent=" " * indent, subsequent_indent=" " * indent)


def _overview(document: Document) -> Iterator[tuple[str, str]]:
    for plugin in document["plugins"]:
        yield f"{plugin['name']}  ({plugin['distribution']} {plugin['version']})", "bold"
        yield wrapped(plugin["summary"], 2), ""
        counts = [_count(len(offers), kind) for kind, offers in plugin["offers"].items() if offers]
        yield f"  {', '.join(counts) or 'offers nothing'}", "dim"
    yield "more: identify describe PLUGIN, identify describe rungs", "dim"


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}" if number == 1 else f"{number} {kind}s"


def _plugin(plugin: Document) -> Iterator[tuple[str, str]]:
    yield f"{plugin['name']}  ({plugin['distribution']} {plugin['version']})", "bold"
    yield wrapped(plugin["summary"], 0), ""
    longest = max((len(each["name"]) for offers in plugin["offers"].values() for each in offers), default=0)
    for kind, offers in plugin["offers"].items():
        if not offers:
            continue
        yield f"\n{kind}s", "bold cyan"
        for each in offers:
            yield f"  {each['name']:{longest}}  {each['summary']}", ""
    if plugin["observes"]:
        yield f"\nobserves runs: {', '.join(plugin['observes'])}", ""
    yield f"\nmore: identify describe {plugin['name']}:NAME", "dim"


def _components(document: Document) -> Iterator[tuple[str, str]]:
    for number, component in enumerate(document["components"]):
        if number:
            yield "", ""
        yield f"{component['kind']} {component['name']}", "bold"
        yield wrapped(component["summary"], 0), ""
        if component["source"]:
            yield wrapped(f"Source: {component['source']}", 0), "dim"
        for key, label in _FACTS.items():
            value = component.get(key)
            if value and value != "neither" and value != (None, None):
                yield f"{label}: {_words(value)}", ""
        if component["kind"] == "preset":
            yield f"\n{component['spec'].rstrip()}", ""
        if "options" in component:
            yield from _options(component["options"])


_FACTS = {
    "identified_up_to": "Identified up to",
    "arity": "Looks at",
    "invariant_to": "Invariant to",
    "requires": "Requires",
    "takes": "Takes",
    "bounds": "Bounds",
    "larger_is": "Larger is",
    "metric": "Satisfies the triangle inequality",
}


def _words(value: Any) -> str:
    if value is True:
        return "yes"
    if isinstance(value, (frozenset, set)):
        return ", ".join(sorted(value))
    if isinstance(value, dict):
        return "; ".join(f"{key} {_words(each) or 'nothing'}" for key, each in value.items())
    if isinstance(value, tuple):
        return ", ".join("none" if each is None else str(each) for each in value)
    return str(value)


def _options(options: list[Document]) -> Iterator[tuple[str, str]]:
    from identify_core.saying import say

    if not options:
        yield "\nIt has no options.", ""
        return
    yield "\noptions", "bold cyan"
    for option in options:
        default = "required" if option["required"] else "" if option["type"] == "a table" else say(option["default"])
        yield f"  {option['name']}{' = ' if not option['required'] and default else '  '}{default}".rstrip(), "bold"
        facts = [option["type"], *option["limits"], *([f"in {option['unit']}"] if option["unit"] else [])]
        yield wrapped("; ".join(facts), 6), "dim"
        if option["help"]:
            yield wrapped(option["help"], 6), ""
        if option["source"]:
            yield wrapped(f"Source: {option['source']}", 6), "dim"
