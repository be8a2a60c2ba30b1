"""Key paths such as `objective.learning_rate` or `evaluators.0.n`: writing and reading."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from identify_core.saying import echo

KeyPath = tuple[str | int, ...]

DEEPEST = 64
"""Levels that keys, lists and tables of a spec may be nested in one another."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"|\'[^\']*+\'')
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DOTTED = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def write_key_path(path: KeyPath) -> str:
    """`("objective", "learning_rate")` as `objective.learning_rate`; keys that TOML would quote are quoted."""
    return ".".join(part if isinstance(part, str) and _BARE.fullmatch(part) else _quote(part) for part in path)


def read_key_path(text: str) -> tuple[str, ...]:
    """The parts of a dotted TOML key; whole numbers stay strings.

    Raises:
        ValueError: the text is not a dotted key.
    """
    if _QUOTED.sub("", text).count(".") >= DEEPEST:
        raise ValueError(f"{echo(text)!r} is nested deeper than {DEEPEST} levels, which no spec needs")
    if _DOTTED.fullmatch(text):
        return tuple(text.split("."))
    try:
        node: Any = tomllib.loads(f"{text} = 0")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{echo(text)!r} is not a dotted key such as objective.steps") from error
    parts: list[str] = []
    while isinstance(node, dict):
        if len(node) != 1:
            raise ValueError(f"{echo(text)!r} is not one dotted key such as objective.steps")
        part, node = next(iter(node.items()))
        parts.append(part)
    if node != 0 or isinstance(node, bool):
        raise ValueError(f"{echo(text)!r} is not a dotted key such as objective.steps")
    return tuple(parts)


def _quote(part: str | int) -> str:
    # JSON's escapes are TOML's too, but for DEL, which JSON leaves as it is.
    return json.dumps(part, ensure_ascii=False).replace("\x7f", "\\u007f")
