"""Neighbours: the k nearest samples of each sample, from tiles of similarities, and what two representations share."""

from __future__ import annotations

import math
from typing import Literal

import attrs
import torch

from identify_measures.samplewise.rows import BLOCK, Rows

SimilarityName = Literal["cosine", "inner-product", "euclidean"]

_TILE = 2048
_LARGE_MEAN = 16.0


@attrs.frozen(kw_only=True, eq=False)
class Neighbours:
    """The neighbours of every sample.

    Args:
        indices: rising within each row, shape (n, k).
        directionless: rows of norm zero, which have no cosine and count as similar to nothing.
    """

    indices: torch.Tensor
    directionless: int = 0

    @property
    def k(self) -> int:
        """How many each sample has."""
        return self.indices.shape[1]


@attrs.frozen(kw_only=True, eq=False)
class _Scores:
    """Similarities up to what does not change their order within a row: rows_i · rows_j + bias_j."""

    rows: torch.Tensor
    bias: torch.Tensor | None
    directionless: int = 0

    def biased(self, tile: torch.Tensor, columns: slice) -> torch.Tensor:
        """The products of some rows with all of `columns`, in place."""
        return tile if self.bias is None else tile.add_(self.bias[columns])


def nearest(rows: Rows, similarity: SimilarityName, k: int) -> Neighbours:
    """The k most similar samples of every sample, itself excluded by its index; ties go to the lowest index.

    Products are in the type of the data. Where the mean is large against the spread, it is taken off first in a way
    that keeps the order within a row, so that float32 still tells neighbours apart.

    Args:
        rows: the representation.
        similarity: `cosine`, `inner-product`, or `euclidean` (the smallest distance).
        k: from 1 to n − 1.
    """
    scores = _scores(rows.all(), similarity)
    n, x = rows.n, scores.rows
    values = torch.empty(n, 0, dtype=x.dtype, device=x.device)
    places = torch.empty(n, 0, dtype=torch.int64, device=x.device)
    spans = [slice(start, min(start + _TILE, n)) for start in range(0, n, _TILE)]
    best = [(values[span], places[span]) for span in spans]
    # Tiles reach every block of rows in the order of their columns, which settles ties.
    for i, block in enumerate(spans):
        for j in range(i, len(spans)):
            tile = x[block] @ x[spans[j]].T
            if i == j:
                tile.fill_diagonal_(-torch.inf)
            else:
                best[j] = _merge(best[j], scores.biased(tile.T.contiguous(), block), block.start, k)
            best[i] = _merge(best[i], scores.biased(tile, spans[j]), spans[j].start, k)
    indices = torch.cat([found for _, found in best])
    return Neighbours(indices=indices, directionless=scores.directionless)


def _scores(x: torch.Tensor, similarity: SimilarityName) -> _Scores:
    directionless = 0
    if similarity == "cosine":
        norms = _row_norms(x)
        directionless = int((norms == 0).sum())
        x = (x / torch.where(norms == 0, torch.ones_like(norms), norms)[:, None]).to(x.dtype)
    mean, centred, large = _centred(x)
    if similarity == "inner-product":
        # x_i·x_j is c_i·c_j + m·c_j and what does not depend on j.
        return (
            _Scores(rows=centred, bias=(centred.to(mean) @ mean).to(x.dtype)) if large else _Scores(rows=x, bias=None)
        )
    if similarity == "cosine" and (directionless or not large):
        return _Scores(rows=x, bias=None, directionless=directionless)
    # Of rows of norm one, cosine is 1 − d²/2, and distances do not see the mean.
    return _Scores(rows=centred, bias=(_row_norms(centred).square() * -0.5).to(x.dtype))


def _row_norms(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x[i : i + BLOCK].to(_sum_dtype(x)).norm(dim=1) for i in range(0, len(x), BLOCK)])


def _sum_dtype(x: torch.Tensor) -> torch.dtype:
    return torch.float32 if x.device.type == "mps" else torch.float64


def _centred(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, bool]:
    """The mean row, the rows without it, and whether it is large; where it is not, exact ties stay exact with it."""
    wide = _sum_dtype(x)
    # Sums of what is left of the first row keep their digits under a large mean.
    offsets = [(x[i : i + BLOCK] - x[0]).to(wide).sum(0) for i in range(0, len(x), BLOCK)]
    mean = x[0].to(wide) + torch.stack(offsets).sum(0) / len(x)
    centred = (x.to(wide) - mean).to(x.dtype)
    spread = float(centred.square().sum(dtype=wide)) / len(x)
    return mean, centred, float(mean.square().sum()) > _LARGE_MEAN * spread


def _merge(
    best: tuple[torch.Tensor, torch.Tensor], tile: torch.Tensor, begin: int, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k largest of what was found so far and of a tile whose columns begin at `begin` and come later."""
    values, indices = _largest(tile, k)
    values, kept = _largest(torch.cat([best[0], values], dim=1), k)
    return values, torch.cat([best[1], indices + begin], dim=1).gather(1, kept)


def _largest(tile: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k largest of each row, ties to the lowest column, in order of their columns."""
    width = tile.shape[1]
    if width <= k:
        return tile, torch.arange(width, device=tile.device).expand(len(tile), width)
    values, indices = tile.topk(k + 1, dim=1)
    tied = torch.nonzero(values[:, k - 1] == values[:, k]).flatten()
    values, indices = values[:, :k], indices[:, :k]
    if len(tied):
        ordered = tile[tied].sort(dim=1, descending=True, stable=True)
        values, indices = values.clone(), indices.clone()
        values[tied], indices[tied] = ordered.values[:, :k], ordered.indices[:, :k]
    indices, order = indices.sort(dim=1)
    return values.gather(1, order), indices


def shared_counts(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """How many neighbours each sample has in both, shape (n,)."""
    counts = []
    for start in range(0, len(first), BLOCK):
        both = torch.cat([first[start : start + BLOCK], second[start : start + BLOCK]], dim=1).sort(dim=1).values
        counts.append((both[:, 1:] == both[:, :-1]).sum(1))
    return torch.cat(counts)


def chance_overlap(n: int, k: int) -> tuple[float, float]:
    """Expected shared part and expected Jaccard index of two unrelated sets of k of n − 1 samples: hypergeometric."""
    others = n - 1
    jaccard = 0.0
    log_all = _log_choose(others, k)
    for shared in range(max(0, 2 * k - others), k + 1):
        chance = math.exp(_log_choose(k, shared) + _log_choose(others - k, k - shared) - log_all)
        jaccard += chance * shared / (2 * k - shared)
    return k / others, jaccard


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@attrs.frozen(kw_only=True, eq=False)
class _Sparse:
    """A matrix with entries at some pairs: keys i n + j rising, and values."""

    keys: torch.Tensor
    values: torch.Tensor


def masked_criteria(
    x: torch.Tensor, y: torch.Tensor, first: Neighbours, second: Neighbours
) -> tuple[float, float, float]:
    """The unbiased criterion of inner products masked to shared neighbours: of X with Y, X with X, Y with Y.

    Masks are not symmetric; as in the source's code the criterion multiplies entry (i, j) of one by (j, i) of the
    other and column sums of one by row sums of the other, so that the order of the two matters a little. The factor
    n (n − 3) is left out. Inner products are uncentred, in float64, and made at the masked pairs alone.
    """
    n = len(x)
    keys = [_keys(each.indices) for each in (first, second)]
    both = keys[0][torch.isin(keys[0], keys[1], assume_unique=True)]
    cross = _criterion(_products(x, both), _products(y, both), n)
    own = [_products(z, key) for z, key in zip((x, y), keys, strict=True)]
    return cross, _criterion(own[0], own[0], n), _criterion(own[1], own[1], n)


def _keys(indices: torch.Tensor) -> torch.Tensor:
    n = len(indices)
    return (torch.arange(n, device=indices.device)[:, None] * n + indices).flatten()


def _products(x: torch.Tensor, keys: torch.Tensor) -> _Sparse:
    n = len(x)
    parts = []
    for start in range(0, len(keys), BLOCK):
        some = keys[start : start + BLOCK]
        left, right = x[some // n].to(torch.float64), x[some % n].to(torch.float64)
        parts.append((left * right).sum(1))
    values = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64, device=x.device)
    return _Sparse(keys=keys, values=values)


def _criterion(a: _Sparse, b: _Sparse, n: int) -> float:
    transposed = (b.keys % n) * n + b.keys // n
    order = transposed.argsort()
    transposed, values = transposed[order], b.values[order]
    places = torch.searchsorted(transposed, a.keys).clamp(max=max(len(transposed) - 1, 0))
    trace = 0.0
    if len(a.keys):
        trace = float((a.values * torch.where(transposed[places] == a.keys, values[places], 0.0)).sum())
    columns = torch.zeros(n, dtype=torch.float64, device=a.values.device).index_add_(0, a.keys % n, a.values)
    rows = torch.zeros_like(columns).index_add_(0, b.keys // n, b.values)
    product = float(columns @ rows)
    sums = float(a.values.sum()) * float(b.values.sum())
    return trace + sums / ((n - 1) * (n - 2)) - 2 * product / (n - 2)
