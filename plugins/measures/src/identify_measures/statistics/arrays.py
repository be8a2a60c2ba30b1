"""Statistics of arrays in one block on a CPU: numpy's calls cost a tenth of torch's, which is most of a small pair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import numpy as np
import torch

from identify_measures.statistics.derived import UNEVEN, Subset
from identify_measures.statistics.reductions import (
    Array,
    column_squares_on_cpu,
    column_sums_on_cpu,
    products_on_cpu,
)
from identify_measures.statistics.resident import UNSEEN, ResidentRows


class ArraysAtHand(ResidentRows):
    """`ResidentRows` with one block on a CPU and at least as many rows as columns of all representations together.

    What most measures ask for is kept as numbers and numpy arrays, and no Gram matrix of rows pays.
    """

    def __init__(self, rows: list[torch.Tensor], **given: Any) -> None:
        super().__init__(rows, **given)
        self._begin()

    def _begin(self) -> None:
        self._values: list[Array] = [each.numpy() for each in self._rows]
        self._norms_of_rows: list[Array] = [each.numpy() for each in self._squares]
        self._shifts: list[Array] = [each.numpy() for each in self._means]
        self._residues: dict[int, Array] = {}
        self._variances: dict[int, Array] = {}
        self._traces: dict[int, float] = {}
        self._products: dict[tuple[int, int], Array] = {}
        self._crossed: dict[tuple[int, int], float] = {}

    def rescaled(self, scales: Mapping[int, torch.Tensor]) -> Self:
        made = copy(self)
        made._rescale(scales)
        made._begin()
        return made

    def _residue(self, i: int) -> Array:
        """What rounding left of the mean in the centred rows, shape (d,)."""
        if i not in self._residues:
            values = self._values[i]
            self._residues[i] = column_sums_on_cpu(values) / len(values)
        return self._residues[i]

    def mean(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        if subset is not None:
            return super().mean(i, subset)
        return torch.from_numpy(self._residue(i))

    def _products_of(self, i: int, j: int) -> Array:
        if (i, j) not in self._products:
            x, y = self._values[i], self._values[j]
            made = products_on_cpu(x, y)
            made -= (self._residue(i) * float(len(x)))[:, None] * self._residue(j)
            self._products[i, j] = made
        return self._products[i, j]

    def products(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        if subset is not None:
            return super().products(i, j, subset)
        return torch.from_numpy(self._products_of(i, j))

    def trace(self, i: int, subset: Subset | None = None) -> float:
        if subset is not None:
            return super().trace(i, subset)
        if i not in self._traces:
            residue, shift = self._residue(i), self._shifts[i]
            total = float(self._norms_of_rows[i].sum()) - len(self._values[i]) * float(residue.dot(residue))
            # What rounding leaves of constant columns is taken out where it could be seen.
            seen = float(shift.dot(shift)) * self._rounding(i) >= UNSEEN * total
            self._traces[i] = float(self.variances(i).sum()) if seen else total
        return self._traces[i]

    def variances(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        return super().variances(i, subset) if subset is not None else torch.from_numpy(self._variances_of(i))

    def constant(self, i: int) -> int:
        variances = self._variances_of(i)
        return len(variances) - int(np.count_nonzero(variances))

    def _variances_of(self, i: int) -> Array:
        if i not in self._variances:
            values, residue = self._values[i], self._residue(i)
            found = column_squares_on_cpu(values) - residue * residue * len(values)
            found[found <= self._shifts[i] ** 2 * self._rounding(i)] = 0.0
            self._variances[i] = found
        return self._variances[i]

    def _column_scales(self, i: int) -> torch.Tensor | None:
        variances = self._variances_of(i)
        largest = float(variances.max())
        # Every column varies, and they hardly differ: the rule is that of any statistics.
        return None if variances.min() > UNEVEN * largest else super()._column_scales(i)

    def heavy_rows(self, i: int) -> float:
        squares = self._norms_of_rows[i]
        total = float(squares.sum())
        return total * total / float(squares.dot(squares)) if total > 0 else math.inf

    def square(self, i: int, j: int, subset: Subset | None = None) -> float:
        if subset is not None:
            return super().square(i, j, subset)
        key = (min(i, j), max(i, j))
        if key not in self._crossed:
            flat = self._products_of(i, j).ravel()
            self._crossed[key] = float(flat.dot(flat))
        return self._crossed[key]
