"""HDF5: plain files, netCDF 4, MATLAB 7.3 (whose axes lie the other way round) and AnnData's .h5ad, read in spans."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from identify_core.comparisons.foreign.numbers import as_native, check_real
from identify_core.comparisons.foreign.record import Array, ForeignArray, Selection, choose
from identify_core.comparisons.foreign.sizes import judge_size
from identify_core.errors import UsageError
from identify_core.optional_packages import optional_package


def open_hdf5(path: Path, key: str) -> ForeignArray:
    """A data set of an HDF5 file; for .h5ad a key of `obsm`, with `obs_names` as its ids and `obs` as its columns."""
    h5py = optional_package("h5py", extra="hdf5", purpose=f"reading {path}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UsageError(f"{path} is a damaged HDF5 file: {error}", hint="write or download it again") from error
    if str(file.attrs.get("encoding-type", "")) == "anndata" or path.suffix == ".h5ad":
        return _open_anndata(path, key, file, h5py)
    names: list[str] = []

    def note(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None and not _is_scale(node):
            names.append(name)

    file.visititems(note)
    _refuse_links(path, key, file, h5py)
    if key.strip("/") in names:
        key = key.strip("/")
    elif key and key in file and isinstance(file[key], h5py.Dataset):
        names.append(key)
    with open(path, "rb") as raw:
        reversed_axes = raw.read(10) == b"MATLAB 7.3"
    name = choose(path, key, _numeric(file, names) if not key else names)
    return _dataset(f"{path}:{name}", file[name], reversed_axes=reversed_axes)


def _numeric(file: Any, names: list[str]) -> list[str]:
    """Where no key is given, what could be meant: the data sets of numbers."""
    return [name for name in names if file[name].dtype.kind in "fiub"]


def _refuse_links(path: Path, key: str, file: Any, h5py: Any) -> None:
    link = file.get(key, getlink=True) if key and key in file else None
    if isinstance(link, h5py.ExternalLink):
        raise UsageError(
            f"{path}:{key} is a link into another file, {link.filename}", hint=f"name that one: {link.filename}"
        )


def _is_scale(node: Any) -> bool:
    return bool(node.attrs.get("CLASS") == b"DIMENSION_SCALE" and node.ndim == 1)


def _dataset(label: str, node: Any, *, reversed_axes: bool = False, **more: Any) -> ForeignArray:
    if node.external or node.is_virtual:
        raise UsageError(f"{label} keeps its values in other files", hint="write a file that holds them itself")
    text = node.dtype.kind in "OSU"
    if text and not _is_text(node):
        raise UsageError(f"{label} holds {node.dtype} values, not real numbers")
    if not text:
        check_real(node.dtype, label)
    _require_chunks(label, node)
    shape = tuple(map(int, node.shape))

    def read(selection: Selection) -> Array:
        wanted = tuple(reversed(selection)) if reversed_axes else selection
        try:
            values = np.asarray(node.asstr()[wanted], dtype=np.str_) if text else as_native(np.asarray(node[wanted]))
        except (OSError, RuntimeError, UnicodeDecodeError) as error:
            raise UsageError(f"{label} is damaged: {error}", hint="write or download it again") from error
        return values.T if reversed_axes else values

    return ForeignArray(
        name=label,
        shape=shape[::-1] if reversed_axes else shape,
        dtype=str(node.dtype),
        read=read,
        axes=() if reversed_axes else _axes(node),
        **more,
    )


def _is_text(node: Any) -> bool:
    import h5py

    return node.dtype.kind in "SU" or h5py.check_string_dtype(node.dtype) is not None


def _axes(node: Any) -> tuple[str, ...]:
    """The label of each axis, or the name of its scale, as netCDF has it."""
    names = []
    for dimension in node.dims:
        scale = dimension[0].name.rpartition("/")[2] if len(dimension) else ""
        names.append(str(dimension.label or scale))
    return tuple(names)


def _require_chunks(label: str, node: Any) -> None:
    """HDF5 takes what was never written for zeros."""
    if 0 in node.shape or node.shape == ():
        return
    if node.chunks is None:
        announced, there = math.prod(node.shape) * node.dtype.itemsize, node.id.get_storage_size()
        if there < announced:
            raise UsageError(
                f"{label} is incomplete: it announces {announced} bytes of values, and {there} were written",
                hint="write it again",
            )
        return
    judge_size(label, tuple(map(int, node.chunks)), node.dtype.itemsize, what="a chunk")
    expected = math.prod(math.ceil(size / step) for size, step in zip(node.shape, node.chunks, strict=True))
    found = node.id.get_num_chunks()
    if found < expected:
        raise UsageError(
            f"{label} is incomplete: {expected - found} of its {expected} chunks were never written",
            hint="write it again; chunks that are meant to be zeros must be written too",
        )


def _open_anndata(path: Path, key: str, file: Any, h5py: Any) -> ForeignArray:
    """`obsm/<key>` by its key alone, `X`, or a layer as `layers/<name>`."""
    places = {name: f"obsm/{name}" for name in file.get("obsm", {})}
    places |= {f"obsm/{name}": f"obsm/{name}" for name in file.get("obsm", {})}
    places |= {f"layers/{name}": f"layers/{name}" for name in file.get("layers", {})}
    places |= {"X": "X"} if "X" in file else {}
    chosen = choose(path, key, sorted(places) if key else sorted({each.removeprefix("obsm/") for each in places}))
    node = file[places[chosen]]
    label = f"{path}:{chosen}"
    if not isinstance(node, h5py.Dataset):
        kind = str(node.attrs.get("encoding-type", "group"))
        raise UsageError(f"{label} is a {kind}, not a dense array", hint="store it dense in obsm")
    obs = file["obs"]
    index = str(obs.attrs.get("_index", "_index"))
    columns: dict[str, Callable[[], Array]] = {
        name: partial(_obs_column, obs[name], f"{path}:obs/{name}") for name in obs if name != index
    }
    return _dataset(label, node, ids=partial(_obs_column, obs[index], f"{path}:obs/{index}"), columns=columns)


def _obs_column(node: Any, label: str) -> Array:
    """A column of `obs`; a categorical one by its categories."""
    if hasattr(node, "keys"):
        if "categories" not in node or "codes" not in node:
            raise UsageError(f"{label} is a {node.attrs.get('encoding-type', 'group')}, which is not read")
        codes = _dataset(label, node["codes"]).whole().astype(np.int64)
        categories = _dataset(label, node["categories"]).whole()
        if (codes < 0).any():
            raise UsageError(f"{label} has no value in {int((codes < 0).sum())} of {len(codes)} rows")
        return categories[codes]
    return _dataset(label, node).whole()
