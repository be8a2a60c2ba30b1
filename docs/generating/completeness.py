"""What the reference lacks, found by looking at its pages: independent of how they are made."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from identify_core.cli.describe import describe_options
from identify_core.plugins import Registered, Registry
from identify_core.saying import say

KINDS_WITH_OPTIONS = ("dataset", "model", "objective", "evaluator")


def read_reference(folder: Path) -> dict[str, str]:
    """Name of each page of the reference, such as `plugins/genni`, to its text."""
    paths = sorted(folder.rglob("*.md"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path.read_text(encoding="utf-8") for path in paths}


def missing_hooks(pages: Mapping[str, str], specifications: type) -> Iterator[str]:
    """Hooks that the page of the hooks does not describe, or describes with another signature."""
    for name, hook in vars(specifications).items():
        if not inspect.isfunction(hook):
            continue
        section = _section(pages.get("hooks", ""), f"### `{name}`")
        if not section:
            yield f"the hook {name} is not in the reference"
            continue
        shown = " ".join(section.replace(",\n)", ")").split()).replace("( ", "(")
        parameters = [each for each in inspect.signature(hook).parameters.values() if each.name != "self"]
        arguments = ", ".join(f"{each.name}: {each.annotation}" for each in parameters)
        signature = f"{name}({arguments}) -> {inspect.signature(hook).return_annotation}"
        if signature not in shown:
            yield f"the hook {name} is in the reference with another signature than {signature}"
        if "```python" not in section:
            yield f"the hook {name} has no example in the reference"


def missing_components(pages: Mapping[str, str], registry: Registry, plugin: str) -> Iterator[str]:
    """Components, presets, commands and options of a plugin that its page lacks or tells otherwise."""
    text = pages.get(f"plugins/{plugin}", "")
    if not text:
        yield f"the plugin {plugin} has no page in the reference"
        return
    for offer in registry.components(plugin=plugin):
        section = _section(text, f"### {offer.kind} `{offer.qualified_name}`")
        if not section:
            yield f"the {offer.kind} {offer.qualified_name} is not in the reference"
        elif offer.kind in KINDS_WITH_OPTIONS:
            yield from _missing_options(offer, section)


def _missing_options(offer: Registered, section: str) -> Iterator[str]:
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*)$", section, re.MULTILINE))
    for option in describe_options(offer.component.options):
        where = f"the option {option['name']} of the {offer.kind} {offer.qualified_name}"
        row = rows.get(option["name"])
        if row is None:
            yield f"{where} is not in the reference"
            continue
        default = "required" if option["required"] else say(option["default"])
        wanted = {"default": default, "type": option["type"], "help": option["help"], "unit": option["unit"]}
        wanted |= {"limit": "; ".join(option["limits"]), "source": option["source"]}
        for what, value in wanted.items():
            if option["type"] == "a table" and what == "default":
                continue
            if _bare(value) not in _bare(row):
                yield f"{where} is in the reference with another {what} than {value!r}"


def _bare(text: str) -> str:
    """Without what Markdown needs."""
    return " ".join(text.replace("\\", "").replace("`", "").replace("&lt;", "<").split())


def _section(text: str, heading: str) -> str:
    """From a heading to the next one of the same or a higher level; empty where there is none."""
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    if not found:
        return ""
    level = heading.partition(" ")[0]
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
