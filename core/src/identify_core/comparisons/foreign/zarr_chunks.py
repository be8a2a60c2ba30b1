"""The files that hold a foreign Zarr array's chunks: all there, whole, and claiming no more than the metadata say."""

from __future__ import annotations

import bz2
import lzma
import math
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from identify_core.comparisons.foreign.sizes import memory_budget
from identify_core.errors import UsageError
from identify_core.store.values import Layout, chunk_spans, decoded_size, grid_places

_HEADER = 18
# Codecs whose data do not say how much they hold, how to decode them in part, and how much more that can be at most.
_STREAMS: dict[str, tuple[Callable[[], Any], int]] = {
    "zlib": (zlib.decompressobj, 1_100),
    "gzip": (lambda: zlib.decompressobj(31), 1_100),
    "bz2": (bz2.BZ2Decompressor, 1_000_000),
    "lzma": (lzma.LZMADecompressor, 100_000),
}


@attrs.frozen(kw_only=True)
class StoredArray:
    """What the metadata of one array say.

    Args:
        folder: where it lies.
        version: of Zarr, 2 or 3.
        shape: its sizes.
        dtype: its type.
        files: the shape of what one file holds: a shard where there are shards, a chunk otherwise.
        codecs: what a file went through last to first; empty where it is the bare bytes of its values.
        separator: between the numbers in a file's name.
        prefix: before them.
        axes: the names of its axes; empty where there are none.
        layout: how files hold values, where a store of identify would write them so; None where not.
    """

    folder: Path
    version: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    files: tuple[int, ...]
    codecs: tuple[str, ...]
    separator: str
    prefix: str
    axes: tuple[str, ...]
    layout: Layout | None = None

    @property
    def file_bytes(self) -> int:
        """Bytes of the values in one file."""
        return math.prod(self.files) * self.dtype.itemsize

    def file_name(self, place: tuple[int, ...]) -> str:
        """The name of the file that holds the chunk at a place."""
        if self.prefix:
            return self.separator.join((self.prefix, *map(str, place)))
        return self.separator.join(map(str, place)) or "0"


def check_files(stored: StoredArray, label: str) -> None:
    """Refuse an array of which a file is missing, truncated, or claims more than a chunk.

    Zarr takes a chunk that is not there for one full of the fill value; whether it was meant so, nobody can tell.

    Raises:
        UsageError: it names the chunk.
    """
    counts = [math.ceil(size / step) for size, step in zip(stored.shape, stored.files, strict=True)]
    present = {
        Path(folder, name).relative_to(stored.folder).as_posix(): Path(folder, name)
        for folder, _, names in os.walk(stored.folder)
        for name in names
    }
    for name in _names(stored, counts):
        if name not in present:
            files = sum(not path.name.startswith((".z", "zarr.json")) for path in present.values())
            raise UsageError(
                f"{label} is incomplete: its chunk {name} is missing ({files} files for {math.prod(counts)} chunks)",
                hint="copy it again; if the chunks that are not there are meant to be full of zeros, write them: "
                "zarr.create_array(..., config={'write_empty_chunks': True})",
            )
    for name in _names(stored, counts):
        fault = _fault(stored, present[name])
        if fault:
            raise UsageError(f"{label} is damaged: its chunk {name} {fault}", hint="copy or download it again")


def _names(stored: StoredArray, counts: list[int]) -> Iterator[str]:
    return map(stored.file_name, grid_places([range(count) for count in counts]))


def _fault(stored: StoredArray, path: Path) -> str:
    """What is wrong with one file, as far as it can be seen without decoding it; nothing where it is whole."""
    size, expected = path.stat().st_size, stored.file_bytes
    if not stored.codecs:
        return "" if size == expected else f"has {size} bytes instead of {expected}"
    if stored.layout is not None and stored.layout.sharded:
        return _fault_of_shard(path, size, stored.layout)
    claimed = _claimed(stored.codecs[0], path, size, expected)
    return f"claims to hold more than the {expected} bytes of a chunk" if claimed > expected else ""


def _fault_of_shard(path: Path, size: int, layout: Layout) -> str:
    with open(path, "rb") as file:
        try:
            spans = chunk_spans(file, path.name, size, layout)
        except ValueError:
            return f"has {size} bytes, less than its index"
        for start, length in spans:
            if start + length > size:
                return "is truncated"
            file.seek(start)
            found = decoded_size(file.read(min(length, _HEADER))) if layout.compressed else length
            if isinstance(found, int) and found > layout.chunk:
                return f"claims to hold more than the {layout.chunk} bytes of a chunk"
    return ""


def _claimed(codec: str, path: Path, size: int, expected: int) -> int:
    """The bytes that a file says it holds before its last codec; 0 where it does not say and cannot be too many."""
    with open(path, "rb") as file:
        header = file.read(_HEADER)
        if codec == "zstd":
            found = decoded_size(header)
            return found if isinstance(found, int) else 0
        if codec == "blosc":
            return int.from_bytes(header[4:8], "little")
        if codec == "lz4":
            return int.from_bytes(header[:4], "little")
        make, most = _STREAMS.get(codec, (None, 0))
        if make is None or size * most <= memory_budget():
            return 0
        file.seek(0)
        try:
            return len(make().decompress(file.read(), expected + 1))
        except (zlib.error, OSError, lzma.LZMAError, EOFError):
            return 0  # it is damaged, which reading it says
