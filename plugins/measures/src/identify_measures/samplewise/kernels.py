"""Kernels: functions of the distance of two samples, as tiles, and the width of the Gaussian one."""

from __future__ import annotations

import math
from functools import cached_property

import torch

from identify_measures.samplewise.rows import View
from identify_measures.samplewise.tiles import squared_distances

MEDIAN_ROWS = 4096
"""Rows up to which the median distance is exact; above, it is that of a sample of so many rows."""

_SHIFT_ROWS = 256


class _DistanceTiles:
    """What the functions of a distance share: the mean over a few evenly spaced rows as their shift."""

    def __init__(self, view: View) -> None:
        self.view = view

    def tile(self, rows: slice, columns: slice) -> torch.Tensor:
        """The entries, shape (rows, columns)."""
        return self.of_squared(squared_distances(self.view, rows, columns))

    @cached_property
    def shift(self) -> float:
        """Near the mean off the diagonal."""
        n = self.view.rows.n
        chosen = torch.cat([self.view.block(slice(i, i + 1)) for i in range(0, n, max(1, n // _SHIFT_ROWS))])
        entries = self.of_squared(torch.cdist(chosen, chosen).square()).fill_diagonal_(0.0)
        return float(entries.sum()) / max(len(chosen) * (len(chosen) - 1), 1)

    def of_squared(self, squared: torch.Tensor) -> torch.Tensor:
        """The function; it may overwrite its argument."""
        raise NotImplementedError


class GaussianTiles(_DistanceTiles):
    """exp(−d² / 2σ²)."""

    def __init__(self, view: View, width: float) -> None:
        super().__init__(view)
        self.width = width

    def of_squared(self, squared: torch.Tensor) -> torch.Tensor:
        """exp(−d² / 2σ²)."""
        return squared.mul_(-0.5 / self.width**2).exp_()


class EuclideanTiles(_DistanceTiles):
    """The distance d."""

    def of_squared(self, squared: torch.Tensor) -> torch.Tensor:
        """d."""
        return squared.sqrt_()


class SquaredTiles(_DistanceTiles):
    """The squared distance times a factor: d², or half of it, which is 1 − cosine for rows of norm one."""

    def __init__(self, view: View, factor: float = 1.0) -> None:
        super().__init__(view)
        self.factor = factor

    def of_squared(self, squared: torch.Tensor) -> torch.Tensor:
        """A multiple of d²."""
        return squared.mul_(self.factor)


def median_squared_distance(view: View, seed: int) -> float:
    """The median of all n² squared distances, those of each sample to itself included.

    Exact up to `MEDIAN_ROWS` rows; above, that of a random sample of so many, drawn from `seed`, the same rows for
    every representation. numpy's convention: the mean of the two middle values of an even number.
    """
    n = view.rows.n
    if n > MEDIAN_ROWS:
        chosen = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:MEDIAN_ROWS].sort().values
        rows = torch.cat([view.block(slice(int(i), int(i) + 1)) for i in chosen])
    else:
        rows = view.block(slice(0, n))
    count = len(rows)
    parts = []
    for start in range(0, count - 1, 1024):
        block = rows[start : start + 1024]
        rest = rows[start:]
        sizes = block.square().sum(1)[:, None] + rest.square().sum(1)[None, :]
        distances = torch.addmm(sizes, block, rest.T, alpha=-2)
        distances.masked_fill_(distances <= 1e-14 * sizes, 0.0)
        own = distances[:, : len(block)]
        parts += [own[torch.ones_like(own, dtype=torch.bool).triu_(1)], distances[:, len(block) :].flatten()]
    above = torch.cat(parts).cpu().numpy()
    low, high = (count * count - 1) // 2, (count * count) // 2
    # The first `count` of the sorted n² values are the zeros of the diagonal; the others come twice each.
    places = [(place - count) // 2 for place in (low, high)]
    wanted = sorted({place for place in places if place >= 0})
    if not wanted:
        return 0.0
    above.partition(wanted)
    return math.fsum(float(above[place]) if place >= 0 else 0.0 for place in places) / 2
