"""Reading: the rows of two representations side by side, block by block, so that memory does not grow with n."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import attrs
import torch

from identify_measures.holding_out import Marks
from identify_measures.inputs import Matrix, as_matrix, first_row
from identify_measures.repeats import all_differ, found_once, hash_rows

_BLOCK_BYTES = 32 << 20


class Rows(Protocol):
    """Anything with rows that can be read in spans, such as a `Representation`."""

    @property
    def label(self) -> str:
        """What messages call it."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""

    def rows(self, start: int, stop: int) -> Any:
        """Rows `start` to `stop`, shape (stop − start, d)."""


@attrs.frozen(kw_only=True, eq=False)
class HeldRows:
    """Rows of an array in memory.

    Args:
        values: shape (n, d).
        label: what messages call it.
        dtype: the type that the values came in.
    """

    values: torch.Tensor
    label: str
    dtype: str

    @classmethod
    def of(cls, matrix: Matrix) -> HeldRows:
        """The rows of a checked matrix."""
        return cls(values=matrix.values, label=matrix.name, dtype=matrix.dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self.values.shape[0], self.values.shape[1]

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Rows `start` to `stop`."""
        return self.values[start:stop]


def block_rows(width: int) -> int:
    """How many rows of `width` columns in float64 are read at a time: some megabytes, but more rows than columns."""
    return max(_BLOCK_BYTES // (8 * width), 2 * width, 64)


def read_pairs(x: Rows, y: Rows, device: torch.device) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Blocks of the same rows of both in float64, checked to be finite, on the device.

    Raises:
        InputError: the values are not finite real numbers.
    """
    n = x.shape[0]
    step = block_rows(x.shape[1] + y.shape[1])
    for start in range(0, n, step):
        stop = min(start + step, n)
        first, second = (
            as_matrix(each.rows(start, stop), each.label, least_rows=1).values.to(device, torch.float64)
            for each in (x, y)
        )
        yield slice(start, stop), first, second


def fingerprint(x: Rows) -> torch.Tensor | None:
    """A number for each row, equal where rows are, shape (n,); None where all rows differ.

    Raises:
        InputError: the values are not finite real numbers.
    """
    return found_once(x, lambda: _fingerprint(x))


def _fingerprint(x: Rows) -> torch.Tensor | None:
    n, width = x.shape
    step = block_rows(width)
    parts = []
    for start in range(0, n, step):
        block = as_matrix(x.rows(start, min(start + step, n)), x.label, least_rows=1)
        parts.append(hash_rows(block.values).cpu())
    hashes = torch.cat(parts)
    return None if all_differ(hashes) else hashes


def gather(x: Rows, y: Rows, marked: Marks) -> tuple[HeldRows, HeldRows]:
    """The marked rows of both, held in memory on the CPU in float64."""
    parts: list[tuple[torch.Tensor, torch.Tensor]] = []
    for span, first, second in read_pairs(x, y, torch.device("cpu")):
        mask = torch.from_numpy(marked[span])
        parts.append((first[mask], second[mask]))
    return (
        HeldRows(values=torch.cat([first for first, _ in parts]), label=x.label, dtype=dtype_of(x)),
        HeldRows(values=torch.cat([second for _, second in parts]), label=y.label, dtype=dtype_of(y)),
    )


def dtype_of(x: Rows) -> str:
    """The type that the values of `x` came in, such as `float32`."""
    if isinstance(x, HeldRows):
        return x.dtype
    return first_row(x).dtype
