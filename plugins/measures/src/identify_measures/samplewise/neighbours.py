"""Neighbours: the k nearest samples of each sample, from tiles of similarities, and what two representations share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import attrs
import torch

from identify_measures.samplewise.rows import BLOCK, Rows
from identify_measures.statistics.reductions import unit_of

SimilarityName = Literal["cosine", "inner-product", "euclidean"]

_TILE = 2048
_SETTLED = 1 << 22  # similarities in float64 that are held at a time
_LARGE_MEAN = 16.0


@attrs.frozen(kw_only=True, eq=False)
class Neighbours:
    """The neighbours of every sample.

    Where the last of the k neighbours is as near as samples that are left out, which of them counts is not determined.
    Each of them is then a neighbour in part: with the chance that it has under a random order of the ties.

    Args:
        indices: rising within each row, shape (n, k); where a row ties, one of the choices.
        directionless: rows of norm zero, which have no cosine and count as similar to nothing.
        ties: of the rows that tie; None where none does.
    """

    indices: torch.Tensor
    directionless: int = 0
    ties: Ties | None = None

    @property
    def k(self) -> int:
        """How many each sample has."""
        return self.indices.shape[1]

    @property
    def tied(self) -> torch.Tensor:
        """Which rows tie, boolean, shape (n,)."""
        if self.ties is None:
            return torch.zeros(len(self.indices), dtype=torch.bool, device=self.indices.device)
        return self.ties.places >= 0

    def memberships(self, rows: torch.Tensor) -> torch.Tensor:
        """How far each sample is a neighbour of some: 1, 0, or a part where they tie, float64, shape (rows, n)."""
        chosen = self.indices[rows]
        parts = torch.zeros(len(rows), len(self.indices), dtype=torch.float64, device=chosen.device)
        parts.scatter_(1, chosen, 1.0)
        if self.ties is not None:
            tied = torch.nonzero(self.ties.places[rows] >= 0).flatten()
            parts[tied] = self.ties.memberships(rows[tied])
        return parts

    def self_overlap(self) -> float:
        """The expected overlap of two random orders of the ties, over k: 1 where none ties."""
        return 1.0 if self.ties is None else 1.0 - float(self.ties.lost().sum()) / self.indices.numel()


@attrs.frozen(kw_only=True, eq=False)
class Ties:
    """Rows whose last neighbour is as near as others that are left out, up to rounding in float64.

    Args:
        scores: of all samples, float64.
        places: of each row among those that tie, −1 for the others, shape (n,).
        last: the similarity of the last neighbour, shape (t,).
        rounding: similarities as near to it as this tie, shape (t,).
        share: the part of the tied samples that are neighbours, shape (t,).
        count: how many samples tie, shape (t,).
    """

    scores: _Scores
    places: torch.Tensor
    last: torch.Tensor
    rounding: torch.Tensor
    share: torch.Tensor
    count: torch.Tensor

    def memberships(self, rows: torch.Tensor) -> torch.Tensor:
        """Shape (rows, n), for rows that tie."""
        similarities, places = self.scores.of(rows), self.places[rows]
        above = similarities - self.last[places][:, None]
        rounding = self.rounding[places][:, None]
        parts = torch.where(above > rounding, 1.0, 0.0).to(above)
        found: torch.Tensor = torch.where(above.abs() <= rounding, self.share[places][:, None], parts)
        return found

    def lost(self) -> torch.Tensor:
        """Neighbours of each tied row that two random orders do not share, shape (t,)."""
        return self.count * self.share * (1 - self.share)


@attrs.frozen(kw_only=True, eq=False)
class _Scores:
    """Similarities up to what does not change their order within a row: rows_i · rows_j + bias_j."""

    rows: torch.Tensor
    bias: torch.Tensor | None
    directionless: int = 0
    shift: float = 0.0

    def biased(self, tile: torch.Tensor, columns: slice) -> torch.Tensor:
        """The products of some rows with all of `columns`, in place."""
        return tile if self.bias is None else tile.add_(self.bias[columns])

    def of(self, rows: torch.Tensor) -> torch.Tensor:
        """Those of some rows with all, less themselves, shape (rows, n)."""
        tile = self.biased(self.rows[rows] @ self.rows.T, slice(None))
        tile[torch.arange(len(rows), device=rows.device), rows] = -torch.inf
        return tile

    def rounding(self) -> torch.Tensor:
        """What rounding alone does to similarities of each row, shape (n,)."""
        norms = self.rows.norm(dim=1)
        size = norms * (norms.max() + self.shift)
        size = size if self.bias is None else size + self.bias.abs().max()
        found: torch.Tensor = 8 * math.sqrt(self.rows.shape[1]) * torch.finfo(self.rows.dtype).eps * size
        return found


def nearest(rows: Rows, similarity: SimilarityName, k: int) -> Neighbours:
    """The k most similar samples of every sample, itself excluded by its index.

    Products are in the type of the data, of rows scaled by a power of two where squares could overflow or vanish. Where
    the mean is large against the spread, it is taken off first in a way that keeps the order within a row, so that
    float32 still tells neighbours apart. What is nearly tied there is decided in float64.

    Args:
        rows: the representation.
        similarity: `cosine`, `inner-product`, or `euclidean` (the smallest distance).
        k: from 1 to n − 1.
    """
    x = rows.all()
    unit = unit_of(x)
    x = x if unit == 1 else x / unit
    scores = _scores(x, similarity)
    values, indices = _largest_of_all(scores, min(k + 1, rows.n - 1))
    ties = None
    if k < rows.n - 1:
        values, order = values.sort(dim=1, descending=True)
        indices = indices.gather(1, order)
        doubtful = torch.nonzero(values[:, k - 1] - values[:, k] <= scores.rounding()).flatten()
        indices = indices[:, :k]
        if len(doubtful):
            wide = x.to(_sum_dtype(x))
            indices, ties = _settle(_scores(wide, similarity), indices, doubtful)
    return Neighbours(indices=indices.sort(dim=1).values, directionless=scores.directionless, ties=ties)


def _largest_of_all(scores: _Scores, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest similarities of each row and where they are, each shape (n, count)."""
    n, x = len(scores.rows), scores.rows
    values = torch.empty(n, 0, dtype=x.dtype, device=x.device)
    places = torch.empty(n, 0, dtype=torch.int64, device=x.device)
    spans = [slice(start, min(start + _TILE, n)) for start in range(0, n, _TILE)]
    best = [(values[span], places[span]) for span in spans]
    for i, block in enumerate(spans):
        for j in range(i, len(spans)):
            tile = x[block] @ x[spans[j]].T
            if i == j:
                tile.fill_diagonal_(-torch.inf)
            else:
                best[j] = _merge(best[j], scores.biased(tile.T.contiguous(), block), block.start, count)
            best[i] = _merge(best[i], scores.biased(tile, spans[j]), spans[j].start, count)
    return torch.cat([found for found, _ in best]), torch.cat([found for _, found in best])


def _settle(scores: _Scores, indices: torch.Tensor, doubtful: torch.Tensor) -> tuple[torch.Tensor, Ties | None]:
    """Decide nearly tied rows in float64: their neighbours, and what ties there too."""
    n, k = indices.shape
    indices, rounding = indices.clone(), scores.rounding()
    found = []
    for rows in _some(doubtful, n):
        similarities = scores.of(rows)
        values, indices[rows] = similarities.topk(k, dim=1)
        above = similarities - values[:, k - 1 :]
        strict = (above > rounding[rows][:, None]).sum(1)
        count = (above.abs() <= rounding[rows][:, None]).sum(1)
        tied = strict + count > k
        share = (k - strict) / count.to(scores.rows.dtype)
        found.append([each[tied] for each in (rows, values[:, k - 1], rounding[rows], share, count)])
    rows, last, rounding, share, count = (torch.cat(each) for each in zip(*found, strict=True))
    if not len(rows):
        return indices, None
    places = torch.full((n,), -1, dtype=torch.int64, device=rows.device)
    places[rows] = torch.arange(len(rows), device=rows.device)
    return indices, Ties(scores=scores, places=places, last=last, rounding=rounding, share=share, count=count)


def _scores(x: torch.Tensor, similarity: SimilarityName) -> _Scores:
    directionless = 0
    if similarity == "cosine":
        norms = _row_norms(x)
        directionless = int((norms == 0).sum())
        x = (x / torch.where(norms == 0, torch.ones_like(norms), norms)[:, None]).to(x.dtype)
    mean, centred, large = _centred(x)
    plain = {"cosine": not large or directionless > 0, "inner-product": not large, "euclidean": False}
    if plain[similarity]:
        return _Scores(rows=x, bias=None, directionless=directionless)
    # In float32 the mean is taken off before rounding.
    shift = float(mean.norm()) if x.dtype == mean.dtype else 0.0
    if similarity == "inner-product":
        # x_i·x_j is c_i·c_j + m·c_j and what does not depend on j.
        return _Scores(rows=centred, bias=(centred.to(mean) @ mean).to(x.dtype), shift=shift)
    # Of rows of norm one, cosine is 1 − d²/2, and distances do not see the mean.
    return _Scores(rows=centred, bias=(_row_norms(centred).square() * -0.5).to(x.dtype), shift=shift)


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
    best: tuple[torch.Tensor, torch.Tensor], tile: torch.Tensor, begin: int, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest of what was found so far and of a tile whose columns begin at `begin`."""
    values, indices = tile.topk(min(count, tile.shape[1]), dim=1, sorted=False)
    values, indices = torch.cat([best[0], values], dim=1), torch.cat([best[1], indices + begin], dim=1)
    if values.shape[1] <= count:
        return values, indices
    values, kept = values.topk(count, dim=1, sorted=False)
    return values, indices.gather(1, kept)


def _some(rows: torch.Tensor, n: int) -> Iterator[torch.Tensor]:
    """Rows, so many at a time that their similarities to all n can be held."""
    step = max(1, _SETTLED // n)
    return (rows[start : start + step] for start in range(0, len(rows), step))


def shared_counts(first: Neighbours, second: Neighbours) -> torch.Tensor:
    """How many neighbours each sample has in both, on average over independent orders of the ties, float64, (n,)."""
    counts = []
    for start in range(0, len(first.indices), BLOCK):
        pair = [each.indices[start : start + BLOCK] for each in (first, second)]
        both = torch.cat(pair, dim=1).sort(dim=1).values
        counts.append((both[:, 1:] == both[:, :-1]).sum(1))
    found = torch.cat(counts).to(torch.float64)
    tied = torch.nonzero(first.tied | second.tied).flatten()
    for rows in _some(tied, len(found)):
        found[rows] = (first.memberships(rows) * second.memberships(rows)).sum(1)
    return found


def paired_at_random(first: Neighbours, second: Neighbours, generator: torch.Generator, rows: int) -> torch.Tensor:
    """`shared_counts` of some random rows when the samples of the second are paired with the first's at random."""
    n = len(first.indices)
    order = torch.randperm(n, generator=generator).to(first.indices.device)
    chosen = torch.randperm(n, generator=generator)[:rows].to(order.device)
    parts = []
    for some in _some(chosen, n):
        parts.append((first.memberships(some) * second.memberships(order[some])[:, order]).sum(1))
    return torch.cat(parts)


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


def shared_criterion(x: torch.Tensor, y: torch.Tensor, first: _Mask, second: _Mask) -> float:
    """The unbiased criterion of the inner products of X with those of Y, both masked to shared neighbours.

    Masks are not symmetric; as in the source's code the criterion multiplies entry (i, j) of one by (j, i) of the
    other and column sums of one by row sums of the other, so that the order of the two matters a little. The factor
    n (n − 3) is left out. Inner products are uncentred, in float64, and made at the masked pairs alone. A neighbour in
    part counts in part.
    """
    places = torch.searchsorted(second.keys, first.keys).clamp(max=len(second.keys) - 1)
    kept = second.keys[places] == first.keys
    both = _Mask(keys=first.keys[kept], parts=first.parts[kept] * second.parts[places[kept]])
    return _criterion(_products(x, both), _products(y, both), len(x))


def own_criterion(x: torch.Tensor, mask: _Mask) -> float:
    """The criterion of X with itself; a neighbour in part counts by the square of it."""
    own = _products(x, _Mask(keys=mask.keys, parts=mask.parts.square()))
    return _criterion(own, own, len(x))


@attrs.frozen(kw_only=True, eq=False)
class _Mask:
    """Neighbours as a sparse matrix: keys i n + j rising, and how far j is a neighbour of i."""

    keys: torch.Tensor
    parts: torch.Tensor

    def reordered(self, order: torch.Tensor) -> _Mask:
        """That of the samples in another order: row i is what row order[i] was."""
        n, back = len(order), order.argsort()
        keys, places = (back[self.keys // n] * n + back[self.keys % n]).sort()
        return _Mask(keys=keys, parts=self.parts[places])


def entries(found: Neighbours) -> int:
    """How many entries its mask has."""
    return found.indices.numel() + (0 if found.ties is None else int(found.ties.count.sum()))


def mask_of(found: Neighbours) -> _Mask:
    """Its mask."""
    n = len(found.indices)
    free = torch.nonzero(~found.tied).flatten()
    keys = [(free[:, None] * n + found.indices[free]).flatten()]
    parts = [torch.ones(keys[0].shape, dtype=torch.float64, device=free.device)]
    for rows in _some(torch.nonzero(found.tied).flatten(), n):
        dense = found.memberships(rows)
        row, column = torch.nonzero(dense, as_tuple=True)
        keys.append(rows[row] * n + column)
        parts.append(dense[row, column])
    rising, places = torch.cat(keys).sort()
    return _Mask(keys=rising, parts=torch.cat(parts)[places])


def _products(x: torch.Tensor, mask: _Mask) -> _Sparse:
    n, keys = len(x), mask.keys
    parts = []
    for start in range(0, len(keys), BLOCK):
        some = keys[start : start + BLOCK]
        left, right = x[some // n].to(torch.float64), x[some % n].to(torch.float64)
        parts.append((left * right).sum(1))
    values = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64, device=x.device)
    return _Sparse(keys=keys, values=values * mask.parts)


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
