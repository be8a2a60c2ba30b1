"""How an options class says what its fields mean: `option()` for a field, and the limits that a value must keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from identify_core.errors import OptionsError
from identify_core.kinds import Reader, field_reader, option_fields
from identify_core.mismatches import Mismatches, as_options_error
from identify_core.saying import echo

Limit = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def option(
    default: Any = attrs.NOTHING,
    *,
    help: str,  # noqa: A002 - the metadata key has this name everywhere
    unit: str = "",
    source: str = "",
    limit: Limit | Sequence[Limit] | None = None,
    infinite: bool = False,
    names_code: bool = False,
    names_file: bool = False,
) -> Any:
    """One field of an options class, whose every value is checked when an instance is made, by a spec or by Python.

    A value has the type that the annotation says and keeps the limits, or it is an `OptionsError` with what is allowed
    and the nearest choice; numpy scalars become Python's, and lists become tuples.

    Args:
        default: the value where a spec says nothing; lists are given as tuples, tables as `attrs.Factory(dict)`.
            Without one the option is required.
        help: one sentence for `describe`, `schema`, the reference docs and the comments of `init`.
        unit: the unit of a quantity that has one.
        source: the paper's section or equation for the default, where it has one.
        limit: one or several limits of this module; each sees the value only if it is not None.
        infinite: whether an infinite number means something here, such as a threshold that is never reached; a spec
            that gives one anywhere else is wrong. NaN is never accepted.
        names_code: whether the value names something that is imported, such as "package.module:function", or a server
            whose answers can run code, such as a Dask scheduler. What a stored spec from elsewhere names is not
            touched unless the user trusts it by name.
        names_file: whether the value names a file, a folder or an address that is read; the same holds for these.
    """
    limits = () if limit is None else (limit,) if callable(limit) else tuple(limit)
    metadata = {
        "help": help,
        "unit": unit,
        "source": source,
        "limits": tuple(str(each) for each in limits),
        "checks": limits,
        "infinite": infinite,
        "names_code": names_code,
        "names_file": names_file,
    }

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is None:
            return
        failures = []
        for each in limits:
            try:
                each(instance, attribute, value)
            except ValueError as error:
                failures.append(str(error))
        if failures:
            raise OptionsError("; ".join(failures))

    return attrs.field(
        default=default,
        metadata=metadata,
        converter=_exact_type(),
        validator=check if limits else None,
        kw_only=True,
    )


def _exact_type() -> Any:
    """What reads each value of one field by its annotation, compiled once for each class that has the field."""
    readers: dict[type, Reader] = {}

    def convert(value: Any, instance: Any, field: attrs.Attribute[Any]) -> Any:
        options = type(instance)
        if options not in readers:
            resolved = {each.name: each for each in option_fields(options)}
            readers[options] = field_reader(resolved[field.name])
        try:
            return readers[options](value)
        except Mismatches as error:
            raise as_options_error(field.name, error) from None

    return attrs.Converter(convert, takes_self=True, takes_field=True)


@attrs.frozen
class at_least:  # noqa: N801 - reads as a predicate
    """Numbers, or each number of a sequence, from `lowest` upwards.

    Args:
        lowest: the smallest number that is allowed.

    Example:
        >>> from identify_core import at_least
        >>> print(at_least(1))
        at least 1
    """

    lowest: float

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        for number in _numbers(value):
            if not number >= self.lowest:
                raise ValueError(f"{number!r} is too small: {attribute.name} must be {self}")

    def __str__(self) -> str:
        return f"at least {_plain(self.lowest)}"


@attrs.frozen
class above:  # noqa: N801 - reads as a predicate
    """Numbers, or each number of a sequence, strictly above `bound`.

    Args:
        bound: what they must exceed.

    Example:
        >>> from identify_core import above
        >>> print(above(0))
        above 0
    """

    bound: float

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        for number in _numbers(value):
            if not number > self.bound:
                raise ValueError(f"{number!r} is too small: {attribute.name} must be {self}")

    def __str__(self) -> str:
        return f"above {_plain(self.bound)}"


@attrs.frozen
class between:  # noqa: N801 - reads as a predicate
    """Numbers, or each number of a sequence, from `lowest` to `highest`, both included.

    Args:
        lowest: the smallest number that is allowed.
        highest: the largest number that is allowed.

    Example:
        >>> import attrs
        >>> from identify_core import between, option
        >>> @attrs.frozen(kw_only=True)
        ... class Options:
        ...     share: float = option(0.5, help="of the rows", limit=between(0, 1))
        >>> Options(share=1.5)
        Traceback (most recent call last):
        ...
        identify_core.errors.OptionsError: 1.5 is out of range: share must be between 0 and 1
    """

    lowest: float
    highest: float

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        for number in _numbers(value):
            if not self.lowest <= number <= self.highest:
                raise ValueError(f"{number!r} is out of range: {attribute.name} must be {self}")

    def __str__(self) -> str:
        return f"between {_plain(self.lowest)} and {_plain(self.highest)}"


@attrs.frozen
class not_empty:  # noqa: N801 - reads as a predicate
    """Sequences and strings with something in them."""

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if len(value) == 0:
            raise ValueError(f"{attribute.name} must not be empty")

    def __str__(self) -> str:
        return "not empty"


@attrs.frozen
class matching:  # noqa: N801 - reads as a predicate
    """Strings that a regular expression matches from end to end.

    Args:
        pattern: the regular expression.
        meaning: in words, which strings those are.

    Example:
        >>> from identify_core import matching
        >>> print(matching("[a-z]+", "lower-case letters"))
        lower-case letters
    """

    pattern: str
    meaning: str

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"{echo(repr(value))} is not accepted: {attribute.name} must be {self}")

    def __str__(self) -> str:
        return self.meaning


def _numbers(value: Any) -> Iterator[int | float]:
    """Every number in a value, however deep; a choice such as "auto" next to numbers has no size to limit."""
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _numbers(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _numbers(each)


def _plain(number: float) -> str:
    """A bound in words: 0.0 as 0, and a whole number with all its digits."""
    return str(number) if isinstance(number, int) else f"{number:g}"
