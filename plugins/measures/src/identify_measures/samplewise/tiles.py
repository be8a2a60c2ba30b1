"""Tiles: functions of pairs of samples, made block by block for all representations, and the sums that measures need.

Nothing of size n² is ever held: a tile of every representation at a time, its products with the others, and row sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import attrs
import torch

from identify_measures.samplewise.rows import View

BLOCKS = 10
"""Blocks of rows that the jackknife leaves out one at a time."""

_TILE_BYTES = 64 << 20
_LARGEST_TILE = 1024
_ZERO_DISTANCE = 1e-14


class Tiles(Protocol):
    """A symmetric function of pairs of samples of one representation."""

    @property
    def shift(self) -> float:
        """Near the mean off the diagonal; taken off every entry, so that a large constant costs no digits."""

    def tile(self, rows: slice, columns: slice) -> torch.Tensor:
        """The entries without the shift, float64, shape (rows, columns)."""


def squared_distances(view: View, rows: slice, columns: slice) -> torch.Tensor:
    """Squared Euclidean distances of two blocks of rows; what is zero up to rounding is zero."""
    left = view.block(rows)
    right = left if rows == columns else view.block(columns)
    sizes = left.square().sum(1)[:, None] + right.square().sum(1)[None, :]
    distances = torch.addmm(sizes, left, right.T, alpha=-2)
    distances.masked_fill_(distances <= sizes.mul_(_ZERO_DISTANCE), 0.0)
    if rows == columns:
        distances.fill_diagonal_(0.0)
    return distances


def block_edges(n: int, blocks: int = BLOCKS) -> list[int]:
    """Where blocks of rows begin and end; a single block where there are too few rows for a jackknife."""
    count = blocks if n >= 4 * blocks else 1
    return [round(n * i / count) for i in range(count + 1)]


def tile_side(count: int, block: int) -> int:
    """Rows a tile, so that one tile of each of `count` representations fits the budget."""
    side = int(math.sqrt(_TILE_BYTES / (8 * count)))
    return max(1, min(side, _LARGEST_TILE, block))


@attrs.frozen(kw_only=True)
class Cell:
    """One tile of the upper half, diagonal included."""

    rows: slice
    columns: slice
    row_block: int
    column_block: int

    @property
    def diagonal(self) -> bool:
        """Whether rows and columns are the same."""
        return self.rows == self.columns


def cells(edges: Sequence[int], side: int) -> Iterator[Cell]:
    """Every tile of the upper half; none crosses the edge of a block."""
    spans = [
        (block, slice(start, min(start + side, stop)))
        for block, (begin, stop) in enumerate(pairwise(edges))
        for start in range(begin, stop, side)
    ]
    for i, (row_block, rows) in enumerate(spans):
        for column_block, columns in spans[i:]:
            yield Cell(rows=rows, columns=columns, row_block=row_block, column_block=column_block)


@attrs.frozen(kw_only=True, eq=False)
class PairSums:
    """What M functions of pairs of samples sum to, by blocks of rows; B blocks, shifts taken off.

    Args:
        edges: where the blocks begin and end.
        products: Σ_{i∈b, j∈c, i≠j} K_ij L_ij, shape (B, B, M, M).
        diagonal_products: Σ_{i∈b} K_ii L_ii, shape (B, M, M).
        row_sums: Σ_{j∈c, j≠i} K_ij, shape (M, n, B).
        diagonals: K_ii, shape (M, n).
        shifts: what was taken off, shape (M,).
    """

    edges: Sequence[int]
    products: torch.Tensor
    diagonal_products: torch.Tensor
    row_sums: torch.Tensor
    diagonals: torch.Tensor
    shifts: torch.Tensor

    @property
    def blocks(self) -> int:
        """B."""
        return len(self.edges) - 1


@attrs.frozen(kw_only=True, eq=False)
class Totals:
    """The same sums over some blocks of rows.

    Args:
        n: rows.
        products: Σ_{i≠j} K_ij L_ij, shape (M, M).
        diagonal_products: Σ_i K_ii L_ii, shape (M, M).
        row_sums: Σ_{j≠i} K_ij, shape (M, n).
        diagonals: shape (M, n).
        shifts: shape (M,).
    """

    n: int
    products: torch.Tensor
    diagonal_products: torch.Tensor
    row_sums: torch.Tensor
    diagonals: torch.Tensor
    shifts: torch.Tensor


def sum_pairs(
    functions: Sequence[Tiles], n: int, *, edges: Sequence[int] | None = None, side: int | None = None
) -> PairSums:
    """Go once over all tiles of all functions.

    Work n² (Σ d + M²) / 2, memory a tile each and (M, n, B) row sums.

    Args:
        functions: M of them.
        n: samples.
        edges: where blocks of rows begin and end; those of `block_edges` where nothing is said.
        side: rows a tile; as many as fit the budget where nothing is said.
    """
    edges = edges or block_edges(n)
    blocks, count = len(edges) - 1, len(functions)
    products = torch.zeros(blocks, blocks, count, count, dtype=torch.float64)
    diagonal_products = torch.zeros(blocks, count, count, dtype=torch.float64)
    row_sums: torch.Tensor | None = None
    diagonals: torch.Tensor | None = None
    shifts = [each.shift for each in functions]
    for cell in cells(edges, side or tile_side(count, max(b - a for a, b in pairwise(edges)))):
        tile = torch.stack(
            [each.tile(cell.rows, cell.columns) - shift for each, shift in zip(functions, shifts, strict=True)]
        )
        if row_sums is None or diagonals is None:
            row_sums = tile.new_zeros(count, n, blocks)
            diagonals = tile.new_zeros(count, n)
        if cell.diagonal:
            # Kept apart: next to a narrow kernel's diagonal all its other entries would be lost in rounding.
            diagonal = tile.diagonal(dim1=1, dim2=2).clone()
            tile.diagonal(dim1=1, dim2=2).zero_()
            diagonals[:, cell.rows] = diagonal
            diagonal_products[cell.row_block] += (diagonal @ diagonal.T).cpu()
        flat = tile.flatten(1)
        product = (flat @ flat.T).cpu()
        products[cell.row_block, cell.column_block] += product
        row_sums[:, cell.rows, cell.column_block] += tile.sum(2)
        if not cell.diagonal:
            products[cell.column_block, cell.row_block] += product
            row_sums[:, cell.columns, cell.row_block] += tile.sum(1)
    assert row_sums is not None
    assert diagonals is not None
    return PairSums(
        edges=edges,
        products=products,
        diagonal_products=diagonal_products,
        row_sums=row_sums.cpu(),
        diagonals=diagonals.cpu(),
        shifts=torch.tensor(shifts, dtype=torch.float64),
    )


def total(sums: PairSums, without: int | None = None) -> Totals:
    """The sums over all blocks, or over all but one."""
    kept = [block for block in range(sums.blocks) if block != without]
    rows = torch.cat([torch.arange(sums.edges[block], sums.edges[block + 1]) for block in kept])
    return Totals(
        n=len(rows),
        products=sums.products[kept][:, kept].sum((0, 1)),
        diagonal_products=sums.diagonal_products[kept].sum(0),
        row_sums=sums.row_sums[:, rows][:, :, kept].sum(2),
        diagonals=sums.diagonals[:, rows],
        shifts=sums.shifts,
    )
