"""Checks of options classes: frozen, keyword-only, documented, and what a spec file can give and keep."""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from identify_core.components import NoOptions
from identify_core.errors import PluginError
from identify_core.plugins import Registered
from identify_core.spec import Mismatches, option_fields, plain_options, say_type, structure
from identify_core.spec.choice import RESERVED
from identify_core.spec.structure import structure_option
from identify_core.spec.write import write_document
from identify_core.testing.conformance.bench import Bench, required_options
from identify_core.testing.conformance.record import NotApplicable


def are_frozen(bench: Bench, registered: Registered) -> Iterator[str]:
    """An instance refuses to be changed; a changed one would no longer be what the run's spec says."""
    for options in classes_of(registered):
        instance: Any = object.__new__(options)
        name = next((field.name for field in attrs.fields(options)), "anything")
        try:
            setattr(instance, name, None)
        except attrs.exceptions.FrozenInstanceError:
            continue
        except (AttributeError, TypeError, ValueError):  # slots, or a validator that ran: it can be set
            pass
        yield f"{options.__qualname__} can be changed after it is made: decorate it with @attrs.frozen"


def are_keyword_only(bench: Bench, registered: Registered) -> Iterator[str]:
    """No option is known by its place, so that options can be added anywhere."""
    for options in classes_of(registered):
        for field in attrs.fields(options):
            if field.init and not field.kw_only:
                yield f"{options.__qualname__}.{field.name} is positional: make it by option(...), or with kw_only=True"


def are_documented(bench: Bench, registered: Registered) -> Iterator[str]:
    """`describe`, `schema`, the docs and the comments of `init` have something to say."""
    for options in classes_of(registered):
        for field in attrs.fields(options):
            if not field.init:
                continue
            if "checks" not in field.metadata:
                yield (
                    f"{options.__qualname__}.{field.name} is not made by identify_core.option: write "
                    f"{field.name}: ... = option(default, help=...)"
                )
            elif not str(field.metadata.get("help", "")).strip():
                yield f'{options.__qualname__}.{field.name} has no help: say in one sentence what it sets, help="..."'


def have_types(bench: Bench, registered: Registered) -> Iterator[str]:
    """Annotations exist at run time and name types that TOML can give."""
    for options in classes_of(registered):
        try:
            fields = option_fields(options)
        except PluginError as error:
            yield f"{error.message}: {error.hint}"
            continue
        for field in fields:
            if options is registered.component.options and field.name in RESERVED:
                yield f"{options.__qualname__}.{field.name} has a name that specs reserve: rename the option"
            for complaint in _unsupported(field.type):
                yield f"{options.__qualname__}.{field.name}: {complaint}"


def keep_limits(bench: Bench, registered: Registered) -> Iterator[str]:
    """What a spec gets by saying nothing is what it would be allowed to say."""
    for options in classes_of(registered):
        try:
            wrong = list(_wrong_defaults(options))
        except PluginError as error:
            raise NotApplicable("an option has no type that a spec can give; options-types says which") from error
        yield from wrong
        if wrong or required_options(options):
            continue
        try:
            options()
        except (ValueError, TypeError) as error:
            yield f"{options.__qualname__}() refuses its own defaults: {error}; make the defaults go together"


def survive_toml(bench: Bench, registered: Registered) -> Iterator[str]:
    """Written as a spec is written and read as a spec is read, they are what they were."""
    if registered.component.options is NoOptions:
        raise NotApplicable("it has no options")
    options = bench.trial(registered).chosen.options
    try:
        text = write_document({registered.kind: plain_options(options)})
        again = structure(tomllib.loads(text)[registered.kind], type(options))
    except (PluginError, TypeError) as error:
        raise NotApplicable("an option has no type that a spec can give; options-types says which") from error
    except Mismatches as error:
        yield f"its options, written to a spec file, are refused when it is read: {error}; {_advice(options)}"
        return
    for field in option_fields(type(options)):
        before, after = getattr(options, field.name), getattr(again, field.name)
        if plain_options(before) != plain_options(after) or type(before) is not type(after):
            yield (
                f"{type(options).__qualname__}.{field.name} is {before!r} before and {after!r} after it was written to "
                f"a spec file and read: give its default as {say_type(field.type)}"
            )


def _advice(options: Any) -> str:
    return f"use plain types, and tuples for lists, in {type(options).__qualname__}"


def _wrong_defaults(options: type) -> Iterator[str]:
    for field in option_fields(options):
        default: Any = field.default
        if default is attrs.NOTHING:
            continue
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            if default.takes_self:
                continue
            default = default.factory()
        try:
            structure_option(options, field.name, plain_options(default, complete=True))
        except Mismatches as error:
            said = "; ".join(each.message for each in error.found)
            yield (
                f"the default of {options.__qualname__}.{field.name} is refused: {said}; change the default or the "
                "limit"
            )


def classes_of(registered: Registered) -> Iterator[type]:
    """The options class and those nested in it."""
    waiting, seen = [registered.component.options], set()
    while waiting:
        options = waiting.pop(0)
        if options in seen or options is NoOptions:
            continue
        seen.add(options)
        yield options
        try:
            waiting += [nested for field in option_fields(options) for nested in _nested(field.type)]
        except PluginError:  # options-types says so
            continue


def _nested(kind: Any) -> Iterator[type]:
    if isinstance(kind, type) and attrs.has(kind):
        yield kind
    if typing.get_origin(kind) is not Literal:
        for part in typing.get_args(kind):
            yield from _nested(part)


def _unsupported(kind: Any) -> Iterator[str]:
    """What in a type no spec can give; each part is tried, for a converter looks at parts only with a value in hand."""
    if isinstance(kind, type) and attrs.has(kind):
        return  # a class of its own in `classes_of`
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is types.NoneType or origin is Literal:
        return
    records = [part for part in parts if isinstance(part, type) and attrs.has(part)]
    probe: Any = {"type": ""} if origin in (typing.Union, types.UnionType) and len(records) > 1 else {}
    try:
        structure(probe, kind)
    except Mismatches:
        pass
    except PluginError as error:
        yield f"{error.message}: {error.hint}"
        return
    except (IndexError, TypeError):
        yield f"the annotation {kind!r} says not what it holds: write tuple[int, ...] or Mapping[str, float]"
        return
    if isinstance(origin, type) and issubclass(origin, Mapping) and parts and parts[0] is not str:
        yield f"the keys of {kind!r} are strings in TOML: write Mapping[str, ...]"
    for part in parts:
        if part is not Ellipsis:
            yield from _unsupported(part)
