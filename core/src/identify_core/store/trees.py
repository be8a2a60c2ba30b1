"""A stored run as xarray: one tree whose arrays are read from Zarr when their values are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from identify_core.optional_packages import optional_package
from identify_core.store.arrays import Array

if TYPE_CHECKING:
    from xarray import DataArray, Dataset, DataTree

    from identify_core.findings import LabelledArray
    from identify_core.store.latents import StoredLatents
    from identify_core.store.reader import StoredRun


def tree_of(run: StoredRun) -> DataTree:
    """A run as one tree.

    `samples` has ids as a coordinate and factors as variables; `latents/<name>` has `values` (replicate, sample,
    latent), or one variable a replicate where their widths differ; `weights`, `history/<name>` and `findings/<label>`
    hold what they are named after. Within a group a dimension name means one size.

    Args:
        run: committed or staged.

    Raises:
        UsageError: xarray is not installed.
    """
    xarray = _xarray()
    groups: dict[str, Any] = {"/": xarray.Dataset(attrs=_attributes(run))}
    factors = {name: ("sample", factor.values) for name, factor in run.factors.items()}
    groups["samples"] = xarray.Dataset(_labelled(factors), coords={"sample": run.ids})
    for name, latents in run.latents.items():
        groups[f"latents/{_key(name)}"] = _latents_dataset(latents)
    weights = run.weights()
    if weights:
        named = {each: (_axes(each, values.ndim), values) for each, values in weights.items()}
        groups["weights"] = xarray.Dataset(_labelled(named))
    for name, (steps, values) in run.history().items():
        dims = ("step", "replicate")[: values.ndim]
        groups[f"history/{_key(name)}"] = xarray.Dataset({"values": (dims, values)}, coords={"step": steps})
    for label, stored in run.findings.items():
        found = xarray.Dataset(arrays_dataset(stored.finding.arrays), attrs=dict(stored.finding.scalars))
        groups[f"findings/{_key(label)}"] = found.assign_attrs(summary=stored.finding.summary)
    tree: DataTree = xarray.DataTree.from_dict(groups, name=run.id)
    return tree


def latents_array(latents: StoredLatents) -> DataArray:
    """Latents of one width as an array (replicate, sample, latent) whose values are read when they are used."""
    values = _latents_dataset(latents)["values"]
    values.name = latents.name
    return values


def arrays_dataset(arrays: Mapping[str, LabelledArray]) -> dict[str, Any]:
    """Arrays of a finding as variables, with dimension names that are unique and of one size each."""
    named = {name: (array.dimensions, array.values, {"summary": array.summary}) for name, array in arrays.items()}
    return _labelled(named)


def _labelled(variables: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Variables under names that a tree takes, each dimension name unique in its array and of one size in the group."""
    sizes: dict[str, int] = {}
    made: dict[str, Any] = {}
    for name, (dimensions, values, *more) in variables.items():
        dims: list[str] = []
        for axis, size in zip([dimensions] if isinstance(dimensions, str) else dimensions, values.shape, strict=True):
            free = (axis, *(f"{axis}-{number}" for number in range(2, 2 + values.ndim + len(sizes))))
            chosen = next(each for each in free if each not in dims and sizes.get(each, size) == size)
            sizes[chosen] = size
            dims.append(chosen)
        made[_key(name, made)] = (tuple(dims), values, *more)
    return made


def _latents_dataset(latents: StoredLatents) -> Dataset:
    xarray = _xarray()
    notes = {key: getattr(latents, key) for key in ("split", "identified_up_to", "summary")}
    coords: dict[str, Any] = {"sample": latents.ids}
    names: list[Any] = list(latents.names) or list(range(latents.count))
    width = latents.shape[2]
    variables: dict[str, Any] = {}
    if width is None:
        for replicate, name in enumerate(names):
            read = partial(_read_one, latents, replicate)
            values = _lazy(latents.sizes[replicate], _dtype(latents), read)
            variables[f"values-{name}"] = (("sample", f"latent-{replicate}"), values)
    else:
        values = _lazy((latents.count, latents.shape[1], width), _dtype(latents), latents.__getitem__)
        variables["values"] = (latents.dims, values)
        coords["replicate"] = names
    made: Dataset = xarray.Dataset(variables, coords=coords, attrs=notes)
    return made


def _read_one(latents: StoredLatents, replicate: int, key: tuple[Any, ...]) -> Array:
    return latents[(replicate, *key)]


def _dtype(latents: StoredLatents) -> np.dtype[Any]:
    return latents[0, :0].dtype if latents.count else np.dtype("float32")


def _lazy(shape: Sequence[int], dtype: np.dtype[Any], read: Callable[[tuple[Any, ...]], Array]) -> Any:
    """An array of xarray that calls `read` with integers and slices when its values are used."""
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Rows(BackendArray):
        def __init__(self) -> None:
            self.shape = tuple(shape)
            self.dtype = dtype

        def __getitem__(self, key: Any) -> Any:
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, read)

    return indexing.LazilyIndexedArray(Rows())


def _attributes(run: StoredRun) -> dict[str, Any]:
    known = {key: run.document.get(key) for key in ("name", "plugin", "created", "seed", "replicates")}
    return {"id": run.id, "status": run.status, **{key: value for key, value in known.items() if value is not None}}


def _axes(name: str, count: int) -> tuple[str, ...]:
    """The axes of a weight: its replicates, and what only this weight has."""
    return ("replicate", *(f"{_key(name)}-{axis}" for axis in range(1, count)))[:count]


def _key(name: str, taken: Iterable[str] = ()) -> str:
    """A name without the slash that a tree would take for a group inside."""
    key = name.replace("/", ".")
    return key if key not in taken else _key(f"{name}-2", taken)


def _xarray() -> Any:
    return optional_package("xarray", extra="xarray", purpose="a run as a tree")
