"""Arrays in memory: numpy, torch, xarray and dataframes, described as what a file of arrays gives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from identify_core.comparisons.foreign.numbers import as_real, check_real
from identify_core.comparisons.foreign.record import Array, ForeignArray
from identify_core.comparisons.foreign.tables import Table
from identify_core.errors import UsageError


def array_in_memory(value: Any, name: str) -> ForeignArray:
    """What a notebook holds, as an array that is compared.

    A dataframe (pandas, polars, Arrow) gives its columns as latents, its index or its column `id` as ids; an
    xarray.DataArray its dimension names and the coordinates of its samples; anything else is taken as numpy takes it.

    Args:
        value: the array, (n, d) or with axes that are named elsewhere.
        name: what messages and results call it.

    Raises:
        UsageError: it holds something else than real numbers.
    """
    columns = _columns_of(value)
    if columns is not None:
        return _table(value, columns, name).latents("")
    axes: tuple[str, ...] = ()
    ids = None
    if hasattr(value, "dims") and hasattr(value, "coords"):  # xarray
        axes = tuple(map(str, value.dims))
        if "sample" in value.coords:
            ids = partial(np.asarray, value.coords["sample"].values)
        value = value.values
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array = np.asarray(value)
    check_real(array.dtype, name)
    if not array.ndim:
        raise UsageError(f"{name} is one {type(value).__name__}, not an array", hint="pass (n, d) activations")
    return ForeignArray(
        name=name, shape=array.shape, dtype=str(array.dtype), read=lambda part: as_real(array[part]), axes=axes, ids=ids
    )


def _columns_of(value: Any) -> list[str] | None:
    """The column names of a dataframe; None for anything else."""
    if isinstance(value, Mapping):
        raise UsageError("a mapping is not an array", hint="pass its values: compare({'first': a, 'second': b})")
    names = getattr(value, "column_names", None) or getattr(value, "columns", None)
    return None if names is None or not hasattr(value, "__getitem__") else [str(each) for each in names]


def _table(frame: Any, names: list[str], name: str) -> Table:
    own = list(getattr(frame, "column_names", None) or frame.columns)
    columns = dict(zip(names, own, strict=True))
    index = getattr(frame, "index", None)  # pandas: a RangeIndex only numbers the rows
    numbered = index is None or type(index).__name__ == "RangeIndex" or not hasattr(index, "to_numpy")

    def column(said: str) -> Array:
        values = frame.index.to_numpy() if said == _INDEX and said not in columns else frame[columns[said]].to_numpy()
        return np.asarray(values, dtype=np.str_) if values.dtype.kind in "OUST" else np.asarray(values)

    return Table(
        path=Path(name),
        names=tuple(names),
        rows=len(frame),
        column=column,
        text=column,
        index=None if numbered else _INDEX,
    )


_INDEX = "index of the dataframe"
