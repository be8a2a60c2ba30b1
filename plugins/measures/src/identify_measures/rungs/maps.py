"""Maps: fitted maps of every class, each of which says what it leaves unexplained in every row and column.

Where widths differ, the narrower representation is padded with columns of zeros, as Procrustes and shape metrics do: a
column of the target without a partner is left unexplained in full, and an isometry that has to carry a column of the
source onto nothing is charged for it.
"""

from __future__ import annotations

from typing import Protocol

import attrs
import torch


@attrs.frozen(kw_only=True, eq=False)
class Errors:
    """What a map leaves unexplained.

    Args:
        squares: (y − f(x))², shape (rows, e).
        beside: what an isometry carries onto padding, squared, shape (rows,); None for nothing.
    """

    squares: torch.Tensor
    beside: torch.Tensor | None = None

    def by_row(self) -> torch.Tensor:
        """Shape (rows,)."""
        rows = self.squares.sum(dim=1)
        return rows if self.beside is None else rows + self.beside


class Map(Protocol):
    """A map f from the source x to the target y."""

    def errors(self, x: torch.Tensor, y: torch.Tensor) -> Errors:
        """What f leaves unexplained of y (rows, e), given x (rows, d), both in float64."""


@attrs.frozen(kw_only=True, eq=False)
class ColumnMap:
    """f(x)_j = t_j + c_j (x_p(j) − s_p(j)): columns are reordered and scaled.

    Args:
        columns: shape (e,): p, the partner of each target column; −1 for none.
        scales: shape (e,): c; 0 without a partner.
        source: shape (d,): s.
        target: shape (e,): t.
        left_over: columns of the source that an isometry of the padded space carries onto nothing.
    """

    columns: torch.Tensor
    scales: torch.Tensor
    source: torch.Tensor
    target: torch.Tensor
    left_over: torch.Tensor

    def errors(self, x: torch.Tensor, y: torch.Tensor) -> Errors:
        """What f leaves unexplained, and next to it the columns left over."""
        shifted = x - self.source
        predicted = shifted[:, self.columns.clamp(min=0)] * self.scales
        return Errors(
            squares=(y - self.target - predicted).square(), beside=shifted[:, self.left_over].square().sum(dim=1)
        )


@attrs.frozen(kw_only=True, eq=False)
class DenseMap:
    """f(x) = t + (x − s) A.

    Args:
        matrix: shape (d, e): A.
        source: shape (d,): s.
        target: shape (e,): t.
        stretch: for an isometry up to scale of the padded space, its scale; None for any other map.
    """

    matrix: torch.Tensor
    source: torch.Tensor
    target: torch.Tensor
    stretch: float | None = None

    def errors(self, x: torch.Tensor, y: torch.Tensor) -> Errors:
        """What f leaves unexplained, and what an isometry carries onto padding."""
        shifted = x - self.source
        predicted = shifted @ self.matrix
        squares = (y - self.target - predicted).square()
        if self.stretch is None or self.matrix.shape[0] <= self.matrix.shape[1]:
            return Errors(squares=squares)
        whole = self.stretch**2 * shifted.square().sum(dim=1)
        return Errors(squares=squares, beside=(whole - predicted.square().sum(dim=1)).clamp(min=0))
