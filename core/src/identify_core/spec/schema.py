"""The JSON Schema of a plugin's specs, made from the components' records, for editors and other tools."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from identify_core.components import NAME_PATTERN
from identify_core.kinds import LARGEST_INTEGER, option_fields
from identify_core.options import above, at_least, between, matching, not_empty
from identify_core.plugins import Registered, Registry
from identify_core.spec.envelope import COMPONENT_KINDS, Envelope
from identify_core.spec.resolved import without_infinities
from identify_core.spec.structure import plain_options

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_FACTORY: Any = type(attrs.Factory(dict))  # attrs types it as a function


def make_schema(registry: Registry, plugin: str | None = None) -> Schema:
    """The schema of a spec file: the envelope, and for each table every component with its options.

    What a schema cannot say, such as limits across options, only `identify validate` reports.

    Args:
        registry: whose components a spec may name.
        plugin: the running plugin, whose components go by their short names; None allows qualified names alone where a
            short name is ambiguous.

    Raises:
        PluginError: the plugin cannot be used, or an options class is wrong.
    """
    if plugin is not None:
        registry.plugin(plugin)
    definitions: Schema = {}
    properties: Schema = {}
    for field in option_fields(Envelope):
        properties[field.name] = _field(field)
    if plugin is not None:
        properties["plugin"] = {"const": plugin, "description": properties["plugin"]["description"]}
    for table, kind in COMPONENT_KINDS.items():
        choices = []
        for offer in registry.components(kind):
            key = f"{kind}.{offer.qualified_name}"
            definitions[key] = _component(offer, _spellings(registry, offer, plugin))
            choices.append({"$ref": f"#/$defs/{key}"})
        one: Schema = {"oneOf": choices} if choices else {"not": {}}
        properties[table] = {"type": "array", "items": one} if table == "evaluators" else one
    properties["sweep"] = {
        "description": "Lists of values by dotted key path, read by sweeps alone.",
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, {"type": "object"}]},
    }
    return {
        "$schema": DIALECT,
        "title": "an identify spec" if plugin is None else f"an identify spec for {plugin}",
        "type": "object",
        "properties": properties,
        "required": ["dataset", "objective"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _spellings(registry: Registry, offer: Registered, plugin: str | None) -> list[str]:
    """The names under which a spec may ask for a component."""
    rivals = [each for each in registry.components(offer.kind) if each.name == offer.name]
    is_own = offer.owner == plugin
    has_short = is_own or len(rivals) == 1
    return [offer.name, offer.qualified_name] if has_short else [offer.qualified_name]


def _component(offer: Registered, spellings: list[str]) -> Schema:
    record = offer.component
    schema = _record(record.options)
    head: Schema = {"type": {"enum": spellings, "description": record.summary}}
    if offer.kind == "evaluator":
        head["label"] = {"type": "string", "pattern": f"^{NAME_PATTERN.pattern}$", "description": "a unique name"}
    schema["title"] = offer.qualified_name
    schema["description"] = f"{record.summary} Source: {record.source}" if record.source else record.summary
    schema["properties"] = head | schema["properties"]
    schema["required"] = ["type", *schema.get("required", [])]
    return schema


def _record(options: type) -> Schema:
    fields = option_fields(options)
    schema: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
    tag = getattr(options, "type_name", None)
    if tag is not None:
        schema["properties"]["type"] = {"const": tag}
    for field in fields:
        schema["properties"][field.name] = _field(field)
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    if required:
        schema["required"] = required
    return schema


def _field(field: attrs.Attribute[Any]) -> Schema:
    schema = _kind(field.type)
    for limit in field.metadata.get("checks", ()):
        schema = _limit(schema, limit)
    unit, source = field.metadata.get("unit"), field.metadata.get("source")
    parts = [field.metadata.get("help", ""), f"[{unit}]" if unit else "", f"Source: {source}" if source else ""]
    schema["description"] = " ".join(part for part in parts if part)
    default: Any = field.default
    if isinstance(default, _FACTORY):
        default = attrs.NOTHING if default.takes_self else default.factory()
    if default is not attrs.NOTHING:
        schema["default"] = without_infinities(plain_options(default))
    return schema


def _kind(kind: Any) -> Schema:
    """The schema of an annotation."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [{"const": "none"} if each is types.NoneType else _kind(each) for each in arguments]}
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        exact = {"minItems": len(arguments), "maxItems": len(arguments)}
        return {"type": "array", "prefixItems": [_kind(each) for each in arguments], **exact}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _kind(arguments[1])}
    if origin is not None:
        return {"type": "array", "items": _kind(arguments[0])}
    if isinstance(kind, type) and attrs.has(kind):
        return _record(kind)
    if kind is int:
        return {"type": "integer", "minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER}
    plain: Mapping[Any, Schema] = {
        bool: {"type": "boolean"},
        float: {"type": "number"},
        str: {"type": "string"},
        Path: {"type": "string", "minLength": 1},
        Any: {},
    }
    return dict(plain[kind])


def _limit(schema: Schema, limit: object) -> Schema:
    """A schema narrowed by a limit; a limit that JSON Schema cannot say is left to `identify validate`."""
    if "anyOf" in schema:
        return schema | {"anyOf": [_limit(each, limit) for each in schema["anyOf"]]}
    kind = schema.get("type")
    if isinstance(limit, not_empty):
        keys = {"array": "minItems", "string": "minLength", "object": "minProperties"}
        return schema | {keys[kind]: 1} if kind in keys else schema
    if isinstance(limit, matching):
        return schema | {"pattern": f"^(?:{limit.pattern})$"} if kind == "string" else schema
    if kind == "array":
        below = {"items": _limit(schema["items"], limit)} if "items" in schema else {}
        first = {"prefixItems": [_limit(each, limit) for each in schema.get("prefixItems", [])]}
        return schema | below | (first if "prefixItems" in schema else {})
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return schema | {"additionalProperties": _limit(schema["additionalProperties"], limit)}
    if kind not in ("integer", "number"):
        return schema
    if isinstance(limit, at_least):
        return schema | {"minimum": limit.lowest}
    if isinstance(limit, above):
        return schema | {"exclusiveMinimum": limit.bound}
    return schema | {"minimum": limit.lowest, "maximum": limit.highest} if isinstance(limit, between) else schema
