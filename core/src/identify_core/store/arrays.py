"""Arrays in Zarr v3: how they are chunked, compressed, written from numpy or torch, and read with damage in words."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from identify_core.disk_space import counted_bytes
from identify_core.errors import StoreError
from identify_core.store.files import to_plain
from identify_core.store.folder import Folder
from identify_core.store.layout import ARRAYS, UNPLACED
from identify_core.store.nodes import check_still_there, read_node
from identify_core.store.values import FLAT, check_values

Array = np.ndarray[Any, Any]

CHUNK_BYTES = 4 << 20
SHARD_BYTES = 64 << 20
_DAMAGE = (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError, MemoryError)
_ENCODING = "utf-8, padded with zeros"


def plan_chunks(
    shape: Sequence[int], itemsize: int, *, whole: int = 0
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Chunks of about 4 MiB that are contiguous in memory, and shards of about 64 MiB for arrays larger than that.

    Args:
        shape: the array's shape.
        itemsize: bytes an element.
        whole: how many trailing axes are never cut, such as the latent axis.

    Returns:
        The chunk shape and the shard shape, the latter None where each chunk is a file.
    """
    chunks = _fill(
        shape,
        [1] * (len(shape) - whole) + [max(1, size) for size in shape[len(shape) - whole :]],
        itemsize,
        CHUNK_BYTES,
    )
    if math.prod(shape) * itemsize <= SHARD_BYTES:
        return chunks, None
    shards = _fill(shape, chunks, itemsize, SHARD_BYTES)
    return chunks, shards if shards != chunks else None


def _fill(shape: Sequence[int], start: Sequence[int], itemsize: int, budget: int) -> tuple[int, ...]:
    """Grow a block from the last axis to the first, by whole multiples of `start`, up to `budget` bytes."""
    block = list(start)
    for axis in reversed(range(len(shape))):
        room = budget // max(1, math.prod(block) * itemsize)
        wanted = math.ceil(shape[axis] / block[axis])
        block[axis] *= max(1, min(room, wanted))
        if block[axis] < shape[axis]:
            break
    return tuple(block)


def write_array(
    group: zarr.Group,
    name: str,
    values: Any,
    dimensions: Sequence[str],
    *,
    attributes: Mapping[str, Any] | None = None,
    whole: int = 0,
) -> None:
    """Write an array, replacing one of that name; a tensor is moved to the CPU block by block.

    Floating-point and complex values are stored as they are, integers, booleans and text compressed with zstd. Types
    that numpy lacks (bfloat16, float8) are widened to float32 exactly, with the original type in the attribute `dtype`.
    Text becomes UTF-8 bytes with one axis more, `byte`, because Zarr v3 has no settled text type.

    Args:
        group: where to.
        name: the node's file name.
        values: a numpy array or a torch tensor.
        dimensions: one name an axis.
        attributes: plain values to keep with it.
        whole: how many trailing axes are never cut into chunks.

    Raises:
        StoreError: the type cannot be stored without pickling.
    """
    notes = dict(attributes or {})
    if hasattr(values, "detach"):
        values = values.detach()
        sample = _block(values, (slice(0, 0),) * values.ndim)
        if (original := str(values.dtype).removeprefix("torch.")) != str(sample.dtype):
            notes["dtype"] = original
    else:
        values = np.asarray(values)
        if values.dtype.kind in "US":
            values, dimensions = _encode_text(values), (*dimensions, "byte")
            notes["encoding"] = _ENCODING
        sample = values
    dtype = sample.dtype.newbyteorder("=")
    if dtype.kind not in "iufbc" or dtype.itemsize > 16 or (dtype.kind == "f" and dtype.itemsize > 8):
        raise StoreError(
            f"the array {name!r} has the type {dtype}, which a store does not hold",
            hint="numbers of up to 64 bits, complex numbers, booleans and text can be stored",
        )
    shape = tuple(values.shape)
    chunks, shards = plan_chunks(shape, dtype.itemsize, whole=whole)
    with counted_bytes(math.prod(shape) * dtype.itemsize):
        array = group.create_array(
            name,
            shape=shape,
            dtype=dtype,
            chunks=chunks,
            shards=shards,
            compressors=None if dtype.kind in "fc" else ZstdCodec(level=3, checksum=True),
            chunk_key_encoding=FLAT,
            dimension_names=list(dimensions),
            attributes=to_plain(notes),
            config={"write_empty_chunks": True},  # so that a chunk which is missing is known to be lost
            overwrite=True,
        )
        steps = shards or chunks
        for corner in itertools.product(*(range(0, size, step) for size, step in zip(shape, steps, strict=True))):
            part = tuple(slice(a, min(a + step, size)) for a, step, size in zip(corner, steps, shape, strict=True))
            array[part] = _block(values, part)


def _block(values: Any, part: tuple[slice, ...]) -> Array:
    block = values[part]
    if not hasattr(block, "detach"):
        return np.asarray(block)
    block = block.cpu()
    try:
        plain: Array = block.numpy()
    except TypeError:
        plain = block.float().numpy()
    return plain


def _encode_text(values: Array) -> Array:
    encoded = [text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in values.flat]
    width = max(map(len, encoded), default=0) or 1
    text = np.array(encoded, dtype=f"S{width}").reshape(values.shape)
    return np.frombuffer(text.tobytes(), dtype=np.uint8).reshape(*values.shape, width)


def _decode_text(values: Array) -> Array:
    rows = values.reshape(-1, values.shape[-1])
    texts = [row.tobytes().rstrip(b"\0").decode("utf-8", "surrogatepass") for row in rows]
    return np.array(texts, dtype=np.str_).reshape(values.shape[:-1])


def read_array(root: Path, path: str, selection: tuple[int | slice, ...] | None = None) -> Array:
    """Read an array, or the part of it that `selection` says.

    Args:
        root: the folder arrays.zarr.
        path: the array's path below it.
        selection: an integer or a slice with step 1 for leading axes; None for everything.

    Raises:
        StoreError: the array is missing, or a file of it is missing, truncated or damaged.
    """
    with _damage_explained(root, path):
        node = read_node(root, path)
        if not node.is_array:
            raise ValueError("it is a group")
        check_values(node, selection or ())
        with node.open() as folder:
            array = zarr.open_array(store=folder.address, mode="r", zarr_format=3)
            try:
                values = np.asarray(array[selection if selection is not None else ...])
            except (ValueError, RuntimeError) as error:
                raise ValueError(f"one of its chunks is truncated or damaged ({error})") from error
        check_still_there(root, path)
        return _decode_text(values) if node.attributes.get("encoding") == _ENCODING else values


@contextmanager
def _damage_explained(root: Path, path: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error) or type(error).__name__
        raise StoreError(
            f"the array {path} of the run {root.parent.name} cannot be read: {reason}",
            hint=f"`identify runs verify {root.parent.name}` lists all that is wrong with it",
        ) from error


@contextmanager
def placing(folder: Folder, path: str, *, sync: bool = False) -> Iterator[tuple[zarr.Group, str]]:
    """Let the block write a node next to the arrays of a run, and move it into place when it is whole.

    A kill at any moment therefore leaves whole nodes only; the folder next to is deleted, or is a leftover that
    `remove_unplaced` deletes.

    Args:
        folder: the run's folder.
        path: where the node goes below arrays.zarr; its parent exists, and what is there is replaced.
        sync: whether the node must survive a power cut before anything refers to it.

    Yields:
        A group, and the name under which the block is to make the node in it.
    """
    beside, target = f"{UNPLACED}{secrets.token_hex(4)}", f"{ARRAYS}/{path}"
    above, _, name = target.rpartition("/")
    folder.make_new(beside)
    try:
        yield zarr.create_group(store=folder.address / beside, zarr_format=3), name
        if sync:
            folder.sync_all(beside)
        if folder.kind(target):
            remove_node(folder, path)
        folder.move(f"{beside}/{name}", folder, target)
        if sync:
            with folder.enter(above) as parent:
                parent.sync()
    finally:
        with suppress(OSError):
            folder.remove(beside)


def remove_node(folder: Folder, path: str) -> None:
    """Delete a node of a run; it leaves arrays.zarr whole, by one rename, and is deleted then."""
    trash = f"{UNPLACED}{secrets.token_hex(4)}"
    folder.move(f"{ARRAYS}/{path}", folder, trash)
    folder.remove(trash)


def remove_unplaced(folder: Folder) -> None:
    """Delete what killed processes wrote next to the arrays of a run."""
    for entry in folder.scan():
        if entry.name.startswith(UNPLACED):
            folder.remove(entry.name)
