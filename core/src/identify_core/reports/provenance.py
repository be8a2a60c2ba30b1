"""The parts of the page that come from run.json and spec.toml: its facts, what was asked, and the provenance."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup, escape

from identify_core.reports.evidence import Section
from identify_core.reports.numerals import typeset
from identify_core.reports.templating import render

SHOWN_ELSEWHERE = frozenset(
    {
        *("format", "kind", "id", "name", "status", "stage", "reason", "spec", "components", "evaluated"),
        *("arrays", "files", "findings", "figures", "scalars", "warnings", "failures", "headline"),
    }
)

_TOML = re.compile(
    r"(?P<comment>#[^\n]*)|(?P<table>^\s*\[[^\n]*\][ \t]*$)|(?P<key>^[ \t]*(?:[\w.-]+|\"[^\"\n]*\")(?=\s*=))"
    r"|(?P<text>\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*')|(?P<value>\b(?:true|false|-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\b)",
    re.MULTILINE,
)


def facts(document: Mapping[str, Any]) -> Iterator[str]:
    """What run it is: by which plugin, when, how long, where."""
    if document.get("plugin"):
        yield f"plugin {document['plugin']}"
    created = str(document.get("created", ""))
    if created:
        yield f"{created[:10]} {created[11:16]} UTC"
    if "wall" in document.get("seconds", {}):
        yield f"took {duration(document['seconds']['wall'])}"
    for name in ("device", "device_name"):
        if document.get("provenance", {}).get(name):
            yield str(document["provenance"][name])
    if "replicates" in document:
        yield f"{document['replicates']} replicates"
    if "seed" in document:
        yield f"seed {document['seed']}"


def duration(seconds: float) -> str:
    """Seconds in words: `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def asked(spec_text: str) -> Section:
    """What was asked: one line a component, and the whole resolved spec."""
    content = render("asked.html", components=list(components_in(spec_text)), spec=highlight(spec_text))
    return Section(anchor="asked", title="What was asked", content=content)


def components_in(spec_text: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and options of each component of a spec; nothing of what is not TOML."""
    try:
        spec = tomllib.loads(spec_text)
    except (ValueError, RecursionError):  # not TOML, or TOML that no run was made with
        return
    for kind in ("dataset", "model", "objective", "evaluators"):
        tables = spec.get(kind, [])
        for table in tables if isinstance(tables, list) else [tables]:
            if isinstance(table, dict):
                options = (f"{key} = {_short(value)}" for key, value in table.items() if key not in ("type", "label"))
                yield kind.removesuffix("s"), str(table.get("type", "")), ", ".join(options)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_short(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_short(each) for each in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


def highlight(spec_text: str) -> Markup:
    """TOML with its comments, tables, keys and values marked for the style sheet; the text itself is escaped."""
    pieces: list[str] = []
    end = 0
    for match in _TOML.finditer(spec_text):
        pieces.append(escape(spec_text[end : match.start()]))
        pieces.append(Markup('<span class="toml-{}">{}</span>').format(match.lastgroup, match.group()))
        end = match.end()
    return Markup("").join([*pieces, spec_text[end:]])


def came_from(document: Mapping[str, Any]) -> Section:
    """Everything of run.json that says how the run was made; checksums are counted, findings are shown elsewhere."""
    kept = {key: value for key, value in document.items() if key not in SHOWN_ELSEWHERE}
    rows = list(_flatten(kept))
    rows += [_component_words(each) for each in document.get("components", ()) if isinstance(each, Mapping)]
    if document.get("arrays"):
        rows.append(("arrays", f"{len(document['arrays'])} with checksums, which identify runs verify compares"))
    content = render("parts.html:pairs", rows=rows, style="pairs provenance")
    return Section(anchor="provenance", title="Where it came from", content=content)


def _component_words(component: Mapping[str, Any]) -> tuple[str, str]:
    names = dict.fromkeys(str(component.get(key, "")) for key in ("kind", "label"))
    versions = " ".join(str(component.get(key, "")) for key in ("distribution", "version"))
    return " ".join(names), f"{component.get('name', '')} of {versions}"


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flatten(value, "" if key == "provenance" else f"{name} · ")
        elif isinstance(value, (list, tuple)):
            yield name, " ".join(str(each) for each in value) or "–"
        else:
            yield name, str(value) if isinstance(value, (int, str)) else typeset(value)
