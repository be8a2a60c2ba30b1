"""The values of a stored array, judged from its metadata and its files before anything is decoded or allocated."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import IO, Any

import attrs
import numpy as np

from identify_core.store.nodes import Node

# All chunks of an array lie in its folder: each folder more is one more to be made, walked and synced.
FLAT: dict[str, Any] = {"name": "default", "configuration": {"separator": "."}}
_LARGEST_CHUNK = 1 << 30  # bytes that one chunk may hold when it is decoded; what a store writes has about 4 MiB
_INDEX_ENTRY, _CHECKSUM, _NOWHERE = 16, 4, 2**64 - 1
_HEADER = 18  # bytes of the longest header of a zstd frame
_ZSTD = b"\x28\xb5\x2f\xfd"


@attrs.frozen(kw_only=True)
class Layout:
    """How the files of an array hold its values.

    Args:
        chunk: bytes that one chunk holds when it is decoded.
        chunks: how many chunks are in one file; more than one for a shard.
        sharded: whether a file is a shard, with an index of its chunks at the end.
        compressed: whether chunks are compressed with zstd.
    """

    chunk: int
    chunks: int
    sharded: bool
    compressed: bool


def check_values(node: Node, selection: tuple[int | slice, ...]) -> None:
    """Make sure that the files which a selection needs are there and hold what the metadata say, no more.

    Zarr takes a chunk that is not there for one full of zeros; here every chunk is written, so it is lost. A chunk that
    claims to be larger than the metadata say is refused before it is decoded.

    Args:
        node: an array.
        selection: an integer or a slice with step 1 for leading axes.

    Raises:
        OSError: a file cannot be read, or is not a regular file.
        ValueError: a file is missing, truncated or damaged, or the metadata are not those of a store's array.
    """
    layout, separator = read_layout(node), _separator(node)
    with node.open() as folder:
        for place in grid_places(_wanted(node, selection)):
            name = separator.join(("c", *map(str, place)))
            try:
                with folder.open_file(name) as file:
                    _check_file(file, name, layout)
            except FileNotFoundError:
                raise ValueError(f"its chunk {name} is missing") from None


def read_layout(node: Node) -> Layout:
    """How an array's files hold its values.

    Raises:
        KeyError, TypeError, ValueError: they are encoded in a way in which a store writes no array.
    """
    dtype = np.dtype(node.metadata["data_type"])
    if dtype.hasobject:
        raise ValueError(f"its type is {dtype}")
    codecs, shape, chunks = node.metadata["codecs"], node.chunks, 1
    sharded = codecs[0]["name"] == "sharding_indexed"
    if sharded:
        settings = codecs[0]["configuration"]
        inner = tuple(settings["chunk_shape"])
        index = [each["name"] for each in settings["index_codecs"]]
        if len(codecs) > 1 or index != ["bytes", "crc32c"] or settings.get("index_location", "end") != "end":
            raise ValueError("its shards are not those of a store")
        if len(inner) != len(shape) or any(
            type(i) is not int or i < 1 or o % i for o, i in zip(shape, inner, strict=True)
        ):
            raise ValueError("the chunks of its shards do not make sense")
        chunks = math.prod(o // i for o, i in zip(shape, inner, strict=True))
        codecs, shape = settings["codecs"], inner
    names = [each["name"] for each in codecs]
    if names not in (["bytes"], ["bytes", "zstd"]):
        raise ValueError(f"its codecs are {', '.join(map(str, names))}, which are not those of a store")
    chunk = math.prod(shape) * dtype.itemsize
    if chunk > _LARGEST_CHUNK:
        raise ValueError(f"one of its chunks would take {chunk} bytes")
    return Layout(chunk=chunk, chunks=chunks, sharded=sharded, compressed=names[-1] == "zstd")


def _separator(node: Node) -> str:
    """What stands between the numbers in a chunk's name: a dot; a slash, and so a folder an axis, in older runs."""
    return "." if node.metadata.get("chunk_key_encoding") == FLAT else "/"


def _wanted(node: Node, selection: tuple[int | slice, ...]) -> list[range]:
    """Along each axis the numbers of the files that hold the selection."""
    ranges = []
    for axis, (size, chunk) in enumerate(zip(node.shape, node.chunks, strict=True)):
        wanted = selection[axis] if axis < len(selection) else slice(None)
        if isinstance(wanted, int):
            index = wanted + size if wanted < 0 else wanted
            start, stop = index, index + 1
        else:
            start, stop, _ = wanted.indices(size)
        ranges.append(range(start // chunk, math.ceil(stop / chunk)) if stop > start else range(0))
    return ranges


def grid_places(ranges: list[range]) -> Iterator[tuple[int, ...]]:
    """The product of ranges, without laying any of them out: a hostile shape has 10¹⁵ of them."""
    for flat in range(math.prod(map(len, ranges))):
        place = []
        for each in reversed(ranges):
            flat, position = divmod(flat, len(each))
            place.append(each[position])
        yield tuple(reversed(place))


def _check_file(file: IO[bytes], name: str, layout: Layout) -> None:
    size = os.fstat(file.fileno()).st_size
    if not layout.sharded and not layout.compressed:
        if size != layout.chunk:
            raise ValueError(f"its chunk {name} has {size} bytes instead of {layout.chunk}")
        return
    for start, length in chunk_spans(file, name, size, layout):
        if start + length > size:
            raise ValueError(f"its chunk {name} is truncated")
        file.seek(start)
        found = decoded_size(file.read(min(length, _HEADER))) if layout.compressed else length
        if found != layout.chunk:
            raise ValueError(f"its chunk {name} claims to hold {found} bytes instead of {layout.chunk}")


def chunk_spans(file: IO[bytes], name: str, size: int, layout: Layout) -> list[tuple[int, int]]:
    """Where the chunks in a file begin and how long they are."""
    if not layout.sharded:
        return [(0, size)]
    length = layout.chunks * _INDEX_ENTRY + _CHECKSUM
    if length > size:
        raise ValueError(f"its chunk {name} has {size} bytes, less than its index")
    file.seek(size - length)
    index = np.frombuffer(file.read(length - _CHECKSUM), dtype="<u8").reshape(-1, 2)
    return [(int(start), int(count)) for start, count in index if int(start) != _NOWHERE]


def decoded_size(header: bytes) -> int | str:
    """The size that a zstd frame claims for its content (RFC 8878, section 3.1.1), or why it claims none."""
    if header[:4] != _ZSTD or len(header) < 6:
        return "an unknown number of"
    descriptor = header[4]
    single, flag = descriptor >> 5 & 1, descriptor >> 6
    start = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    width = (1 if single else 0, 2, 4, 8)[flag]
    field = header[start : start + width]
    if not width or len(field) < width:
        return "an unknown number of"
    return int.from_bytes(field, "little") + (256 if flag == 1 else 0)
