"""Zarr stores of either version, read in spans; what is not there is never taken for zeros, and no codec runs code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from identify_core.comparisons.foreign.numbers import as_native, check_real
from identify_core.comparisons.foreign.record import Array, ForeignArray, Selection, choose
from identify_core.comparisons.foreign.sizes import judge_size
from identify_core.comparisons.foreign.zarr_chunks import StoredArray, check_files
from identify_core.errors import UsageError
from identify_core.store.nodes import Node
from identify_core.store.values import Layout, read_layout

_MOST_METADATA = 16 << 20
_MOST_NODES = 10_000
_DEPTH = 32
_WIDE_TYPES = {"bfloat16", "float8_e4m3", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"}
# Codecs of numbers. `pickle` is one of those left out: it runs code when it decodes.
_CODECS = frozenset(
    [
        "bytes",
        "endian",
        "transpose",
        "sharding_indexed",
        "blosc",
        "zlib",
        "gzip",
        "bz2",
        "lzma",
        "lz4",
        "zstd",
        "shuffle",
        "delta",
        "bitround",
        "fixedscaleoffset",
        "quantize",
        "astype",
        "packbits",
        "crc32",
        "crc32c",
        "adler32",
        "fletcher32",
        "jenkins_lookup3",
        "pcodec",
        "zfpy",
    ]
)


def open_zarr(path: Path, key: str) -> ForeignArray:
    """An array of a Zarr store, at any depth.

    Raises:
        UsageError: there is none, it is of another layout than Zarr's version 2 or 3, a chunk of it is missing or
            truncated, or it names a codec that is not one of numbers.
    """
    root = _read_root(path)
    if any(part in ("..", ".") for part in Path(key).parts) or key.startswith("/"):
        raise UsageError(f"{key!r} is not a place in {path}")
    place = choose(path, *_meant(key, [] if root else list(_arrays(path)))) if not root or key else ""
    label = f"{path}/{place}" if place else str(path)
    stored = _describe(path / place, label)
    judge_size(label, stored.files, stored.dtype.itemsize, what="a chunk")
    check_files(stored, label)

    def read(selection: Selection) -> Array:
        import zarr

        try:
            array = zarr.open_array(store=stored.folder, mode="r", zarr_format=stored.version)  # type: ignore[arg-type]
            return as_native(np.asarray(array[selection]))
        except MemoryError as error:
            raise UsageError(f"{label} is damaged: a chunk of it claims more memory than there is") from error
        except Exception as error:
            raise UsageError(
                f"{label} is damaged: one of its chunks cannot be decoded ({error})", hint="copy or download it again"
            ) from error

    return ForeignArray(name=label, shape=stored.shape, dtype=str(stored.dtype), read=read, axes=stored.axes)


def _read_root(path: Path) -> bool:
    """Whether the store is one array; what is not a Zarr of either version is refused."""
    if (path / "zarr.json").exists():
        document = _read_json(path / "zarr.json", str(path))
        if document.get("zarr_format") != 3:
            raise UsageError(
                f"{path} is written in a draft of Zarr's version 3, which is not read: its zarr_format is "
                f"{document.get('zarr_format')!r}",
                hint="write it with zarr 3",
            )
        return document.get("node_type") == "array"
    if (path / ".zarray").exists():
        return True
    if not (path / ".zgroup").exists():
        attributes = _read_json(path / "attributes.json", str(path)) if (path / "attributes.json").exists() else {}
        if path.suffix == ".n5" or "n5" in attributes or "blockSize" in attributes:
            raise UsageError(f"{path} is an N5 store, which is not read", hint="copy it into a Zarr store")
        raise UsageError(
            f"{path} is not a Zarr array or group: it holds neither zarr.json nor .zarray nor .zgroup",
            hint="copy it again, with the hidden files",
        )
    return False


def _meant(key: str, names: list[str]) -> tuple[str, list[str]]:
    """The arrays among which a key chooses: itself, or those below it where it is a group."""
    key = key.strip("/")
    below = [name for name in names if name.startswith(f"{key}/")]
    return ("", below) if key and key not in names and below else (key, names)


def _arrays(path: Path) -> Iterator[str]:
    """The paths of all arrays below a folder; links are not followed."""
    for seen, (folder, folders, files) in enumerate(os.walk(path)):
        place = Path(folder).relative_to(path)
        is_array = ".zarray" in files
        if "zarr.json" in files:
            is_array = _read_json(Path(folder, "zarr.json"), str(path)).get("node_type") == "array"
        if is_array and place.parts:
            yield place.as_posix()
        folders[:] = [] if is_array or len(place.parts) >= _DEPTH or seen >= _MOST_NODES else sorted(folders)


def _read_json(file: Path, name: str) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_METADATA:
            raise ValueError(f"it has more than {_MOST_METADATA} bytes")
        document = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("it is not a JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{name} is damaged: {file.name} cannot be read ({error})") from error
    return document


def _describe(folder: Path, label: str) -> StoredArray:
    try:
        if (folder / "zarr.json").exists():
            return _describe_v3(folder, _read_json(folder / "zarr.json", label), label)
        attributes = _read_json(folder / ".zattrs", label) if (folder / ".zattrs").exists() else {}
        return _describe_v2(folder, _read_json(folder / ".zarray", label), attributes, label)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{label} is damaged: its metadata make no sense ({error!r})") from error


def _describe_v3(folder: Path, document: Mapping[str, Any], label: str) -> StoredArray:
    grid, keys, named = document["chunk_grid"], document["chunk_key_encoding"], document["data_type"]
    codecs = [str(each["name"]) for each in document["codecs"]]
    inner = [
        str(each["name"])
        for codec in document["codecs"]
        if codec["name"] == "sharding_indexed"
        for each in (*codec["configuration"]["codecs"], *codec["configuration"].get("index_codecs", ()))
    ]
    _check_codecs([*codecs, *inner], label)
    if grid["name"] != "regular" or keys["name"] not in ("default", "v2"):
        raise UsageError(f"{label} is stored on a {grid['name']!r} grid with {keys['name']!r} names, which is not read")
    default = "/" if keys["name"] == "default" else "."
    return StoredArray(
        folder=folder,
        version=3,
        shape=_sizes(document["shape"]),
        dtype=_dtype(named, label),
        files=_sizes(grid["configuration"]["chunk_shape"], least=1),
        codecs=_undone(codecs),
        layout=_store_layout(folder, document),
        separator=keys.get("configuration", {}).get("separator", default),
        prefix="c" if keys["name"] == "default" else "",
        axes=tuple(str(each or "") for each in document.get("dimension_names") or ()),
    )


def _describe_v2(folder: Path, document: Mapping[str, Any], attributes: Mapping[str, Any], label: str) -> StoredArray:
    codecs = [document["compressor"], *(document.get("filters") or ())]
    _check_codecs([str(each["id"]) for each in codecs if each is not None], label)
    return StoredArray(
        folder=folder,
        version=2,
        shape=_sizes(document["shape"]),
        dtype=_dtype(document["dtype"], label),
        files=_sizes(document["chunks"], least=1),
        codecs=_undone([str(each["id"]) for each in reversed(codecs) if each is not None]),
        separator=document.get("dimension_separator", "."),
        prefix="",
        axes=tuple(map(str, attributes.get("_ARRAY_DIMENSIONS") or ())),
    )


def _undone(codecs: list[str]) -> tuple[str, ...]:
    """What a file of bytes goes through when it is read, in that order; nothing where it is the bare values."""
    names = [name.removeprefix("numcodecs.") for name in codecs]
    first = names.index("bytes") + 1 if "bytes" in names else 0
    return tuple(reversed(names[first:]))


def _store_layout(folder: Path, document: Mapping[str, Any]) -> Layout | None:
    """How files hold values where a store of identify would write them so, from which shards can be judged."""
    try:
        return read_layout(Node(path="", root=folder, metadata=document))
    except (KeyError, TypeError, ValueError):
        return None


def _sizes(values: Any, *, least: int = 0) -> tuple[int, ...]:
    sizes = tuple(values)
    if any(not isinstance(size, int) or isinstance(size, bool) or size < least for size in sizes):
        raise ValueError(f"sizes {sizes}")
    return sizes


def _dtype(named: Any, label: str) -> np.dtype[Any]:
    if named in _WIDE_TYPES:
        raise UsageError(
            f"{label} holds {named}, which NumPy lacks", hint="save it as float32, or as .safetensors, which is read"
        )
    if isinstance(named, dict) and named.get("name") == "fixed_length_utf32":
        return np.dtype(f"U{int(named['configuration']['length_bytes']) // 4}")
    if not isinstance(named, str):
        raise UsageError(f"{label} holds {named}, not real numbers")
    if named == "string":
        raise UsageError(f"{label} holds text of any length, which is not read from Zarr", hint="save it as text lines")
    dtype = np.dtype(named)
    if dtype.kind not in "US":
        check_real(dtype, label)
    return dtype


def _check_codecs(codecs: list[str], label: str) -> None:
    for name in codecs:
        if name.removeprefix("numcodecs.") not in _CODECS:
            raise UsageError(
                f"{label} is stored with the codec {name!r}, which is not used here",
                hint="write it with a codec of numbers, such as zstd",
            )
