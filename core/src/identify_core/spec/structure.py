"""Structuring: plain TOML values as options, and options as plain TOML values again.

What each annotation admits is said and checked in `identify_core.kinds`, the same for specs and for Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from identify_core.kinds import broken_limits, field_reader, option_fields, reader, unknown_option
from identify_core.mismatches import Mismatches


def structure(value: Any, kind: Any) -> Any:
    """A plain TOML value as an instance of a type: an attrs class, a tuple, a choice, a number and so on.

    Raises:
        Mismatches: the value does not fit; all the reasons.
        PluginError: the type has an annotation that specs cannot fill.
    """
    return reader(kind, plain=True)(value)


def structure_option(options: type, name: str, value: Any) -> Any:
    """One field of an options class by itself: its type and its limits, as in `structure`.

    Raises:
        Mismatches: the value does not fit, or there is no such field.
        PluginError: as in `structure`.
    """
    fields = {field.name: field for field in option_fields(options)}
    if name not in fields:
        raise Mismatches([unknown_option(name, fields)])
    done = field_reader(fields[name], plain=True)(value)
    if failed := [each.seen_from(1) for each in broken_limits(options, {name: done})]:
        raise Mismatches(failed)
    return done


def plain_options(value: Any, *, complete: bool = False) -> Any:
    """A structured value as plain TOML types.

    Args:
        value: an instance of an options class, or a part of one.
        complete: write every None as "none"; otherwise a None that is its field's default is left out.
    """
    if attrs.has(type(value)):
        tag = getattr(type(value), "type_name", None)
        plain = {} if tag is None else {"type": tag}
        for field in option_fields(type(value)):
            each = getattr(value, field.name)
            if complete or each is not None or field.default is not None:
                plain[field.name] = plain_options(each, complete=complete)
        return plain
    if isinstance(value, Mapping):
        return {key: plain_options(each, complete=complete) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain_options(each, complete=complete) for each in value]
    if value is None:
        return "none"
    return str(value) if isinstance(value, Path) else value
