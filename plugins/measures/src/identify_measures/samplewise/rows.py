"""Rows: representations read in blocks of rows, and what each dissimilarity makes of a row first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import attrs
import torch

from identify_measures.inputs import Matrix, as_matrix, first_row
from identify_measures.statistics.reductions import unit_of_size

if TYPE_CHECKING:
    from identify_core import Representation

ViewName = Literal["centred", "normalised", "standardised"]

BLOCK = 4096
"""Rows that are read at a time where a pass needs each row once."""

_SMALL = 1e-100  # squares of what is smaller vanish
_NO_DIRECTION = 4 * torch.finfo(torch.float64).eps


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """A representation as something to read rows from.

    Args:
        read: rows `start` to `stop`, float32 or float64, finite, on the device of the work.
        n: how many there are.
        width: columns.
        dtype: the type that they came in.
        name: what messages call it.
        owner: the matrix or the representation that the rows are of.
    """

    read: Callable[[int, int], torch.Tensor]
    n: int
    width: int
    dtype: str
    name: str
    owner: object

    def all(self) -> torch.Tensor:
        """Every row, shape (n, d)."""
        return self.read(0, self.n)

    def spans(self) -> Iterator[torch.Tensor]:
        """Every row, some at a time."""
        return (self.read(start, min(start + BLOCK, self.n)) for start in range(0, self.n, BLOCK))

    def doubles(self, start: int, stop: int) -> torch.Tensor:
        """Rows `start` to `stop` in float64."""
        return self.read(start, stop).to(torch.float64)


def rows_of_matrix(matrix: Matrix) -> Rows:
    """Rows of an array in memory; from a device without float64 they move to the CPU."""
    values = matrix.values.cpu() if matrix.values.device.type == "mps" else matrix.values
    return Rows(
        read=lambda start, stop: values[start:stop],
        n=matrix.n,
        width=matrix.width,
        dtype=matrix.dtype,
        name=matrix.name,
        owner=matrix,
    )


def rows_of_representation(representation: Representation, device: torch.device) -> Rows:
    """Rows of a stored representation, on the CPU where the device has no float64; each block is checked when read.

    Raises:
        InputError: when read, a block that holds something else than finite real numbers.
    """

    home = torch.device("cpu") if device.type == "mps" else device

    def read(start: int, stop: int) -> torch.Tensor:
        block = as_matrix(representation.rows(start, stop), representation.label, least_rows=1)
        return block.values.to(home)

    n, width = representation.shape
    return Rows(
        read=read,
        n=n,
        width=width,
        dtype=first_row(representation).dtype,
        name=representation.label,
        owner=representation,
    )


class View:
    """The rows in float64 as a dissimilarity sees them, shifted so that their mean row is zero.

    `centred` rows are shifted only; `normalised` rows have norm one; `standardised` rows have mean zero over their
    columns and norm one. Distances do not see the shift, and large means do not drown them in rounding.

    Args:
        rows: where they are read from.
        name: which view.
        order: all of it is kept in memory, (n, d) in float64, in this order; without one, blocks are read in the given
            order at each use.

    `unit` is the power of two that centred rows are divided by where products of squares could overflow or vanish.
    """

    def __init__(self, rows: Rows, name: ViewName, *, order: torch.Tensor | None = None) -> None:
        self.rows = rows
        self.name = name
        self.directionless = 0
        self._kept: torch.Tensor | None = None
        self.mean = torch.zeros(1, dtype=torch.float64)
        total: torch.Tensor | None = None
        first: torch.Tensor | None = None
        largest = 0.0
        self.unit = 1.0
        for start in range(0, rows.n, BLOCK):
            block = self._transformed(start, min(start + BLOCK, rows.n), count=True)
            first = block[0] if first is None else first
            part = block - first
            largest = max(largest, float(part.abs().max()))
            total = part.sum(0) if total is None else total + part.sum(0)
        assert first is not None
        assert total is not None
        self.mean = first + total / rows.n
        self.unit = unit_of_size(largest) if name == "centred" else 1.0
        if order is not None:
            self._kept = self._shifted(self._transformed(0, rows.n))[order.to(self.mean.device)]

    def block(self, rows: slice) -> torch.Tensor:
        """Some rows, shape (stop − start, d)."""
        if self._kept is not None:
            return self._kept[rows]
        return self._shifted(self._transformed(rows.start, rows.stop))

    def _shifted(self, block: torch.Tensor) -> torch.Tensor:
        return block - self.mean if self.unit == 1 else (block - self.mean) / self.unit

    def _transformed(self, start: int, stop: int, *, count: bool = False) -> torch.Tensor:
        block = self.rows.doubles(start, stop)
        if self.name == "centred":
            return block
        largest = block.abs().amax(1, keepdim=True)
        if bool(((largest < _SMALL) | (largest > 1 / _SMALL)).any()):
            block = torch.ldexp(block, -torch.frexp(largest).exponent)
        norms = block.norm(dim=1, keepdim=True)
        if self.name == "standardised":
            # A constant row is constant up to rounding of its mean.
            floor = norms * _NO_DIRECTION
            block = block - block.mean(1, keepdim=True)
            norms = block.norm(dim=1, keepdim=True)
            norms = torch.where(norms <= floor, torch.zeros_like(norms), norms)
        if count:
            self.directionless += int((norms == 0).sum())
        return block / torch.where(norms == 0, torch.ones_like(norms), norms)
