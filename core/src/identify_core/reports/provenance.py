"""The parts of the page that come from run.json and spec.toml: the header, what was asked, and the provenance."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from identify_core.reports.markup import Markup, element, text
from identify_core.reports.tables import typeset

Section = tuple[str, str, Markup]

SHOWN_ELSEWHERE = frozenset(
    {
        *("format", "kind", "id", "name", "status", "stage", "reason", "spec", "components", "evaluated"),
        *("arrays", "files", "findings", "figures", "scalars", "warnings", "failures"),
    }
)

_TOML = re.compile(
    r"(?P<comment>#[^\n]*)|(?P<table>^\s*\[[^\n]*\][ \t]*$)|(?P<key>^[ \t]*(?:[\w.-]+|\"[^\"\n]*\")(?=\s*=))"
    r"|(?P<text>\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*')|(?P<value>\b(?:true|false|-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\b)",
    re.MULTILINE,
)


def header(document: Mapping[str, Any], status: str) -> Markup:
    """The top of the page: what run it is, how it ended, when and how long."""
    reason = element("p", str(document["reason"]), class_="reason") if document.get("reason") else None
    return element(
        "header",
        element("p", "identify ", element("span", str(document.get("kind", "run"))), class_="overline"),
        element(
            "h1",
            str(document.get("name") or document.get("id", "")),
            element("span", status, class_="status", data_status=status),
        ),
        element("p", [element("span", fact) for fact in _facts(document)], class_="facts"),
        element("p", element("code", str(document.get("id", ""))), class_="id"),
        reason,
        element("button", "Light or dark", type="button", id="theme", hidden=True),
    )


def _facts(document: Mapping[str, Any]) -> Iterator[str]:
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
    rows = [
        element("tr", element("th", kind, scope="row"), element("td", element("code", name)), element("td", options))
        for kind, name, options in _components(spec_text)
    ]
    summary = element("div", element("table", element("tbody", rows), class_="asked"), class_="table") if rows else None
    spec = element(
        "details",
        element("summary", "The resolved spec"),
        element("p", "Saved as a file, this gives the same run again: ", element("code", "identify run --spec FILE")),
        element("pre", element("code", highlight(spec_text))),
    )
    return "asked", "What was asked", element("section", element("h2", "What was asked"), summary, spec, id="asked")


def _components(spec_text: str) -> Iterator[tuple[str, str, str]]:
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
    pieces: list[Markup] = []
    end = 0
    for match in _TOML.finditer(spec_text):
        pieces.append(text(spec_text[end : match.start()]))
        pieces.append(element("span", match.group(), class_=f"toml-{match.lastgroup}"))
        end = match.end()
    pieces.append(text(spec_text[end:]))
    return text(pieces)


def came_from(document: Mapping[str, Any]) -> Section:
    """Everything of run.json that says how the run was made; checksums are counted, findings are shown elsewhere."""
    kept = {key: value for key, value in document.items() if key not in SHOWN_ELSEWHERE}
    rows = [_row(name, words) for name, words in _flatten(kept)]
    rows += [_row(*_component_words(each)) for each in document.get("components", ()) if isinstance(each, Mapping)]
    if document.get("arrays"):
        rows.append(_row("arrays", f"{len(document['arrays'])} with checksums, which identify runs verify compares"))
    content = element("dl", rows, class_="pairs provenance")
    section = element("section", element("h2", "Where it came from"), content, id="provenance")
    return "provenance", "Where it came from", section


def _row(name: str, words: str) -> tuple[Markup, Markup]:
    return element("dt", name), element("dd", words)


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
