"""StoredLatents: latents of a stored run, read when they are asked for and no more of them than is needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from identify_core.errors import StoreError
from identify_core.store.arrays import Array, read_array

if TYPE_CHECKING:
    import torch
    from xarray import DataArray


@attrs.frozen(kw_only=True, eq=False, slots=False, repr=False)
class StoredLatents:
    """The latents of one name of one run.

    `latents[3]` is the representation of one replicate, `latents[:, :100]` the first rows of all; both read what they
    give and nothing else. `latents.numpy()`, `.torch()` and `.xarray()` are all of them.

    Args:
        name: their name.
        split: the split that their rows are.
        identified_up_to: the rung that theory claims for them; empty where it claims nothing.
        summary: what they are.
        dtype: the type that they had; stored in float32 where numpy lacks it.
        sizes: (n, d) of each replicate.
        names: what the replicates are called; empty where they are numbered.
        kind: `numbers` or `symbols`; empty where nothing was declared.
    """

    dims: ClassVar[tuple[str, str, str]] = ("replicate", "sample", "latent")

    name: str
    split: str
    identified_up_to: str
    summary: str
    dtype: str
    sizes: tuple[tuple[int, int], ...]
    names: tuple[str, ...]
    kind: str
    _root: Path = attrs.field(alias="root")
    _path: str = attrs.field(alias="path")
    _ragged: bool = attrs.field(alias="ragged")
    _ids: str = attrs.field(alias="ids")
    _rows: str = attrs.field(alias="rows")

    @property
    def count(self) -> int:
        """The number of replicates R."""
        return len(self.sizes)

    @property
    def shape(self) -> tuple[int, int, int | None]:
        """(R, n, d); d is None where the replicates' widths differ."""
        widths = {d for _, d in self.sizes}
        return self.count, self.sizes[0][0] if self.sizes else 0, widths.pop() if len(widths) == 1 else None

    @property
    def in_words(self) -> str:
        """Their sizes and what theory claims for them: `3 replicates × 256 samples × 2 latents`."""
        sizes = " × ".join(
            f"{'various' if size is None else size} {axis}{'' if size == 1 else 's'}"
            for size, axis in zip(self.shape, self.dims, strict=True)
        )
        claim = f", claimed to be identified up to {self.identified_up_to}" if self.identified_up_to else ""
        return f"{sizes}{claim}"

    @property
    def run_folder(self) -> Path:
        """The folder of the run that they are of."""
        return self._root.parent

    @cached_property
    def ids(self) -> Array:
        """The sample ids of the rows, (n,)."""
        ids = read_array(self._root, self._ids)
        return ids[read_array(self._root, self._rows)] if self._rows else ids

    def values(self, replicate: int) -> Array:
        """The representation of one replicate, (n, d)."""
        return self.rows(replicate, 0, self._size(replicate)[0])

    def rows(self, replicate: int, start: int, stop: int) -> Array:
        """Rows `start` to `stop` of one replicate, (stop - start, d), reading only the chunks that hold them."""
        self._size(replicate)
        if self._ragged:
            return read_array(self._root, f"{self._path}/{replicate}", (slice(start, stop),))
        return read_array(self._root, self._path, (replicate, slice(start, stop)))

    def numpy(self) -> Array:
        """All of them, (R, n, d).

        Raises:
            StoreError: the replicates' widths differ, or they cannot be read.
        """
        self._one_width()
        whole: Array = np.stack([self.values(replicate) for replicate in range(self.count)])
        return whole

    def torch(self, *, device: str | torch.device | None = None) -> torch.Tensor:
        """All of them as a tensor (R, n, d), moved to the device block by block.

        Args:
            device: such as `cuda`; the CPU by default.

        Raises:
            StoreError: the replicates' widths differ, or they cannot be read.
        """
        import torch

        from identify_core.data.blocks import row_blocks

        width = self._one_width()
        count, n, _ = self.shape
        whole: torch.Tensor | None = None
        for replicate in range(count):
            for block in row_blocks(n, row_bytes=8 * width):
                part = torch.from_numpy(np.ascontiguousarray(self.rows(replicate, block.start, block.stop)))
                if whole is None:
                    whole = torch.empty((count, n, width), dtype=part.dtype, device=device)
                whole[replicate, block] = part.to(whole.device)
        return torch.empty((count, n, width), device=device) if whole is None else whole

    def xarray(self) -> DataArray:
        """All of them as an xarray.DataArray with ids and replicates as coordinates; values are read when used.

        Raises:
            StoreError: the replicates' widths differ.
            UsageError: xarray is not installed.
        """
        from identify_core.store.trees import latents_array

        self._one_width()
        return latents_array(self)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: Any) -> Array:
        """Values by (replicate, sample, latent), as numpy indexes an array; only rows that are asked for are read."""
        replicate, rows, columns = _three(key)
        if isinstance(replicate, slice) or not isinstance(replicate, (int, np.integer)):
            self._one_width()
            chosen = np.arange(self.count)[replicate]
            return np.stack([self._part(int(each), rows, columns) for each in chosen])
        return self._part(int(replicate), rows, columns)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.numpy(), dtype=dtype)

    def __repr__(self) -> str:
        split = f", split {self.split}" if self.split else ""
        return f"<latents {self.name}: {self.in_words}, {self.dtype}{split}>"

    def _part(self, replicate: int, rows: Any, columns: Any) -> Array:
        n = self._size(replicate := replicate + self.count * (replicate < 0))[0]
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(n)
            part: Array = self.rows(replicate, start, max(start, stop))[:, columns]
        elif isinstance(rows, (int, np.integer)):
            row = range(n)[rows]
            part = self.rows(replicate, row, row + 1)[0, columns]
        else:
            part = self.values(replicate)[rows][..., columns]
        return part

    def _one_width(self) -> int:
        width = self.shape[2]
        if width is None:
            widths = sorted({d for _, d in self.sizes})
            raise StoreError(
                f"the replicates of the latents {self.name!r} have different widths, {widths[0]} to {widths[-1]}",
                hint="take them one by one: latents[0] is the first replicate",
            )
        return width

    def _size(self, replicate: int) -> tuple[int, int]:
        if not 0 <= replicate < self.count:
            raise StoreError(f"the latents {self.name!r} have replicates 0 to {self.count - 1}, not {replicate}")
        return self.sizes[replicate]


def _three(key: Any) -> tuple[Any, Any, Any]:
    """A key as one for each of the three axes."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if (at := next((place for place, each in enumerate(parts) if each is Ellipsis), None)) is not None:
        parts[at : at + 1] = [slice(None)] * (4 - len(parts))
    if len(parts) > 3:
        raise IndexError(f"latents have three axes (replicate, sample, latent), not {len(parts)}")
    parts += [slice(None)] * (3 - len(parts))
    return parts[0], parts[1], parts[2]
