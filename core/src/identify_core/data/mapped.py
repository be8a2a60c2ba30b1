"""Memory-mapped columns: numbers in a file, of which only the rows that are asked for are read."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np
import torch

from identify_core.errors import RunError
from identify_core.saying import say_bytes

_TYPES = {
    torch.bool: np.dtype("?"),
    torch.uint8: np.dtype("u1"),
    torch.int8: np.dtype("i1"),
    torch.int16: np.dtype("<i2"),
    torch.int32: np.dtype("<i4"),
    torch.int64: np.dtype("<i8"),
    torch.float16: np.dtype("<f2"),
    torch.float32: np.dtype("<f4"),
    torch.float64: np.dtype("<f8"),
}


def _index(rows: Any) -> torch.Tensor | None:
    return None if rows is None else torch.as_tensor(np.array(rows, dtype=np.int64))


@attrs.frozen(kw_only=True, eq=False)
class MappedColumn:
    """A column of samples that stays in its file.

    The file is mapped, never loaded, and must not change while it is in use. Pages that were read belong to the
    system's cache; what the process owns are the rows of one batch or block.

    Args:
        path: of the file.
        rows_shape: shape of the whole array in the file, (n, ...), in C order.
        stored: type of the numbers there, little-endian.
        offset: bytes before the first number.
        scale: rows are read as floating-point numbers times this, 1/255 for pixels; None leaves them as they are.
        chosen: which rows of the file are rows of the column, in their order; None for all.

    Raises:
        RunError: there is no such file, or it is too short.

    Example:
        >>> import tempfile, numpy
        >>> file = Path(tempfile.mkdtemp()) / "images.npy"
        >>> numpy.save(file, numpy.full((1000, 8, 8), 51, dtype=numpy.uint8))
        >>> images = MappedColumn.of_npy(file, scale=1 / 255)
        >>> images.shape, round(images.take(slice(0, 2)).flatten()[0].item(), 6)
        (torch.Size([1000, 8, 8]), 0.2)
    """

    path: Path = attrs.field(converter=Path)
    rows_shape: tuple[int, ...] = attrs.field(converter=tuple)
    stored: torch.dtype
    offset: int = 0
    scale: float | None = None
    chosen: torch.Tensor | None = attrs.field(default=None, converter=_index)

    def __attrs_post_init__(self) -> None:
        if self.stored not in _TYPES:
            allowed = ", ".join(_plain(each) for each in _TYPES)
            raise RunError(f"a mapped column cannot hold {_plain(self.stored)}; it holds {allowed}")
        if self.offset % self.stored.itemsize:
            raise RunError(
                f"the numbers of {self.path} would begin at byte {self.offset}; {_plain(self.stored)} begins at a "
                f"multiple of {self.stored.itemsize}"
            )
        needed = self.offset + self._file_bytes
        try:
            size = os.stat(self.path).st_size if self.path.is_file() else -1
        except OSError as error:
            raise RunError(f"{self.path} cannot be read: {error.strerror}") from error
        if size < 0:
            raise RunError(f"{self.path} is not a file, so that no column can be mapped from it")
        if size < needed:
            raise RunError(
                f"{self.path} has {say_bytes(size)}, but {_plain(self.stored)} of shape {self.rows_shape} needs "
                f"{say_bytes(needed)}",
                hint="the file is cut short, or its shape, type or offset are others",
            )

    @classmethod
    def of_npy(cls, path: Path | str, *, scale: float | None = None) -> Self:
        """The array of an .npy file.

        Raises:
            RunError: it is none, or not in C order, or holds no little-endian numbers.
        """
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be mapped as an .npy file: {error}") from error
        kinds = {value: key for key, value in _TYPES.items()}
        if not isinstance(found, np.memmap) or not found.ndim or not found.flags.c_contiguous:
            raise RunError(
                f"{path} does not hold one array of rows in C order", hint="write it with numpy.save, rows first"
            )
        if found.dtype not in kinds:
            raise RunError(f"{path} holds {found.dtype}; a mapped column holds {', '.join(map(_plain, _TYPES))}")
        return cls(
            path=Path(path), rows_shape=found.shape, stored=kinds[found.dtype], offset=int(found.offset), scale=scale
        )

    def __len__(self) -> int:
        return self.rows_shape[0] if self.chosen is None else len(self.chosen)

    @property
    def shape(self) -> torch.Size:
        """The shape of all its rows, (n, ...)."""
        return torch.Size((len(self), *self.rows_shape[1:]))

    @property
    def dtype(self) -> torch.dtype:
        """The type in which rows are read where no other is asked for."""
        return self.stored if self.scale is None else torch.float32

    @property
    def row_bytes(self) -> int:
        """Bytes of one row in the file."""
        return self._file_bytes // max(self.rows_shape[0], 1)

    def rows(self, numbers: np.ndarray[Any, Any]) -> Self:
        """The column of some of its rows, in the given order; nothing is read."""
        return attrs.evolve(self, chosen=numbers if self.chosen is None else self.chosen.numpy()[numbers])

    def stored_rows(self, which: slice | torch.Tensor) -> torch.Tensor:
        """Rows as they are in the file, on the CPU: (m, ...), or (..., m, ...) of an index of several axes."""
        if self.chosen is not None:
            which = self.chosen[which]
        return self._map[which].clone() if isinstance(which, slice) else self._map[which]

    def take(
        self,
        which: slice | torch.Tensor,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> torch.Tensor:
        """Rows as the column's readers see them.

        Args:
            which: row numbers of the column, on the CPU.
            device: they go there as they are in the file, and are scaled there.
            dtype: of floating-point numbers; float32 by default where they are scaled.
        """
        rows = to_device(self.stored_rows(which), torch.device(device))
        if self.scale is not None:
            return rows.to(dtype or torch.float32).mul_(self.scale)
        return rows.to(dtype) if dtype is not None and rows.is_floating_point() else rows

    @cached_property
    def _map(self) -> torch.Tensor:
        """All numbers of the file; private to the process, so that nothing written reaches it."""
        kind = _TYPES[self.stored]
        if not self._file_bytes:
            return torch.zeros(self.rows_shape, dtype=self.stored)
        array = np.memmap(self.path, dtype=kind, mode="c", offset=self.offset, shape=self.rows_shape)
        return torch.from_numpy(array)

    @property
    def _file_bytes(self) -> int:
        return int(np.prod(self.rows_shape, dtype=object)) * self.stored.itemsize


def to_device(rows: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Rows on a device; the host does not wait while they go to a GPU."""
    if device.type == "cuda" and rows.device.type == "cpu":
        return rows.pin_memory().to(device, non_blocking=True)
    return rows.to(device)


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
