"""Documents: what run.json, a finding and latents say, structured once, where they are read.

The types of known fields are exact. Fields that this version does not know are kept in the document and not looked at,
so that a run of a newer minor version still lists.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import attrs

from identify_core.store.layout import Kind, Status, check_place

Scalar = float | int | str | bool | None
Record = TypeVar("Record")

_SHOWN = 3
_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    Scalar: (float, int, str, bool, type(None)),
}  # the types that a value of this type may have in JSON
_IN_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
    dict: "a table",
    list: "a list",
}


class Place(str):
    """A place inside a run's folder, relative and with slashes."""


_PlaceIfAny = Place | Literal[""]


@attrs.frozen(kw_only=True)
class FindingEntry:
    """A finding's line in run.json; `group` is where its arrays are, below arrays.zarr."""

    evaluator: str = ""
    group: Place
    summary: str = ""
    scalars: dict[str, Scalar] = attrs.field(factory=dict)
    warnings: list[str] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class FigureEntry:
    """A figure's line in run.json; the files are relative to the run's folder."""

    label: str
    name: str
    caption: str
    static: Place
    interactive: Place | None = None


@attrs.frozen(kw_only=True)
class ComponentEntry:
    """A component's line in run.json, or an evaluator's that it consulted."""

    kind: str
    name: str
    label: str = ""
    distribution: str = ""
    version: str = ""
    file: str = ""
    sha256: str = ""


@attrs.frozen(kw_only=True)
class RunDocument:
    """The known fields of run.json."""

    id: str
    name: str
    plugin: str
    status: Status
    created: str
    format: int
    kind: Kind = "run"
    finished: str | None = None
    sequence: int = 0
    reason: str = ""
    stage: str = ""
    seed: int = 0
    replicates: int = 0
    dtype: str = ""
    spec: dict[str, Any] = attrs.field(factory=dict)
    spec_hash: str = ""
    expect: str = ""
    rows: int = 0
    seconds: dict[str, float] = attrs.field(factory=dict)
    scalars: dict[str, Scalar] = attrs.field(factory=dict)
    warnings: list[str] = attrs.field(factory=list)
    evaluated: list[str] = attrs.field(factory=list)
    opened: dict[str, str] = attrs.field(factory=dict)
    failures: dict[str, str] = attrs.field(factory=dict)
    skipped: dict[str, str] = attrs.field(factory=dict)
    findings: dict[str, FindingEntry] = attrs.field(factory=dict)
    figures: list[FigureEntry] = attrs.field(factory=list)
    components: list[ComponentEntry] = attrs.field(factory=list)
    arrays: dict[str, str] = attrs.field(factory=dict)
    files: dict[str, str] = attrs.field(factory=dict)
    provenance: dict[str, Any] = attrs.field(factory=dict)
    data_fingerprint: str = ""


@attrs.frozen(kw_only=True)
class TableDocument:
    """A table in a finding's attributes."""

    columns: list[str]
    rows: list[list[Scalar]]
    caption: str = ""
    units: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class FindingDocument:
    """The attributes of a finding's group: all of it but its arrays."""

    evaluator: str
    options: dict[str, Any]
    name: str
    summary: str
    scalars: dict[str, Scalar]
    tables: dict[str, TableDocument]
    conventions: dict[str, Any]
    warnings: list[str]


@attrs.frozen(kw_only=True)
class LatentsDocument:
    """The attributes of latents; `ids` and `rows` are arrays below arrays.zarr."""

    split: str
    identified_up_to: str
    summary: str
    ids: Place
    rows: _PlaceIfAny = ""
    replicates: int = 0
    names: tuple[str, ...] = ()
    kind: Literal["", "numbers", "symbols"] = ""


def structure_record(document: Mapping[str, Any], kind: type[Record]) -> Record:
    """A document in plain types as a record.

    Args:
        document: what JSON gave.
        kind: one of this module's classes.

    Raises:
        ValueError: a field is missing or of another type; the first few are named.
    """
    from cattrs.errors import BaseValidationError
    from cattrs.v import transform_error

    try:
        try:
            record: Record = _converter(detailed=False).structure(document, kind)
        except (ValueError, TypeError, KeyError):  # structured again, slower, for the places of all that is wrong
            record = _converter(detailed=True).structure(document, kind)
        return record
    except BaseValidationError as error:
        found = [_placed(text) for text in transform_error(error, format_exception=_told)]
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ValueError("; ".join(found[:_SHOWN]) + more) from None
    except TypeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@functools.cache
def _converter(*, detailed: bool) -> Any:
    """cattrs' converter with hooks that take a value of a plain type as it is, or refuse it, and convert nothing."""
    import cattrs
    from cattrs.cols import is_mapping, is_sequence, list_structure_factory, mapping_structure_factory
    from cattrs.gen import make_dict_structure_fn

    converter = cattrs.Converter(detailed_validation=detailed)

    def plain(*kinds: type) -> Any:
        def hook(value: Any, _: Any) -> Any:
            return _of_type(value, *kinds)

        return hook

    def checked(kind: type, factory: Any) -> Any:
        def make(expected: Any, converter: Any) -> Any:
            inner = factory(expected, converter)
            held = typing.get_args(expected)[-1] if typing.get_args(expected) else None
            if held is Any:
                return plain(kind)
            accepted = set(_PLAIN.get(held, ()))

            def hook(value: Any, _: Any) -> Any:
                each = _of_type(value, kind)
                if accepted and accepted.issuperset(map(type, each.values() if kind is dict else each)):
                    return each  # all at once: a run.json names some hundred arrays
                return inner(each, expected)

            return hook

        return make

    for kind in (str, int, float, bool):
        converter.register_structure_hook(kind, plain(*_PLAIN[kind]))
    converter.register_structure_hook_func(lambda kind: kind == Scalar, plain(*_PLAIN[Scalar]))
    converter.register_structure_hook_func(_is_choice, _one_of)
    converter.register_structure_hook(Place, _place)
    converter.register_structure_hook_func(
        lambda kind: kind == _PlaceIfAny, lambda value, _: value if value == "" else _place(value, Place)
    )
    converter.register_structure_hook_factory(is_mapping, checked(dict, mapping_structure_factory))
    converter.register_structure_hook_factory(is_sequence, checked(list, list_structure_factory))
    converter.register_structure_hook_factory(attrs.has, checked(dict, make_dict_structure_fn))
    return converter


def _is_choice(kind: Any) -> bool:
    origin: Any = typing.get_origin(kind)
    return origin is Literal


def _place(value: Any, _: Any) -> Place:
    return Place(check_place(_of_type(value, str)))


def _one_of(value: Any, kind: Any) -> Any:
    choices = typing.get_args(kind)
    if value not in choices:
        raise ValueError(f"it is {value!r:.80} instead of one of {', '.join(map(repr, choices))}")
    return value


def _of_type(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:
        allowed = " or ".join(_IN_WORDS[kind] for kind in kinds)
        raise TypeError(f"it is {_IN_WORDS.get(type(value), type(value).__name__)} instead of {allowed}")
    return value


def _told(error: BaseException, _: type | None) -> str:
    return "it is missing" if isinstance(error, KeyError) else str(error)


def _placed(text: str) -> str:
    """`findings['a'].group: it is missing`, from what cattrs' walk through an error gives."""
    message, _, place = text.rpartition(" @ $")
    return f"{place.removeprefix('.')}: {message}" if place else message
