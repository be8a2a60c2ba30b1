"""NumPy's files: .npy mapped into memory, .npz read member by member with its checksums; neither is ever unpickled."""

from __future__ import annotations

import math
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from identify_core.comparisons.foreign.numbers import as_native, check_real, holds_objects
from identify_core.comparisons.foreign.record import Array, ForeignArray, Selection, choose
from identify_core.comparisons.foreign.sizes import judge_bytes, judge_size
from identify_core.errors import UsageError

_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile)


def open_npy(path: Path, key: str) -> ForeignArray:
    """The array of a .npy file, read in spans."""
    if key:
        raise UsageError(f"{path} holds one array and has no key {key!r}")
    with open(path, "rb") as file:
        shape, fortran, dtype = _read_header(file, str(path))
        offset = file.tell()
    judge_bytes(str(path), math.prod(shape) * dtype.itemsize, path.stat().st_size - offset)

    def read(selection: Selection) -> Array:
        if 0 in shape:
            return np.zeros(shape, dtype)[selection]
        mapped = np.memmap(path, dtype=dtype, shape=shape, order="F" if fortran else "C", mode="r", offset=offset)
        return as_native(np.asarray(mapped[selection]))

    return ForeignArray(name=str(path), shape=shape, dtype=str(dtype), read=read)


def open_npz(path: Path, key: str) -> ForeignArray:
    """An array of a .npz file; it is read as a whole at its first use."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
            name = choose(path, key, [each for each, info in members.items() if info.filename.endswith(".npy")])
            label = f"{path}:{name}"
            with archive.open(members[name]) as file:
                shape, fortran, dtype = _read_header(file, label)
                judge_bytes(label, math.prod(shape) * dtype.itemsize, members[name].file_size - file.tell())
    except _DAMAGE as error:
        raise _damaged(f"{path}:{key}" if key else str(path), error) from error
    judge_size(label, shape, dtype.itemsize)

    @lru_cache(maxsize=1)
    def whole() -> Array:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(members[name]) as file:
                _read_header(file, label)
                content = file.read(math.prod(shape) * dtype.itemsize)
                file.read()  # to the end, where the checksum is compared
        except _DAMAGE as error:
            raise _damaged(label, error) from error
        return np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if fortran else "C")

    return ForeignArray(name=label, shape=shape, dtype=str(dtype), read=lambda each: as_native(whole()[each]))


def _damaged(name: str, error: Exception) -> UsageError:
    return UsageError(f"{name} is damaged: {error}", hint="write or download it again")


def _read_header(file: IO[Any], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis runs fastest, and type."""
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read is None:  # version 3 differs in the encoding of field names alone, and records are refused
            raise ValueError(f"its format version is {'.'.join(map(str, version))}")
        shape, fortran, dtype = read(file)
    except _DAMAGE as error:
        raise UsageError(
            f"{name} is not a NumPy file, or its header is damaged: {error}", hint="write or download it again"
        ) from error
    if dtype.hasobject:
        raise holds_objects(name)
    if dtype.kind not in "US":
        check_real(dtype, name)
    if any(size < 0 for size in shape):
        raise UsageError(f"{name} is damaged: its shape {shape} makes no sense")
    return shape, fortran, dtype
