"""Exact structuring of plain TOML values into options classes, with every mismatch at once.

cattrs' own hooks turn "false" into True, 2.9 into 2 and "12" into (1, 2), and stop at the first failed validator. The
converter here replaces each of them: a value has the type that its field says, or it is a mismatch with a key path. Two
spellings beyond that are accepted: a whole number for a float, and "none", for want of a null in TOML, for None.
"""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

import attrs
import cattrs

from identify_core.errors import PluginError, SpecError
from identify_core.spec.keypaths import KeyPath, write_key_path
from identify_core.suggestions import did_you_mean, nearest

LARGEST_INTEGER = 2**63 - 1  # TOML's own range for integers, so that a spec can be written out again

Hook = Callable[[Any, Any], Any]


@attrs.frozen
class Mismatch:
    """A value that does not fit: where, below the structured value, and one sentence about it."""

    path: KeyPath
    message: str

    def below(self, *parts: str | int) -> Mismatch:
        """The same mismatch as seen from further up."""
        return Mismatch((*parts, *self.path), self.message)

    def seen_from(self, depth: int) -> Mismatch:
        """The same mismatch as seen from `depth` keys further down."""
        return Mismatch(self.path[depth:], self.message)


class Mismatches(Exception):  # noqa: N818 - several findings, of which the caller makes one SpecError
    """Everything that does not fit in one value."""

    def __init__(self, found: Sequence[Mismatch]) -> None:
        super().__init__("; ".join(f"{write_key_path(each.path)}: {each.message}" for each in found))
        self.found = tuple(found)


def structure(value: Any, kind: Any) -> Any:
    """A plain TOML value as an instance of a type: an attrs class, a tuple, a choice, a number and so on.

    Raises:
        Mismatches: the value does not fit; all the reasons.
        PluginError: the type has an annotation that specs cannot fill.
    """
    return _converter().structure(value, kind)


def structure_option(options: type, name: str, value: Any) -> Any:
    """One field of an options class by itself: its type, its limits and its finiteness, as in `structure`.

    Raises:
        Mismatches: the value does not fit, or there is no such field.
        PluginError: as in `structure`.
    """
    fields = {field.name: field for field in option_fields(options)}
    if name not in fields:
        raise Mismatches([_unknown(name, fields)])
    done = structure(value, fields[name].type)
    if failed := _not_finite(done, fields[name]) + [
        each.seen_from(1) for each in _broken_limits(options, {name: done})
    ]:
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


def option_fields(options: type) -> tuple[attrs.Attribute[Any], ...]:
    """The fields of an options class that a spec can give, with their annotations resolved.

    Raises:
        PluginError: an annotation names something that does not exist at run time.
    """
    try:
        resolved = attrs.resolve_types(options)
    except (NameError, TypeError, AttributeError) as error:
        raise PluginError(
            f"the options class {options.__qualname__} has an annotation that cannot be resolved: {error}",
            hint="import the names of annotations outside of `if TYPE_CHECKING:`",
        ) from error
    return tuple(field for field in attrs.fields(resolved) if field.init)


def say_type(kind: Any) -> str:
    """A type in a user's words: `a whole number`, `a list of numbers`, `one of "sgd", "adam"`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        choices = ", ".join(say(each) for each in arguments)
        return choices if len(arguments) == 1 else f"one of {choices}"
    if origin in (Union, types.UnionType):
        return " or ".join('"none"' if each is types.NoneType else say_type(each) for each in arguments)
    if origin in _SEQUENCES:
        if _is_variadic(origin, arguments):
            return f"a list of {_plural(arguments[0])}"
        return f"a list of {len(arguments)}: {', '.join(say_type(each) for each in arguments)}"
    if origin in _MAPPINGS:
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
    return text if len(text) <= 80 else f"{text[:76]} ..."


_SEQUENCES = (tuple, list, Sequence)
_MAPPINGS = (dict, Mapping)
_WORDS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
    str: ("a string", "strings"),
    Path: ("a path", "paths"),
    Any: ("anything", "anything"),
}


def _origin(kind: Any) -> Any:
    return typing.get_origin(kind)


def _plural(kind: Any) -> str:
    return _WORDS[kind][1] if kind in _WORDS else f"values, each {say_type(kind)}"


def _is_variadic(origin: Any, arguments: tuple[Any, ...]) -> bool:
    return origin is not tuple or (len(arguments) == 2 and arguments[1] is Ellipsis)


def _refuse(value: Any, kind: Any, hint: str = "") -> Mismatches:
    return Mismatches([Mismatch((), f"{say(value)} is not {say_type(kind)}{hint}")])


@functools.cache
def _converter() -> cattrs.Converter:
    """Each hook of cattrs that could meet a spec is replaced; a type without a hook here is a plugin's mistake."""
    converter = cattrs.Converter()
    converter.register_structure_hook_func(lambda kind: True, _unsupported)
    for kind in (bytes, int, float, bool, str, Path):
        converter.register_structure_hook(kind, _unsupported if kind is bytes else _scalar)
    converter.register_structure_hook_func(lambda kind: kind is Any, _anything)
    converter.register_structure_hook_func(lambda kind: kind is types.NoneType, _none)
    converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _choice)
    converter.register_structure_hook_func(lambda kind: _origin(kind) in _SEQUENCES, _sequence)
    converter.register_structure_hook_func(lambda kind: _origin(kind) in _MAPPINGS, _mapping)
    converter.register_structure_hook_func(lambda kind: _origin(kind) in (Union, types.UnionType), _union)
    converter.register_structure_hook_func(lambda kind: isinstance(kind, type) and attrs.has(kind), _record)
    return converter


def _unsupported(value: Any, kind: Any) -> Any:
    raise PluginError(
        f"the annotation {kind!r} of an options class is nothing that a spec can give",
        hint="use bool, int, float, str, Path, Literal, tuple[...], Mapping[str, ...], attrs classes, or their unions",
    )


def _scalar(value: Any, kind: type) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_INTEGER:
        raise Mismatches([Mismatch((), f"{say(value)} is outside the range of a 64-bit whole number")])
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and type(value) is str:
        if not value:
            raise _refuse(value, kind)
        return Path(value)
    if type(value) is kind:
        return value
    if kind is bool and isinstance(value, str) and value.lower() in ("true", "false"):
        raise _refuse(value, kind, f": write {value.lower()} without quotes")
    if kind is int and isinstance(value, float) and value.is_integer():
        raise _refuse(value, kind, f": write {int(value)}")
    raise _refuse(value, kind)


def _anything(value: Any, kind: Any) -> Any:
    if isinstance(value, (list, dict)):
        parts = enumerate(value) if isinstance(value, list) else value.items()
        found = _collect((key, each, Any) for key, each in parts)
        return found if isinstance(value, dict) else list(found.values())
    if type(value) in (bool, int, float, str):
        return _scalar(value, type(value))
    raise Mismatches([Mismatch((), f"{say(value)} is a date or a time, which no option takes: write it in quotes")])


def _none(value: Any, kind: Any) -> None:
    if value != "none" or not isinstance(value, str):
        raise Mismatches([Mismatch((), f'{say(value)} is not "none"')])


def _choice(value: Any, kind: Any) -> Any:
    choices = typing.get_args(kind)
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    hint = ""
    if isinstance(value, str):
        near = nearest(value, [choice for choice in choices if isinstance(choice, str)])
        hint = f"; did you mean {near!r}?" if near else ""
    raise _refuse(value, kind, hint)


def _sequence(value: Any, kind: Any) -> tuple[Any, ...] | list[Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if not isinstance(value, list):
        raise _refuse(value, kind)
    if not _is_variadic(origin, arguments) and len(value) != len(arguments):
        raise _refuse(value, kind, f": it has {len(value)}")
    kinds = [arguments[0]] * len(value) if _is_variadic(origin, arguments) else arguments
    found = _collect((index, each, kinds[index]) for index, each in enumerate(value))
    return list(found.values()) if origin is list else tuple(found.values())


def _mapping(value: Any, kind: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refuse(value, kind)
    return _collect((key, each, typing.get_args(kind)[1]) for key, each in value.items())


def _collect(parts: typing.Iterable[tuple[Any, Any, Any]]) -> dict[Any, Any]:
    """Structure (key, value, type) triples; every mismatch of any of them is raised together."""
    done, failed = {}, []
    for key, value, kind in parts:
        try:
            done[key] = structure(value, kind)
        except Mismatches as error:
            failed += [each.below(key) for each in error.found]
    if failed:
        raise Mismatches(failed)
    return done


def _union(value: Any, kind: Any) -> Any:
    """The member that takes the value as it is, before one that would widen it; records are told apart by `type`."""
    members = [each for each in typing.get_args(kind) if each is not types.NoneType]
    records = [each for each in members if isinstance(each, type) and attrs.has(each)]
    if isinstance(value, dict) and records:
        return _record(value, records[0]) if len(records) == 1 else _tagged(value, records)
    may_be_none = len(members) < len(typing.get_args(kind))
    if may_be_none and isinstance(value, str) and value == "none" and not _has_choice(members, value):
        return None
    attempts: list[Mismatches] = []
    for member in sorted(members, key=lambda each: each is not type(value)):
        try:
            return structure(value, member)
        except Mismatches as error:
            attempts.append(error)
    deepest = max(attempts, key=lambda error: max(len(each.path) for each in error.found))
    if len(members) == 1 or any(each.path for each in deepest.found):
        raise deepest
    raise _refuse(value, kind)


def _has_choice(members: Sequence[Any], value: str) -> bool:
    return any(_origin(each) is Literal and value in typing.get_args(each) for each in members)


def _tagged(value: dict[str, Any], records: Sequence[type]) -> Any:
    by_name = {str(getattr(record, "type_name", "")): record for record in records}
    if "" in by_name or len(by_name) != len(records):
        raise PluginError(
            f"the options classes {', '.join(each.__qualname__ for each in records)} cannot be told apart",
            hint='give each a different `type_name: ClassVar[str] = "..."`',
        )
    name = value.get("type")
    if name not in by_name:
        said = "this option is required" if name is None else f"{say(name)} is no type that is known here"
        raise Mismatches([Mismatch(("type",), f"{said}; {did_you_mean(str(name or ''), by_name)}")])
    return _record({key: each for key, each in value.items() if key != "type"}, by_name[name])


def _record(value: Any, kind: type) -> Any:
    if not isinstance(value, dict):
        raise _refuse(value, kind)
    fields = {field.name: field for field in option_fields(kind)}
    failed = [_unknown(key, fields) for key in value if key not in fields]
    done: dict[str, Any] = {}
    for name, field in fields.items():
        if name in value:
            try:
                done[name] = structure(value[name], field.type)
                failed += [each.below(name) for each in _not_finite(done[name], field)]
            except Mismatches as error:
                failed += [each.below(name) for each in error.found]
        elif field.default is attrs.NOTHING:
            failed.append(Mismatch((name,), f"this option is required: {say_type(field.type)}"))
    failed += _broken_limits(kind, done)
    if failed:
        raise Mismatches(failed)
    try:
        return kind(**{fields[name].alias or name: each for name, each in done.items()})
    except SpecError as error:
        raise Mismatches([Mismatch((), each) for each in error.problems or (error.message,)]) from error
    except ValueError as error:
        raise Mismatches([Mismatch((), str(error))]) from error


def _unknown(name: str, known: typing.Iterable[str]) -> Mismatch:
    return Mismatch((name,), f"there is no such option; {did_you_mean(name, known) or 'there are none'}")


def _broken_limits(kind: type, done: Mapping[str, Any]) -> list[Mismatch]:
    """Every validator that refuses its value, on an instance that has the fields which could be structured."""
    instance: object = object.__new__(kind)
    for name, value in done.items():
        object.__setattr__(instance, name, value)
    failed = []
    for field in option_fields(kind):
        if field.name in done and field.validator is not None:
            try:
                field.validator(instance, field, done[field.name])
            except (ValueError, TypeError) as error:
                failed.append(Mismatch((field.name,), str(error.args[0] if error.args else error)))
    return failed


def _not_finite(value: Any, field: attrs.Attribute[Any]) -> list[Mismatch]:
    """NaN anywhere, and infinities where the option does not say that they mean something."""
    if isinstance(value, float) and (math.isnan(value) or (math.isinf(value) and not field.metadata.get("infinite"))):
        return [Mismatch((), f"{say(value)} is not a finite number")]
    if isinstance(value, (tuple, list)):
        return [each.below(index) for index, part in enumerate(value) for each in _not_finite(part, field)]
    if isinstance(value, dict):
        return [each.below(key) for key, part in value.items() for each in _not_finite(part, field)]
    return []
