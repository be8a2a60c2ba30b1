"""Markdown from plain strings: tables, code and prose whose special characters mean themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import get_args

from identify_core import ByRole, Invariance, Role, invariance_of

_CODE = re.compile(r"(`+[^`]+`+)")


def prose(text: str) -> str:
    """Text of a docstring: what stands in backticks is code, everything else means itself."""
    parts = _CODE.split(text)
    return "".join(part if position % 2 else _escape(part) for position, part in enumerate(parts))


def _escape(text: str) -> str:
    return re.sub(r"([*$\\])", r"\\\1", text).replace("<", "&lt;")


def cell(text: str) -> str:
    """Text inside a cell of a table, on one line."""
    return " ".join(text.split()).replace("|", r"\|")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns that are empty in every row are left out."""
    body = [[cell(each) for each in row] for row in rows]
    kept = [index for index in range(len(columns)) if index == 0 or any(row[index] for row in body)]
    lines = [[columns[index] for index in kept], ["---"] * len(kept), *([row[index] for index in kept] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """What is true of one thing: a table without a head, of the pairs that say something."""
    rows = [(key, value) for key, value in pairs if value]
    return table(("", ""), rows) if rows else ""


def fence(kind: str, text: str) -> str:
    """A fenced block."""
    return f"```{kind}\n{text.rstrip()}\n```"


def page(*parts: str) -> str:
    """The parts that say something, with a blank line between them."""
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


def rungs(invariance: Invariance) -> str:
    """The rungs under which a value does not change, each as code; by role where the two differ."""
    if isinstance(invariance, ByRole):
        return "; ".join(f"{role}: {rungs(invariance_of(invariance, role))}" for role in get_args(Role))
    return ", ".join(f"`{each}`" for each in invariance)
