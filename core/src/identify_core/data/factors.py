"""Factors: how values become a ground-truth factor, by one rule in the library, in specs and on the command line."""

from __future__ import annotations

from typing import Any

import numpy as np

from identify_core.data import Factor
from identify_core.errors import UsageError
from identify_core.factor_kinds import KINDS, SAID_KINDS
from identify_core.suggestions import did_you_mean

_MOST_TURNS = 10  # angles that were followed round and round are still radians; degrees go up to 90 at least
_MISSING_TEXT = ("", "nan", "<na>")


def read_factor(name: str, values: Any, kind: str = "") -> Factor:
    """The factor that values of any type are: the kind that is said, or the one that their type suggests.

    Args:
        name: what messages call it.
        values: shape (n,): numbers, booleans, text, bytes or Python objects of these; numpy, torch or a list.
        kind: of `SAID_KINDS`; empty where nobody said one.

    Raises:
        UsageError: there is no such kind, values are missing or infinite, or they do not go with the kind.
    """
    if kind:
        check_kind(name, kind)
    array = _plain(name, values.detach().cpu().numpy() if hasattr(values, "detach") else values)
    if array.ndim != 1:
        raise UsageError(f"the factor {name!r} has the shape {array.shape}", hint="one value a sample, of shape (n,)")
    _refuse_missing(name, array)
    read = kind or ("continuous" if array.dtype.kind == "f" else "categorical")
    if read not in ("ordinal", "categorical") and array.dtype.kind not in "iuf":
        raise UsageError(f"the factor {name!r} is {read}, so it must hold numbers, not {_what(array)}")
    if read == "degrees":
        array, read = np.deg2rad(array.astype(np.float64)), "circular"
    elif read == "circular":
        _refuse_degrees(name, array)
    return Factor(values=array, kind=KINDS[KINDS.index(read)], guessed=not kind and _doubtful(array))


def check_kind(name: str, kind: str) -> None:
    """Refuse what is not a kind.

    Raises:
        UsageError: `kind` is not one of `SAID_KINDS`.
    """
    if kind not in SAID_KINDS:
        raise UsageError(
            f"the factor {name!r} cannot be {kind!r}; a factor is {', '.join(SAID_KINDS)}",
            hint=did_you_mean(kind, SAID_KINDS),
        )


def doubt_of_kind(name: str, factor: Factor) -> str:
    """What to say of a factor whose kind was guessed; empty where it was said, or leaves no doubt."""
    if not factor.guessed:
        return ""
    how = "integers" if factor.values.dtype.kind in "iu" else "whole numbers as floats"
    return f"factor {name!r} holds {how} and was read as {factor.kind}: say its kind"


def _plain(name: str, values: Any) -> np.ndarray[Any, Any]:
    """Values as numbers, booleans or text."""
    masked = int(np.ma.getmaskarray(values).sum()) if isinstance(values, np.ma.MaskedArray) else 0
    if masked:
        raise _missing(name, masked, len(values), int(np.ma.getmaskarray(values).argmax()))
    array = np.asarray(values)
    if array.dtype.kind == "S":
        array = np.asarray([each.decode("utf-8", "replace") for each in array.ravel().tolist()]).reshape(array.shape)
    if array.dtype.kind == "O":
        items = array.ravel().tolist()
        absent = [each is None or each != each for each in items]
        if any(absent):
            raise _missing(name, sum(absent), len(items), absent.index(True))
        if all(isinstance(each, str) for each in items) or all(isinstance(each, bool | int | float) for each in items):
            array = np.asarray(items).reshape(array.shape)
    if array.dtype.kind not in "biufUT":
        raise UsageError(f"the factor {name!r} holds {array.dtype} values, not numbers or text")
    return array


def _refuse_missing(name: str, array: np.ndarray[Any, Any]) -> None:
    if array.dtype.kind == "f":
        if np.isinf(array).any():
            raise UsageError(f"the factor {name!r} has {int(np.isinf(array).sum())} infinite values")
        absent = np.isnan(array)
    elif array.dtype.kind in "UT":
        absent = np.isin(np.char.lower(np.char.strip(array.astype(np.str_))), _MISSING_TEXT)
    else:
        return
    if absent.any():
        raise _missing(name, int(absent.sum()), len(array), int(absent.argmax()))


def _missing(name: str, count: int, rows: int, first: int) -> UsageError:
    return UsageError(
        f"the factor {name!r} has no value in {count} of {rows} rows, the first of them row {first}",
        hint="leave those rows out, of the latents as well",
    )


def _refuse_degrees(name: str, array: np.ndarray[Any, Any]) -> None:
    largest = float(np.abs(array).max(initial=0))
    if largest > _MOST_TURNS * 2 * np.pi:
        raise UsageError(
            f"the factor {name!r} is circular and has values up to {largest:g}; circular values are in radians, at "
            f"most {_MOST_TURNS} turns from 0",
            hint=f"say {name}:degrees if these are degrees",
        )


def _doubtful(array: np.ndarray[Any, Any]) -> bool:
    """Whether values could be codes as well as amounts."""
    return array.dtype.kind in "iu" or (array.dtype.kind == "f" and bool((array == array.round()).all()))


def _what(array: np.ndarray[Any, Any]) -> str:
    return {"U": "text", "T": "text", "b": "true and false"}.get(array.dtype.kind, f"{array.dtype} values")
