"""A commented spec file: what `identify init` writes from a preset."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import attrs

from identify_core.kinds import option_fields
from identify_core.options import matching
from identify_core.saying import say_type
from identify_core.spec.envelope import Envelope
from identify_core.spec.keypaths import KeyPath, write_key_path
from identify_core.spec.requires import suggested_bounds
from identify_core.spec.resolved import Chosen, ResolvedSpec
from identify_core.spec.structure import plain_options
from identify_core.spec.write import write_assignment, write_document

WIDTH = 100


def write_template(spec: ResolvedSpec, *, heading: str = "") -> str:
    """A spec as a file in which every option is explained; those that no layer gave are commented out as defaults.

    Loading the text gives the same spec again.

    Args:
        spec: a resolved spec, usually a preset's.
        heading: what the file is and how to run it; becomes comments at the top.
    """
    blocks = ["\n".join(f"# {line}".rstrip() for line in heading.splitlines())] if heading else []
    blocks.append(_envelope(spec))
    if requires := _requires(spec):
        blocks.append(requires)
    for table, chosen in (("dataset", spec.dataset), ("model", spec.model), ("objective", spec.objective)):
        if chosen is not None:
            blocks.append(_component(spec, chosen, (table,), f"[{table}]"))
    for index, chosen in enumerate(spec.evaluators):
        blocks.append(_component(spec, chosen, ("evaluators", index), "[[evaluators]]"))
    if spec.sweep:
        blocks.append(write_document({"sweep": {key: list(values) for key, values in spec.sweep.items()}}).rstrip())
    return "\n\n".join(blocks) + "\n"


def _envelope(spec: ResolvedSpec) -> str:
    values = spec.as_dict()
    lines = []
    for field in option_fields(Envelope):
        if field.name != "requires":
            always = field.name in ("format", "plugin", "name", "seed", "replicates")
            lines += _option(field, values[field.name], is_given=always or bool(spec.given_at((field.name,))))
    return "\n".join(lines[1:])  # the first line is blank


def _requires(spec: ResolvedSpec) -> str:
    """What the spec requires; where it says nothing, what it might say, commented out."""
    if spec.requires:
        return write_document({"requires": dict(spec.requires)}).rstrip()
    chosen = [each for each in (spec.dataset, spec.model, spec.objective, *spec.evaluators) if each is not None]
    owners = [(each.registered.distribution, each.registered.version) for each in chosen]
    bounds = [write_assignment(*each) for each in suggested_bounds(owners).items()]
    lines = [
        "# Versions to insist on; these admit what the preset was read with.",
        *(f"# requires.{each}" for each in bounds),
    ]
    return "\n".join(lines) if bounds else ""


def _component(spec: ResolvedSpec, chosen: Chosen, path: KeyPath, header: str) -> str:
    component = chosen.registered.component
    name = component.name if chosen.registered.owner == spec.plugin else chosen.registered.qualified_name
    lines = [header, *_comment(_with_source(component.summary, component.source)), write_assignment("type", name)]
    if path[0] == "evaluators" and spec.given_at((*path, "label")):
        lines.append(write_assignment("label", chosen.label))
    return "\n".join([*lines, *_options(spec, chosen.options, path, path[:1])])


def _options(spec: ResolvedSpec, options: Any, path: KeyPath, shown: KeyPath) -> list[str]:
    """An options instance: its plain options first, then a table for each nested options class."""
    lines: list[str] = []
    nested: list[str] = []
    for field in option_fields(type(options)):
        value = getattr(options, field.name)
        below, name = (*path, field.name), (*shown, field.name)
        is_given = bool(spec.given_at(below))
        if attrs.has(type(value)):
            tag = getattr(type(value), "type_name", None)
            head = [f"[{write_key_path(name)}]", *([] if tag is None else [write_assignment("type", tag)])]
            body = _options(spec, value, below, name)
            nested += ["", *_comment(_meaning(field)), *(head if is_given else _comment_out(head)), *body]
        elif is_given and isinstance(value, Mapping):
            nested += ["", *_comment(_meaning(field)), f"[{write_key_path(name)}]"]
            nested += [write_assignment(key, plain_options(each)) for key, each in value.items()]
        else:
            lines += _option(field, plain_options(value, complete=True), is_given=is_given)
    return lines + nested


def _option(field: attrs.Attribute[Any], value: Any, *, is_given: bool) -> list[str]:
    line = write_assignment(field.name, value)
    return ["", *_comment(_meaning(field)), line if is_given else f"# {line}"]


def _meaning(field: attrs.Attribute[Any]) -> str:
    """An option's help, then in brackets its type, limits, unit and source."""
    metadata = field.metadata
    is_described = any(isinstance(each, matching) for each in metadata.get("checks", ()))
    allowed = ", ".join([*([] if is_described else [say_type(field.type)]), *metadata.get("limits", ())])
    unit = f"in {metadata['unit']}" if metadata.get("unit") else ""
    facts = "; ".join(part for part in (allowed, unit) if part)
    text = str(metadata.get("help", field.name)).strip().rstrip(".")
    return _with_source(f"{text[:1].upper()}{text[1:]} ({facts}).", metadata.get("source", ""))


def _with_source(text: str, source: str) -> str:
    return f"{text} Source: {source.rstrip('.')}." if source else text


def _comment(text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in lines]


def _comment_out(lines: list[str]) -> list[str]:
    return [f"# {line}" for line in lines]
