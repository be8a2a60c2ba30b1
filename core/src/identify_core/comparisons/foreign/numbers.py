"""Numbers from outside in the types that measures take: native byte order, at most 64 bits, floats or integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from identify_core.errors import UsageError

_KINDS = {
    "c": "complex numbers",
    "O": "Python objects",
    "U": "text",
    "S": "text",
    "T": "text",
    "M": "dates",
    "m": "time differences",
}


def check_real(dtype: np.dtype[Any], name: str) -> None:
    """Refuse what holds no real numbers.

    Raises:
        UsageError: it says what the type is.
    """
    if dtype.kind in "fiub":
        return
    if dtype.kind == "O":
        raise holds_objects(name)
    if dtype.kind == "V" and dtype.names is None:
        raise UsageError(
            f"{name} holds raw values of {dtype.itemsize} byte{'s' if dtype.itemsize > 1 else ''} without a type of "
            "number, as bfloat16 and float8 are saved by NumPy",
            hint="save it as float32, or as .safetensors, which keeps such types",
        )
    if dtype.kind == "V":
        raise UsageError(
            f"{name} holds records of the fields {', '.join(dtype.names or ())}, not real numbers",
            hint="save the fields as one array of numbers, or as a table (csv, parquet)",
        )
    raise UsageError(f"{name} holds {_KINDS.get(dtype.kind, f'{dtype} values')}, not real numbers")


def holds_objects(name: str) -> UsageError:
    """What is said of pickled objects."""
    return UsageError(
        f"{name} holds pickled objects, which are never loaded",
        hint="save it as numbers: np.save(path, np.asarray(values, dtype=float))",
    )


def as_native(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same values in native byte order; a long double as float64, infinite where that does not hold it."""
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            return values.astype(np.float64)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def as_real(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Latents: floats as they are, integers and truth values as float64."""
    return values if values.dtype.kind == "f" else values.astype(np.float64)
