"""Dissimilarities of all pairs of samples: as tiles, as one vector of ranks, and how two of them compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import torch

from identify_measures.samplewise.kernels import EuclideanTiles, SquaredTiles
from identify_measures.samplewise.ranks import RankTable
from identify_measures.samplewise.rows import BLOCK, View, ViewName
from identify_measures.samplewise.tiles import Cell, Tiles, cells

DissimilarityName = Literal["correlation", "cosine", "euclidean", "squared-euclidean"]
ComparisonName = Literal["spearman", "pearson", "cosine", "kendall", "whitened-cosine"]

VIEWS: dict[DissimilarityName, ViewName] = {
    "correlation": "standardised",
    "cosine": "normalised",
    "euclidean": "centred",
    "squared-euclidean": "centred",
}

RANK_TILE = 256


def dissimilarity_tiles(view: View, dissimilarity: DissimilarityName) -> EuclideanTiles | SquaredTiles:
    """The dissimilarity matrix of a representation; 1 − r and 1 − cosine are half the squared distance of unit rows."""
    if dissimilarity == "euclidean":
        return EuclideanTiles(view)
    return SquaredTiles(view, factor=1.0 if dissimilarity == "squared-euclidean" else 0.5)


def rank_cells(edges: Sequence[int]) -> list[Cell]:
    """The tiles in whose order a vector of all pairs is laid out, the same for every representation."""
    return list(cells(edges, RANK_TILE))


def entries(tiles: Tiles, edges: Sequence[int]) -> torch.Tensor:
    """Every dissimilarity once, tile by tile as in `rank_cells`, float64, shape (n (n − 1) / 2,)."""
    parts = []
    for cell in rank_cells(edges):
        tile = tiles.tile(cell.rows, cell.columns)
        parts.append(tile[_upper(tile)] if cell.diagonal else tile.flatten())
    return torch.cat(parts)


def _upper(tile: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(tile, dtype=torch.bool).triu_(1)


class RankTiles:
    """The matrix of ranks of dissimilarities, less their mean, cut from a vector laid out as `entries`.

    Args:
        ranks: from 1, ties sharing their mean, shape (n (n − 1) / 2,).
        edges: where blocks of rows begin and end.
    """

    shift = 0.0

    def __init__(self, ranks: torch.Tensor, edges: Sequence[int]) -> None:
        # In float32 half-integers are exact up to 8 million each side of the mean, and right to 1e-7 beyond.
        self.ranks = (ranks - (len(ranks) + 1) / 2).to(torch.float32)
        self.squares = sum_of_squares(self.ranks)
        self._offsets: dict[tuple[int, int], int] = {}
        self._cells = rank_cells(edges)
        offset = 0
        for cell in self._cells:
            rows, columns = cell.rows.stop - cell.rows.start, cell.columns.stop - cell.columns.start
            self._offsets[cell.rows.start, cell.columns.start] = offset
            offset += rows * (rows - 1) // 2 if cell.diagonal else rows * columns

    def tile(self, rows: slice, columns: slice) -> torch.Tensor:
        """One of the tiles of `rank_cells`; the diagonal is zero."""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        offset = self._offsets[rows.start, columns.start]
        if rows != columns:
            return self.ranks[offset : offset + height * width].view(height, width).to(torch.float64)
        tile = torch.zeros(height, height, dtype=torch.float64, device=self.ranks.device)
        tile[_upper(tile)] = self.ranks[offset : offset + height * (height - 1) // 2].to(torch.float64)
        return tile + tile.T


class BinnedRankTiles:
    """The matrix of ranks of dissimilarities, less their mean, from tiles that are made again: memory is flat in n.

    Args:
        tiles: of the dissimilarities.
        edges: where blocks of rows begin and end.
    """

    shift = 0.0

    def __init__(self, tiles: Tiles, edges: Sequence[int]) -> None:
        self._tiles = tiles
        self.table = RankTable(self._entries(each.rows, each.columns) for each in rank_cells(edges))
        self.squares = self.table.squares

    def _entries(self, rows: slice, columns: slice) -> torch.Tensor:
        tile = self._tiles.tile(rows, columns)
        return tile[_upper(tile)] if rows == columns else tile

    def tile(self, rows: slice, columns: slice) -> torch.Tensor:
        """One of the tiles of `rank_cells`; the diagonal is zero."""
        ranks = self.table.ranks(self._entries(rows, columns))
        if rows != columns:
            return ranks
        height = rows.stop - rows.start
        tile = torch.zeros(height, height, dtype=torch.float64, device=ranks.device)
        tile[_upper(tile)] = ranks
        return tile + tile.T


def sampled_pairs(n: int, count: int, seed: int, step: int = 1 << 20) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Different pairs i < j, one at random from each of `count` stretches of all of them.

    The stretches begin at a random place, so that every pair comes with the same probability. Where there are as many
    as pairs, it is every pair.

    Yields:
        The two indices of the next pairs, at most `step`, in a fixed order.
    """
    every = n * (n - 1) // 2
    whole, part = divmod(every, count)
    generator = torch.Generator().manual_seed(seed)
    origin = int(torch.randint(every, (), generator=generator))
    for start in range(0, count, step):
        places = torch.arange(start, min(start + step, count) + 1)
        begins = places * whole + places * part // count
        drawn = torch.rand(len(places) - 1, dtype=torch.float64, generator=generator) * (begins[1:] - begins[:-1])
        yield _pair_at((begins[:-1] + drawn.floor().to(torch.int64) + origin) % every)


def _pair_at(place: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The pair (i, j) whose place among those with i < j is j (j − 1) / 2 + i."""
    second = ((1 + (1 + 8 * place.to(torch.float64)).sqrt()) / 2).floor().to(torch.int64)
    second -= (second * (second - 1) // 2 > place).to(torch.int64)
    second += (second * (second + 1) // 2 <= place).to(torch.int64)
    return place - second * (second - 1) // 2, second


def sampled_entries(
    view: View, dissimilarity: DissimilarityName, pairs: Iterable[tuple[torch.Tensor, torch.Tensor]]
) -> Iterator[torch.Tensor]:
    """The dissimilarities of some pairs, float64, in parts."""
    tiles = dissimilarity_tiles(view, dissimilarity)
    rows = view.block(slice(0, view.rows.n))
    for first, second in pairs:
        for start in range(0, len(first), BLOCK):
            left, right = (each[start : start + BLOCK].to(rows.device) for each in (first, second))
            yield tiles.of_squared((rows[left] - rows[right]).square_().sum(1))


def vector_correlation(first: torch.Tensor, second: torch.Tensor) -> float:
    """The cosine of two vectors, summed in float64; NaN where one is zero."""
    sums = torch.zeros(3, dtype=torch.float64)
    step = 1 << 22
    for start in range(0, len(first), step):
        x, y = (each[start : start + step].to(torch.float64) for each in (first, second))
        sums += torch.stack([x @ y, x @ x, y @ y]).cpu()
    cross, own, other = sums.tolist()
    return cross / math.sqrt(own * other) if own > 0 and other > 0 else math.nan


def sum_of_squares(values: torch.Tensor) -> torch.Tensor:
    """Σ v² of a vector, in float64."""
    step = 1 << 22
    parts = [values[start : start + step].to(torch.float64).square().sum() for start in range(0, len(values), step)]
    return torch.stack(parts).sum()


def kendall(first: torch.Tensor, second: torch.Tensor) -> float:
    """Kendall's tau-a of two vectors of ranks: concordant less discordant pairs over all, ties counting as neither."""
    from scipy.stats import kendalltau

    count = len(first)
    every = count * (count - 1) / 2
    ties = [_tied_pairs(each) for each in (first, second)]
    if any(tied == every for tied in ties):
        return math.nan
    tau_b = float(kendalltau(first.cpu().numpy(), second.cpu().numpy()).statistic)
    return tau_b * math.sqrt((every - ties[0]) * (every - ties[1])) / every


def _tied_pairs(ranks: torch.Tensor) -> float:
    _, counts = np.unique(ranks.cpu().numpy(), return_counts=True)
    return float((counts.astype(np.float64) * (counts - 1) / 2).sum())
