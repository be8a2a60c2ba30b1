"""Saying: values, types of options and sizes in a user's words."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

import attrs

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def say_type(kind: Any) -> str:
    """A type in a user's words: `a whole number`, `a list of numbers`, `one of "sgd", "adam"`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        choices = ", ".join(say(each) for each in arguments)
        return choices if len(arguments) == 1 else f"one of {choices}"
    if origin in (Union, types.UnionType):
        return " or ".join('"none"' if each is types.NoneType else say_type(each) for each in arguments)
    if origin in SEQUENCES:
        if is_variadic(origin, arguments):
            return f"a list of {_plural(arguments[0])}"
        return f"a list of {len(arguments)}: {', '.join(say_type(each) for each in arguments)}"
    if origin in MAPPINGS:
        return f"a table of {_plural(arguments[1])}"
    if isinstance(kind, type) and attrs.has(kind):
        tag = getattr(kind, "type_name", None)
        return "a table" if tag is None else f"a table with type = {say(tag)}"
    return _WORDS.get(kind, (str(kind), str(kind)))[0]


def say(value: Any) -> str:
    """A plain value as TOML would write it, cut short."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    elif isinstance(value, (list, tuple)):
        text = f"[{', '.join(say(each) for each in value)}]"
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key} = {say(each)}" for key, each in value.items()) + "}"
    else:
        text = str(value)
    return echo(text)


def echo(name: str) -> str:
    """A name as a message repeats it: its first 80 characters."""
    return name if len(name) <= 80 else f"{name[:76]} ..."


SEQUENCES = (tuple, list, Sequence)
MAPPINGS = (dict, Mapping)
_WORDS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
    str: ("a string", "strings"),
    Path: ("a path", "paths"),
    Any: ("anything", "anything"),
}


def _plural(kind: Any) -> str:
    return _WORDS[kind][1] if kind in _WORDS else f"values, each {say_type(kind)}"


def is_variadic(origin: Any, arguments: tuple[Any, ...]) -> bool:
    """Whether a sequence type takes any number of parts of one type."""
    return origin is not tuple or (len(arguments) == 2 and arguments[1] is Ellipsis)


def say_bytes(number: float) -> str:
    """`1.5 GB`, with powers of ten as in all of the options."""
    power = 0
    while number >= 1000 and power < len(_UNITS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:,.3g} {_UNITS[power]}" if number < 1000 else f"{number:,.0f} {_UNITS[power]}"


def format_scalar(value: float | int | str | bool | None) -> str:
    """A cell as text: four significant digits, an en dash for nothing, `yes` and `no` for booleans."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return significant(value, 4)
    return str(value)


def significant(value: float, digits: int) -> str:
    """A finite number in so many significant digits, its exponent without zeros before it: `1.5e-7`."""
    mantissa, mark, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def words_of(name: str) -> str:
    """A name as words."""
    return name.replace("-", " ").replace("_", " ")
