"""Reading the files of the public sets: arrays in archives, in HDF5, and NORB's matrices."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from identify_core import FilePlaces, PublicFile, RunError, missing_file, optional_package

Array = np.ndarray[Any, Any]

ROWS_AT_ONCE = 4096
NORB = "smallnorb-5x46789x9x18x6x2x96x96-training"


def npz_blocks(path: Path, key: str, shape: tuple[int, ...]) -> Iterator[Array]:
    """An array of an .npz file, channels first, read row by row without holding all of it."""
    with zipfile.ZipFile(path) as archive:
        if f"{key}.npy" not in archive.namelist():
            raise RunError(f"{path} has no array {key!r}")
        with archive.open(f"{key}.npy") as stream:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            found, fortran, dtype = read(stream)
            if fortran or dtype != np.uint8 or int(np.prod(found)) != int(np.prod(shape)):
                raise RunError(f"{path} holds {dtype} of the shape {found} under {key!r}; uint8 of {shape} are wanted")
            n, channels, height, width = shape
            for start in range(0, n, ROWS_AT_ONCE):
                count = min(ROWS_AT_ONCE, n - start)
                block = np.frombuffer(stream.read(count * channels * height * width), dtype=np.uint8)
                yield np.moveaxis(block.reshape(count, height, width, channels), -1, 1)


def h5_blocks(path: Path, key: str) -> Iterator[Array]:
    """An array of an HDF5 file, channels first, in blocks.

    Raises:
        UsageError: h5py is not installed.
    """
    h5py = optional_package("h5py", purpose=f"reading {path.name}", extra="hdf5")
    with h5py.File(path) as file:
        images = file[key]
        for start in range(0, len(images), ROWS_AT_ONCE):
            yield np.moveaxis(images[start : start + ROWS_AT_ONCE], -1, 1)


_NORB_TYPES = {0x1E3D4C55: np.dtype("u1"), 0x1E3D4C54: np.dtype("<i4")}


def read_norb(places: FilePlaces, what: str) -> Array:
    """One of NORB's binary matrices: a magic number, the dimensions, the numbers; plain or under gzip."""
    name = f"{NORB}-{what}.mat"
    path = places.find(name, f"{name}.gz")
    if path is None:
        raise missing_file(PublicFile(name=name, source="LeCun, Huang & Bottou, CVPR 2004"), places)
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    magic, count = np.frombuffer(content, dtype="<i4", count=2)
    if int(magic) not in _NORB_TYPES:
        raise RunError(f"{path} is not one of NORB's matrices: it begins with {int(magic):#x}")
    stored = max(int(count), 3)  # at least three dimensions are written
    shape = np.frombuffer(content, dtype="<i4", count=stored, offset=8)[: int(count)]
    kind: Any = _NORB_TYPES[int(magic)]
    array: Array = np.frombuffer(content, dtype=kind, offset=8 + 4 * stored)
    return array.reshape(tuple(shape))
