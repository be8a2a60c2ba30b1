"""How an options class says what its fields mean: `option()` for a field, and the limits that a value must keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

Limit = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def option(
    default: Any = attrs.NOTHING,
    *,
    help: str,  # noqa: A002 - the metadata key has this name everywhere
    unit: str = "",
    source: str = "",
    limit: Limit | Sequence[Limit] | None = None,
) -> Any:
    """One field of an options class.

    Args:
        default: the value where a spec says nothing; lists are given as tuples. Without one the option is required.
        help: one sentence for `describe`, `schema`, the reference docs and the comments of `init`.
        unit: the unit of a quantity that has one.
        source: the paper's section or equation for the default, where it has one.
        limit: one or several limits of this module; each sees the value only if it is not None.
    """
    limits = () if limit is None else (limit,) if callable(limit) else tuple(limit)
    metadata = {"help": help, "unit": unit, "source": source, "limits": tuple(str(each) for each in limits)}

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None:
            for each in limits:
                each(instance, attribute, value)

    return attrs.field(default=default, metadata=metadata, validator=check, kw_only=True)


@attrs.frozen
class at_least:  # noqa: N801 - reads as a predicate
    """Numbers, or each number of a sequence, from `lowest` upwards."""

    lowest: float

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        for number in _each(value):
            if not number >= self.lowest:
                raise ValueError(f"{number!r} is too small: {attribute.name} must be {self}")

    def __str__(self) -> str:
        return f"at least {self.lowest:g}"


@attrs.frozen
class above:  # noqa: N801 - reads as a predicate
    """Numbers, or each number of a sequence, strictly above `bound`."""

    bound: float

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        for number in _each(value):
            if not number > self.bound:
                raise ValueError(f"{number!r} is too small: {attribute.name} must be {self}")

    def __str__(self) -> str:
        return f"above {self.bound:g}"


@attrs.frozen
class between:  # noqa: N801 - reads as a predicate
    """Numbers, or each number of a sequence, from `lowest` to `highest`, both included."""

    lowest: float
    highest: float

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        for number in _each(value):
            if not self.lowest <= number <= self.highest:
                raise ValueError(f"{number!r} is out of range: {attribute.name} must be {self}")

    def __str__(self) -> str:
        return f"between {self.lowest:g} and {self.highest:g}"


@attrs.frozen
class not_empty:  # noqa: N801 - reads as a predicate
    """Sequences and strings with something in them."""

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if len(value) == 0:
            raise ValueError(f"{attribute.name} must not be empty")

    def __str__(self) -> str:
        return "not empty"


def _each(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (tuple, list)) else (value,)
