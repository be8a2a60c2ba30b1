"""Arrays in files as representations: .npy, .npz, .zarr and .safetensors, read in spans of rows, never unpickled."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from identify_core.errors import UsageError
from identify_core.run.subject import Representation
from identify_core.suggestions import did_you_mean

Rows = Callable[[int, int], np.ndarray[Any, Any]]

_REFERENCE = re.compile(r"(?P<path>.+?\.(?P<kind>npy|npz|zarr|safetensors))(?P<key>([:/].*)?)", re.DOTALL)


def is_array_reference(reference: str) -> bool:
    """Whether `reference` names an array in a file rather than a run."""
    return _REFERENCE.fullmatch(reference) is not None


def open_array(reference: str, *, ids: np.ndarray[Any, Any] | None = None) -> list[Representation]:
    """The representations in an array.

    Args:
        reference: `a.npy`, `b.npz:key`, `c.zarr/path/in/it` or `d.safetensors:key`; the key may be left out where there
            is one array only.
        ids: the sample ids of its rows; None for 0, 1, 2, …

    Returns:
        One for an array of shape (n,) or (n, d); R for one of shape (R, n, d).

    Raises:
        UsageError: there is no such file or array, it holds no real numbers, it would have to be unpickled, its shape
            is none of these, or the ids are not as many as its rows.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UsageError(f"{reference!r} names no array", hint="a.npy, b.npz:key, c.zarr/path or d.safetensors:key")
    path, kind, key = Path(match["path"]), match["kind"], match["key"].lstrip(":/")
    if not path.exists():
        raise UsageError(f"there is no file {path}")
    opener = {"npy": _open_npy, "npz": _open_npz, "zarr": _open_zarr, "safetensors": _open_safetensors}[kind]
    array = opener(path, key)
    _check(array, reference)
    parts = _parts(array, reference)
    rows = parts[0][1][0]
    if ids is None:
        ids = np.arange(rows)
    elif len(ids) != rows:
        raise UsageError(f"there are {len(ids)} ids for the {rows} rows of {reference}")
    return [
        Representation(
            label=label,
            run_id="",
            latents=path.name,
            replicate=replicate,
            ids=ids,
            identified_up_to="",
            shape=shape,
            load_rows=load,
        )
        for replicate, (label, shape, load) in enumerate(parts)
    ]


def _parts(array: Any, reference: str) -> list[tuple[str, tuple[int, int], Rows]]:
    """Label, shape and reader of each representation in an array."""
    if array.ndim == 1:
        return [(reference, (array.shape[0], 1), lambda start, stop: np.asarray(array[start:stop]).reshape(-1, 1))]
    if array.ndim == 2:
        return [(reference, (array.shape[0], array.shape[1]), lambda start, stop: np.asarray(array[start:stop]))]

    def reader(replicate: int) -> Rows:
        return lambda start, stop: np.asarray(array[replicate, start:stop])

    count, rows, width = array.shape
    return [(f"{reference}[{r}]", (rows, width), reader(r)) for r in range(count)]


def read_ids(path: Path) -> np.ndarray[Any, Any]:
    """Sample ids from a .npy file, or from a text file with one a line.

    Raises:
        UsageError: the file is missing, or its ids repeat or are neither integers nor text.
    """
    if not path.exists():
        raise UsageError(f"there is no file {path}")
    if path.suffix == ".npy":
        ids = np.asarray(_open_npy(path, ""))
    else:
        try:
            ids = np.asarray(path.read_text(encoding="utf-8").split("\n"))
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is no text in UTF-8") from error
        ids = ids[:-1] if len(ids) and ids[-1] == "" else ids
        if all(re.fullmatch(r"[+-]?\d+", text) for text in ids.tolist()):
            ids = ids.astype(np.int64)
    if ids.ndim != 1 or ids.dtype.kind not in "iuU":
        raise UsageError(f"{path} must hold one integer or text a row, not {ids.dtype} of shape {ids.shape}")
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise UsageError(f"the id {values[counts > 1][0]!s} comes {counts.max()} times in {path}; ids are unique")
    return ids


def _open_npy(path: Path, key: str) -> Any:
    if key:
        raise UsageError(f"{path} holds one array and has no key {key!r}")
    return _numpy_load(path, mmap_mode="r")


def _open_npz(path: Path, key: str) -> Any:
    archive = _numpy_load(path)
    with archive:
        name = _choose(path, key, list(archive.files))
        try:
            return archive[name]
        except ValueError as error:
            raise _pickled(f"{path}:{name}") from error


def _numpy_load(path: Path, **options: Any) -> Any:
    try:
        return np.load(path, allow_pickle=False, **options)
    except ValueError as error:
        if "pickle" in str(error).lower() or "Python objects" in str(error):
            raise _pickled(str(path)) from error
        raise UsageError(f"{path} is no numpy file: {error}") from error
    except Exception as error:
        raise UsageError(f"{path} is no numpy file: {error}") from error


def _pickled(name: str) -> UsageError:
    return UsageError(
        f"{name} holds pickled objects, which are never loaded",
        hint="save it as numbers: np.save(path, np.asarray(values, dtype=float))",
    )


def _open_zarr(path: Path, key: str) -> Any:
    import zarr

    try:
        node = zarr.open(store=str(path), mode="r", path=key or None)
    except Exception as error:
        names = _zarr_names(path)
        raise UsageError(
            f"{path} has no array {key!r}" if key else f"{path} is no Zarr array or group: {error}",
            hint=did_you_mean(key, names) if names else "",
        ) from error
    if isinstance(node, zarr.Group):
        names = [name for name, _ in node.arrays()]
        name = _choose(path / key if key else path, "", names)
        return node[name]
    return node


def _zarr_names(path: Path) -> list[str]:
    import zarr

    try:
        group = zarr.open_group(store=str(path), mode="r")
    except Exception:  # noqa: BLE001 - only for a hint: what cannot be listed gives none
        return []
    return [name for name, member in group.members(max_depth=None) if isinstance(member, zarr.Array)]


def _open_safetensors(path: Path, key: str) -> Any:
    from safetensors import safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            tensor = file.get_tensor(_choose(path, key, list(file.keys())))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{path} is no safetensors file: {error}") from error
    return tensor.float().numpy() if str(tensor.dtype) == "torch.bfloat16" else tensor.numpy()


def _choose(path: Path, key: str, names: list[str]) -> str:
    if key in names:
        return key
    if key:
        raise UsageError(f"{path} has no array {key!r}", hint=did_you_mean(key, names))
    if len(names) == 1:
        return names[0]
    raise UsageError(
        f"{path} holds {len(names)} arrays" if names else f"{path} holds no array",
        hint=f"say which: {', '.join(sorted(names)[:12])}" if names else "",
    )


def _check(array: Any, reference: str) -> None:
    kind = np.dtype(array.dtype).kind
    if kind == "O":
        raise _pickled(reference)
    if kind not in "fiub":
        what = "complex numbers" if kind == "c" else f"{array.dtype} values"
        raise UsageError(f"{reference} holds {what}, not real numbers")
    if array.ndim not in (1, 2, 3):
        raise UsageError(
            f"{reference} has the shape {tuple(array.shape)}",
            hint="(samples,), (samples, latents) or (replicates, samples, latents)",
        )
    if 0 in array.shape:
        raise UsageError(f"{reference} is empty: its shape is {tuple(array.shape)}")
