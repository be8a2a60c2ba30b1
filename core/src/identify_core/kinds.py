"""Kinds: what the annotation of an option admits, in a user's words, and the exact check that a value is of its kind.

One reader is compiled from an annotation and used wherever a value comes in. With `plain=True` it reads what a spec can
say: lists for tuples, tables for records, "none" for None. Without, it reads what Python code passes, and takes numpy
scalars and lists too, so that an option has one form wherever it came from. Both are exact about types ("false" is not
true or false, 2.9 is not a whole number), both name the nearest choice, and both say everything that does not fit.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

import attrs

from identify_core.errors import OptionsError, PluginError
from identify_core.mismatches import SHOWN, Mismatch, Mismatches, as_options_error
from identify_core.saying import MAPPINGS, SEQUENCES, is_variadic, say, say_type
from identify_core.suggestions import did_you_mean, nearest

LARGEST_INTEGER = 2**63 - 1  # TOML's own range for integers, so that a spec can be written out again

Reader = Callable[[Any], Any]


def check_option(name: str, value: Any, kind: Any) -> Any:
    """The value of a setting that is not a field of an options class, such as an argument of a function.

    Args:
        name: what its owner calls it.
        value: as it was given.
        kind: what it must be, such as `Literal["values", "ranks"]`.

    Raises:
        OptionsError: it is something else; the message has what is allowed and the nearest choice.
    """
    try:
        return reader(kind)(value)
    except Mismatches as error:
        raise as_options_error(name, error) from None


def fits(kind: Any) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """An attrs validator with the same check, for the fields of records that are not options classes."""
    read = reader(kind)

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        try:
            read(value)
        except Mismatches as error:
            raise as_options_error(attribute.name, error) from None

    return check


def reader(kind: Any, *, plain: bool = False, infinite: bool = False) -> Reader:
    """What reads a value as an instance of a type, raising `Mismatches` where it is none.

    Args:
        kind: the annotation, resolved.
        plain: whether values come from a spec file; otherwise they come from Python.
        infinite: whether infinite numbers mean something.

    Raises:
        PluginError: options cannot have such a type.
    """
    origin = typing.get_origin(kind)
    make = _READERS.get(kind) if kind is Any or isinstance(kind, type) else None
    if make is None:
        if origin is Literal:
            make = _choice_reader
        elif origin in SEQUENCES:
            make = _sequence_reader
        elif origin in MAPPINGS:
            make = _mapping_reader
        elif origin in (Union, types.UnionType):
            make = _union_reader
        elif isinstance(kind, type) and attrs.has(kind):
            make = _record_reader
        else:
            raise PluginError(
                f"the annotation {kind!r} of an options class is nothing that a spec can give",
                hint="use bool, int, float, str, Path, Literal, tuple[...], Mapping[str, ...], attrs classes, "
                "or their unions",
            )
    return make(kind, plain, infinite)


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


def _refuse(value: Any, kind: Any, hint: str = "") -> Mismatches:
    return _mismatch(f"{say(value)} is not {say_type(kind)}{hint}")


def _mismatch(message: str) -> Mismatches:
    return Mismatches([Mismatch((), message)])


def _as_python(value: Any) -> Any:
    """A scalar of numpy, or an array or tensor that is one number, as Python's own."""
    return value.item() if hasattr(value, "dtype") and getattr(value, "shape", None) == () else value


def _scalar_reader(kind: type, plain: bool, infinite: bool) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind and not plain:
            value = _as_python(value)
        if type(value) is kind:
            if type(value) is int and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
                raise _mismatch(f"{say(value)} is outside the range of a 64-bit whole number")
            return value
        if kind is bool and isinstance(value, str) and value.lower() in ("true", "false"):
            raise _refuse(value, kind, f": write {value.lower()} without quotes")
        if kind is int and isinstance(value, float) and value.is_integer():
            raise _refuse(value, kind, f": write {int(value)}")
        raise _refuse(value, kind)

    return read


def _number_reader(kind: type, plain: bool, infinite: bool) -> Reader:
    def read(value: Any) -> float:
        if type(value) is not float and not plain:
            value = _as_python(value)
        if type(value) is int:
            if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
                raise _mismatch(f"{say(value)} is outside the range of a 64-bit whole number")
            return float(value)
        if type(value) is not float:
            raise _refuse(value, float)
        if math.isfinite(value) or (infinite and value == value):
            return value
        raise _mismatch(f"{say(value)} is not a finite number")

    return read


def _path_reader(kind: type, plain: bool, infinite: bool) -> Reader:
    def read(value: Any) -> Path:
        if isinstance(value, Path) and not plain:
            return value
        if type(value) is str and value:
            return Path(value)
        raise _refuse(value, Path)

    return read


def _none_reader(kind: type, plain: bool, infinite: bool) -> Reader:
    def read(value: Any) -> None:
        if value is not None or plain:
            if plain and isinstance(value, str) and value == "none":
                return
            raise _mismatch(f'{say(value)} is not "none"')

    return read


def _anything_reader(kind: Any, plain: bool, infinite: bool) -> Reader:
    scalars = {each: reader(each, plain=plain, infinite=infinite) for each in (bool, int, float, str)}

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            return _collect((key, each, read) for key, each in value.items())
        if isinstance(value, list) or (isinstance(value, tuple) and not plain):
            return type(value)(_collect((index, each, read) for index, each in enumerate(value)).values())
        value = value if plain else _as_python(value)
        if type(value) in scalars:
            return scalars[type(value)](value)
        if not plain and (value is None or isinstance(value, Path)):
            return value
        said = "is a date or a time, which no option takes: write it in quotes" if plain else "is nothing for a spec"
        raise _mismatch(f"{say(value)} {said}")

    return read


def _choice_reader(kind: Any, plain: bool, infinite: bool) -> Reader:
    choices = typing.get_args(kind)
    strings = {choice for choice in choices if isinstance(choice, str)}
    others = {(type(choice), choice) for choice in choices}

    def read(value: Any) -> Any:
        value = value if type(value) is str or plain else _as_python(value)
        if value in strings if type(value) is str else isinstance(value, int) and (type(value), value) in others:
            return value
        hint = ""
        if isinstance(value, str):
            near = nearest(value, [choice for choice in choices if isinstance(choice, str)])
            hint = f"; did you mean {near!r}?" if near else ""
        raise _refuse(value, kind, hint)

    return read


def _sequence_reader(kind: Any, plain: bool, infinite: bool) -> Reader:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    variadic = is_variadic(origin, arguments)
    parts = [reader(each, plain=plain, infinite=infinite) for each in (arguments[:1] if variadic else arguments)]
    made: type = list if origin is list else tuple

    def read(value: Any) -> Any:
        if not (isinstance(value, list) or (isinstance(value, tuple) and not plain)):
            raise _refuse(value, kind)
        if not variadic and len(value) != len(parts):
            raise _refuse(value, kind, f": it has {len(value)}")
        readers = parts * len(value) if variadic else parts
        return made(_collect((index, each, readers[index]) for index, each in enumerate(value)).values())

    return read


def _mapping_reader(kind: Any, plain: bool, infinite: bool) -> Reader:
    part = reader(typing.get_args(kind)[1], plain=plain, infinite=infinite)

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise _refuse(value, kind)
        return _collect((key, each, part) for key, each in value.items())

    return read


def _collect(parts: Iterable[tuple[Any, Any, Reader]]) -> dict[Any, Any]:
    """Read (key, value, reader) triples; every mismatch of any of them is raised together."""
    done: dict[Any, Any] = {}
    failed: list[Mismatch] = []
    for key, value, read in parts:
        if len(failed) >= SHOWN:
            failed.append(Mismatch((), f"after {SHOWN} wrong values the others were not read"))
            break
        try:
            done[key] = read(value)
        except Mismatches as error:
            failed += [each.below(key) for each in error.found]
    if failed:
        raise Mismatches(failed)
    return done


def _union_reader(kind: Any, plain: bool, infinite: bool) -> Reader:
    """The member that takes the value as it is, before one that would widen it; records are told apart by `type`."""
    members = [each for each in typing.get_args(kind) if each is not types.NoneType]
    readers = [reader(each, plain=plain, infinite=infinite) for each in members]
    exact = {
        member: [first, *(each for each in readers if each is not first)]
        for member, first in zip(members, readers, strict=True)
        if isinstance(member, type)
    }
    records = [each for each in members if isinstance(each, type) and attrs.has(each)]
    may_be_none = len(members) < len(typing.get_args(kind))
    names_none = any(typing.get_origin(each) is Literal and "none" in typing.get_args(each) for each in members)

    def read(value: Any) -> Any:
        if plain and isinstance(value, dict) and records:
            return read_record(value, records[0]) if len(records) == 1 else _read_tagged(value, records)
        if may_be_none and (value is None or (plain and isinstance(value, str) and value == "none" and not names_none)):
            return None
        attempts: list[Mismatches] = []
        for each in exact.get(type(value), readers):
            try:
                return each(value)
            except Mismatches as error:
                attempts.append(error)
        deepest = max(attempts, key=lambda error: max(len(each.path) for each in error.found))
        if len(members) == 1 or any(each.path for each in deepest.found):
            raise deepest
        raise _refuse(value, kind, _nearest_choice(value, members))

    return read


def _nearest_choice(value: Any, members: Sequence[Any]) -> str:
    """Among the strings that any member of a union takes."""
    choices = [each for member in members if typing.get_origin(member) is Literal for each in typing.get_args(member)]
    near = nearest(value, [each for each in choices if isinstance(each, str)]) if isinstance(value, str) else None
    return f"; did you mean {near!r}?" if near else ""


def _read_tagged(value: dict[str, Any], records: Sequence[type]) -> Any:
    by_name = {str(getattr(record, "type_name", "")): record for record in records}
    if "" in by_name or len(by_name) != len(records):
        raise PluginError(
            f"the options classes {', '.join(each.__qualname__ for each in records)} cannot be told apart",
            hint='give each a different `type_name: ClassVar[str] = "..."`',
        )
    name = value.get("type")
    if name not in by_name:
        said = "this option is required" if name is None else f"{say(name)} is not a type that is known here"
        raise Mismatches([Mismatch(("type",), f"{said}; {did_you_mean(str(name or ''), by_name)}")])
    return read_record({key: each for key, each in value.items() if key != "type"}, by_name[name])


def _record_reader(kind: type, plain: bool, infinite: bool) -> Reader:
    def read(value: Any) -> Any:
        if plain:
            return read_record(value, kind)
        if isinstance(value, kind):  # its own values were checked when it was made
            return value
        raise _mismatch(f"{say(value)} is not an instance of {kind.__qualname__}")

    return read


def read_record(value: Any, kind: type) -> Any:
    """A table as an instance of an options class.

    Raises:
        Mismatches: unknown and missing options, wrong types, broken limits, and what does not go together.
        PluginError: the class has an annotation that specs cannot fill.
    """
    if not isinstance(value, dict):
        raise _refuse(value, kind)
    fields = {field.name: field for field in option_fields(kind)}
    unknown = [key for key in value if key not in fields]
    failed = [unknown_option(key, fields) for key in unknown[:SHOWN]]
    failed += [Mismatch((key,), "there is no such option") for key in unknown[SHOWN:]]
    done: dict[str, Any] = {}
    for name, field in fields.items():
        if name in value:
            try:
                done[name] = field_reader(field, plain=True)(value[name])
            except Mismatches as error:
                failed += [each.below(name) for each in error.found]
        elif field.default is attrs.NOTHING:
            failed.append(Mismatch((name,), f"this option is required: {say_type(field.type)}"))
    failed += broken_limits(kind, done)
    if failed:
        raise Mismatches(failed)
    try:
        return kind(**{fields[name].alias or name: each for name, each in done.items()})
    except OptionsError as error:
        raise Mismatches([Mismatch((), each) for each in error.problems or (error.message,)]) from error
    except ValueError as error:
        raise Mismatches([Mismatch((), str(error))]) from error


def field_reader(field: attrs.Attribute[Any], *, plain: bool = False) -> Reader:
    """What reads the values of one option; its annotation is resolved."""
    kind = Any if field.type is None else field.type
    return reader(kind, plain=plain, infinite=bool(field.metadata.get("infinite")))


def unknown_option(name: str, known: Iterable[str]) -> Mismatch:
    """That there is no such option, and the nearest one."""
    return Mismatch((name,), f"there is no such option; {did_you_mean(name, known) or 'there are none'}")


def broken_limits(kind: type, done: Mapping[str, Any]) -> list[Mismatch]:
    """Every validator that refuses its value, on an instance that has the fields which could be read."""
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


_READERS: dict[Any, Callable[[Any, bool, bool], Reader]] = {
    bool: _scalar_reader,
    int: _scalar_reader,
    str: _scalar_reader,
    float: _number_reader,
    Path: _path_reader,
    types.NoneType: _none_reader,
    Any: _anything_reader,
}
