"""Ground truth for arrays from outside: columns of the same table, or arrays of one value or of F values a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from identify_core.comparisons.foreign.record import Array, ForeignArray
from identify_core.data import Factor
from identify_core.data.factors import check_kind, read_factor
from identify_core.errors import UsageError
from identify_core.suggestions import did_you_mean


def split_factor(text: str) -> tuple[str, str, str]:
    """Name, kind and reference of `NAME[:KIND]=ARRAY` or `COLUMN[:KIND]`; empty where they are not said.

    Raises:
        UsageError: there is no name, or no such kind.
    """
    head, equals, reference = text.partition("=")
    name, colon, kind = head.rpartition(":")
    if not colon:
        name, kind = head, ""
    if not name or (equals and not reference):
        raise UsageError(f"the factor {text!r} is not NAME=ARRAY or NAME:KIND=ARRAY, nor a COLUMN of a table")
    if colon:
        check_kind(name, kind)
    return name, kind, reference


def refuse_strangers(texts: Sequence[str], arrays: Sequence[ForeignArray]) -> None:
    """Refuse a factor that is a column of none of the arrays.

    Raises:
        UsageError: with the nearest column.
    """
    columns = sorted({column for array in arrays for column in array.columns})
    for text in texts:
        name, _, reference = split_factor(text)
        if not reference and name not in columns:
            raise UsageError(
                f"the factor {name!r} is not a column of {', '.join(array.name for array in arrays)}",
                hint=did_you_mean(name, columns) if columns else f"{name}=ARRAY names a file of its values",
            )


def named_factors(
    texts: Sequence[str], array: ForeignArray, rows: int, read_values: Callable[[str], Mapping[str, Array]]
) -> dict[str, Factor]:
    """The factors that the user names, of the rows of one array.

    Args:
        texts: as `split_factor` takes them.
        array: whose columns may be meant.
        rows: how many values each has.
        read_values: reads a reference, by column.

    Raises:
        UsageError: a factor cannot be found, or has another number of values.
    """
    truth: dict[str, Factor] = {}
    for text in texts:
        name, kind, reference = split_factor(text)
        if not reference and name not in array.columns:
            continue  # another array's; `refuse_strangers` has seen that it is
        for label, values in _values(name, reference, array, read_values).items():
            if len(values) != rows:
                raise UsageError(f"the factor {label!r} has {len(values)} values for {rows} rows")
            truth[label] = read_factor(label, values, kind)
    return truth


def _values(
    name: str, reference: str, array: ForeignArray, read_values: Callable[[str], Mapping[str, Array]]
) -> dict[str, Array]:
    if not reference:
        return {name: array.columns[name]()}
    found: dict[str, Array] = {}
    for column, values in read_values(reference).items():
        if values.ndim > 2:
            raise UsageError(
                f"the factor {name!r} has the shape {values.shape}", hint="one value a row, or (n, F) for F factors"
            )
        flat = values.reshape(len(values), -1)
        for number in range(flat.shape[1]):
            found[f"{name}{f'-{column}' if column else ''}{f'-{number}' if flat.shape[1] > 1 else ''}"] = flat[
                :, number
            ]
    if len(found) == 1:
        return {name: next(iter(found.values()))}
    return found
