"""Writing TOML with lists on one line; strings and numbers are written by tomli-w."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from identify_core.spec.keypaths import KeyPath, write_key_path


def write_document(document: Mapping[str, Any]) -> str:
    """A whole document of plain TOML types: the scalars and lists first, then the tables in their order."""
    return "\n\n".join(_blocks(document, ())) + "\n"


def write_assignment(key: str, value: Any) -> str:
    """`key = value` on one line."""
    return f"{write_key_path((key,))} = {write_value(value)}"


def write_value(value: Any) -> str:
    """A value on one line; tables as inline tables."""
    import tomli_w

    if isinstance(value, Mapping):
        inner = ", ".join(write_assignment(key, each) for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(write_value(each) for each in value)}]"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").rstrip("\n")


def _blocks(table: Mapping[str, Any], path: KeyPath, header: str = "") -> Sequence[str]:
    """The text of a table's own keys, then of each table below it; an empty table keeps its header."""
    own = [write_assignment(key, value) for key, value in table.items() if not _is_below(value)]
    blocks = ["\n".join([*([header] if header else []), *own])] if own or header else []
    for key, value in table.items():
        if isinstance(value, Mapping):
            name = write_key_path((*path, key))
            blocks += _blocks(value, (*path, key), f"[{name}]")
        elif _is_below(value):
            name = write_key_path((*path, key))
            for each in value:
                blocks += _blocks(each, (*path, key), f"[[{name}]]")
    return blocks


def _is_below(value: Any) -> bool:
    is_tables = isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)
    return isinstance(value, Mapping) or is_tables
