"""A class as a section of a reference page: what it is made from, and its public members."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import attrs
from generating.docstrings import (
    UndocumentedError,
    default_text,
    details,
    paragraphs,
    read_docstring,
    shown_example,
    signature_text,
    type_text,
)
from generating.markdown import fence, page, prose, table


def record_section(record: type, *, with_members: bool = True) -> str:
    """An attrs class: its text, every argument and, if they matter, its public members.

    Raises:
        UndocumentedError: a field is not among the docstring's arguments.
    """
    documented = read_docstring(record, record.__name__)
    return page(
        f"## `{record.__name__}`",
        paragraphs(documented.text),
        field_table(record),
        *shown_example(documented),
        *(members(record) if with_members else ()),
    )


def field_table(record: type) -> str:
    """Every argument of an attrs class, required ones first; those that it inherits are explained by its parents."""
    meanings: dict[str, str] = {}
    for parent in reversed(record.__mro__):
        if parent.__doc__ and attrs.has(parent):
            meanings |= read_docstring(parent, parent.__name__).arguments
    rows = []
    for field in attrs.fields(record):
        if field.name.startswith("_") or not field.init:
            continue
        if field.name not in meanings:
            raise UndocumentedError(f"{record.__name__}: the docstring says nothing about the argument {field.name!r}")
        default = "required" if field.default is attrs.NOTHING else f"`{default_text(field.default)}`"
        kind = _with_choices(type_text(field.type), sys.modules[record.__module__])
        rows.append((f"`{field.name}`", f"`{kind}`", default, prose(meanings[field.name])))
    rows.sort(key=lambda row: row[2] != "required")
    return table(("argument", "type", "default", "meaning"), rows) if rows else ""


def _with_choices(kind: str, module: ModuleType) -> str:
    """A type in which the names of choices are replaced by the choices."""

    def choices(name: re.Match[str]) -> str:
        named = getattr(module, name[0], None)
        if typing.get_origin(named) is not typing.Literal:
            return name[0]
        return " | ".join(f'"{each}"' for each in typing.get_args(named))

    return re.sub(r"\b[A-Z]\w+\b", choices, re.sub(r"Literal\[(.*?)\]", _alternatives, kind))


def _alternatives(literal: re.Match[str]) -> str:
    return " | ".join(each.strip().replace("'", '"') for each in literal[1].split(","))


def class_section(of: type, *, call: str = "", constructed: bool = False) -> str:
    """A class that is handed out: its attributes and its public members.

    Args:
        of: the class.
        call: what `__call__` is named; empty where it has none that matters.
        constructed: whether its users make it themselves, so that its signature matters.
    """
    documented = read_docstring(of, of.__name__)
    attributes = [(f"`{name}`", prose(meaning)) for name, meaning in documented.arguments.items() if _public(of, name)]
    return page(
        f"## `{of.__name__}`",
        fence("{code-block} python", signature_text(of.__name__, of)) if constructed else "",
        paragraphs(documented.text),
        table(("argument" if constructed else "attribute", "meaning"), attributes) if attributes else "",
        *shown_example(documented),
        *members(of, call=call),
    )


def function_section(function: Any, *, level: str = "##") -> str:
    """A function: its signature, text, arguments, result and errors."""
    documented = read_docstring(function, function.__name__)
    return page(
        f"{level} `{function.__name__}`",
        fence("{code-block} python", signature_text(function.__name__, function)),
        paragraphs(documented.text),
        *details(documented, function, function.__name__),
    )


def members(of: type, *, call: str = "") -> Iterator[str]:
    """The public members of a class and of its parents in this project, in the order of the source."""
    seen: set[str] = set()
    for parent in of.__mro__:
        if not parent.__module__.startswith("identify_"):
            continue
        for name, member in vars(parent).items():
            if name in seen or not (_documented_member(name, member) or (call and name == "__call__")):
                continue
            seen.add(name)
            yield _member(of, name, member, call)


def _documented_member(name: str, member: Any) -> bool:
    if name.startswith("_"):
        return False
    kinds = (property, functools.cached_property, classmethod, staticmethod)
    return isinstance(member, kinds) or inspect.isfunction(member)


def _public(of: type, name: str) -> bool:
    """Whether an argument of the constructor is an attribute too."""
    if attrs.has(of):
        return True
    source = inspect.getsource(of)
    return f"self.{name} =" in source or f"self.{name}:" in source or f"self.{name}," in source


def _member(of: type, name: str, member: Any, call: str) -> str:
    called = f"{of.__name__}.{name}"
    if isinstance(member, (property, functools.cached_property)):
        function: Any = member.fget if isinstance(member, property) else member.func
        kind = type_text(inspect.signature(function).return_annotation)
        documented = read_docstring(function, called)
        shown = fence("{code-block} python", f"{name}: {kind}")
        return page(f"### `{name}`", shown, paragraphs(documented.text), *details(documented, None, called))
    function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
    documented = read_docstring(function, called)
    title = f"{call}(...)" if name == "__call__" else name
    prefix = f"{of.__name__}." if isinstance(member, (classmethod, staticmethod)) else ""
    shown = signature_text(call if name == "__call__" else f"{prefix}{name}", function)
    return page(
        f"### `{title}`",
        fence("{code-block} python", shown),
        paragraphs(documented.text),
        *details(documented, function, called),
    )
