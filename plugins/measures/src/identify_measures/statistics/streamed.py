"""Cross-products of all representations together, accumulated over row chunks: memory does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from itertools import pairwise
from typing import Self

import torch

from identify_measures.repeats import fingerprint_of, found_once, hash_few_columns
from identify_measures.statistics.derived import Member, Statistics, Subset
from identify_measures.statistics.reductions import column_sums, home_of, unit_of

PER_BLOCK = 4.5  # bytes of a block's products for each pair of columns: float64, little more than half of them
TILE = 256  # columns a product: small enough that the half below the diagonal is mostly left out

# Whitening magnifies the rounding of float32 products: they are used only where, on the first chunk, the smallest
# squared singular value that counts is at least this part of the largest.
_WELL_CONDITIONED = 1e-4
_FLOAT32_FLOOR = 1e-6


class CrossProducts(Statistics):
    """Statistics from one pass over row chunks.

    C += Zᵀ Z for each chunk Z of the concatenated representations, shifted by the first chunk's mean, kept for each
    block of rows. Products are float32 for float32 data that is well conditioned, and float64 otherwise; sums over
    chunks are float64. Chunks go to the blocks in turn, so that a block is spread over the whole data.

    Args:
        chunks: row chunks: one (c, d_i) tensor a representation, finite, on the device that is to multiply them.
        members: the representations.
        blocks: how many blocks, at most the number of chunks.
        budget: bytes that derived products may take.
        notes: what a score must say of how the statistics came about.
    """

    def __init__(
        self,
        chunks: Iterable[list[torch.Tensor]],
        *,
        members: tuple[Member, ...],
        blocks: int,
        budget: float,
        notes: tuple[str, ...] = (),
    ) -> None:
        iterator = iter(chunks)
        first = next(iterator)
        device = first[0].device
        home = home_of(device)
        shift = [column_sums(part) / len(part) for part in first]
        self._shift = [each.to(part.dtype).to(torch.float64) for each, part in zip(shift, first, strict=True)]
        units = tuple(unit_of(part - each.to(part)) for part, each in zip(first, self._shift, strict=True))
        super().__init__(members=members, counts=(), home=home, units=units, budget=budget, notes=notes)
        bounds = [0]
        for each in members:
            bounds.append(bounds[-1] + each.width)
        self._bounds = bounds
        self.precise = not _float32_is_enough(first, members)
        self.resolution = 16 * torch.finfo(torch.float64 if self.precise else torch.float32).eps
        self._tile = TILE if device.type == "cpu" else 8 * TILE
        edges = [*range(0, bounds[-1], self._tile), bounds[-1]]
        self._tiles = list(pairwise(edges))
        self._accumulate(first, iterator, blocks)

    def _accumulate(self, first: list[torch.Tensor], others: Iterator[list[torch.Tensor]], blocks: int) -> None:
        width, count, home = self._bounds[-1], len(self.members), self.home
        self._products = {
            (s, t): torch.zeros(blocks, b - a, d - c, dtype=torch.float64, device=home)
            for s, (a, b) in enumerate(self._tiles)
            for t, (c, d) in enumerate(self._tiles)
            if s <= t
        }
        self._sums = torch.zeros(blocks, width, dtype=torch.float64, device=home)
        # Squared row norms q of each representation, for the U-centred estimates: Σ q, Σ q qᵀ and Σ z qᵀ.
        self._norms = torch.zeros(blocks, count, dtype=torch.float64, device=home)
        self._norm_norms = torch.zeros(blocks, count, count, dtype=torch.float64, device=home)
        self._row_norms = torch.zeros(blocks, width, count, dtype=torch.float64, device=home)
        self._scales: dict[int, torch.Tensor] = {}
        self._few_columns: list[list[torch.Tensor]] = [[] for _ in self.members]
        counts = [0] * blocks
        used = 0
        chunk: list[torch.Tensor] | None = first
        while chunk is not None:
            block = used % blocks
            self._add(chunk, block)
            counts[block] += len(chunk[0])
            used += 1
            chunk = next(others, None)
        self.counts = tuple(counts[: min(used, blocks)])

    def _add(self, chunk: list[torch.Tensor], block: int) -> None:
        for hashes, part in zip(self._few_columns, chunk, strict=True):
            hashes.append(hash_few_columns(part).cpu())
        dtype = torch.float64 if self.precise else torch.float32
        rows = len(chunk[0])
        z = torch.empty(rows, self._bounds[-1], dtype=dtype, device=chunk[0].device)
        for part, shift, unit, (a, b) in zip(chunk, self._shift, self.units, pairwise(self._bounds), strict=True):
            z[:, a:b] = (part - shift.to(part)) / unit
        for (s, t), products in self._products.items():
            (a, b), (c, d) = self._tiles[s], self._tiles[t]
            products[block] += (z[:, a:b].T @ z[:, c:d]).to(self.home)
        z64 = z.to(self.home, torch.float64)
        q = torch.stack([z64[:, a:b].square().sum(dim=1) for a, b in pairwise(self._bounds)], dim=1)
        self._sums[block] += z64.sum(dim=0)
        self._norms[block] += q.sum(dim=0)
        self._norm_norms[block] += q.T @ q
        self._row_norms[block] += z64.T @ q

    def find_repeats(self, read: Callable[[int], Iterable[torch.Tensor]], owners: Sequence[object]) -> None:
        """Find equal rows: from the pass where a few columns tell all rows apart, else from reading them again.

        Args:
            read: begins to read the rows of one representation.
            owners: the representations.
        """
        self.fingerprints = tuple(
            found_once(owners[i], partial(fingerprint_of, partial(read, i), torch.cat(few)))
            for i, few in enumerate(self._few_columns)
        )
        self._few_columns = []

    def total_products(self, i: int, j: int) -> torch.Tensor:
        return self._assemble(i, j, None)

    def block_products(self, i: int, j: int, block: int) -> torch.Tensor:
        return self._assemble(i, j, block)

    def _assemble(self, i: int, j: int, block: int | None) -> torch.Tensor:
        """The columns of i against those of j, put together from the tiles that hold them."""
        first, last = self._bounds[i], self._bounds[i + 1]
        begin, end = self._bounds[j], self._bounds[j + 1]
        result = torch.empty(last - first, end - begin, dtype=torch.float64, device=self.home)
        for s, (a, b) in enumerate(self._tiles):
            low, high = max(a, first), min(b, last)
            for t, (c, d) in enumerate(self._tiles):
                left, right = max(c, begin), min(d, end)
                if low >= high or left >= right:
                    continue
                key = (s, t) if s <= t else (t, s)
                stored = self._products[key]
                tile = stored.sum(dim=0) if block is None else stored[block]
                tile = tile if s <= t else tile.T
                result[low - first : high - first, left - begin : right - begin] = tile[
                    low - a : high - a, left - c : right - c
                ]
        left, right = self._scales.get(i), self._scales.get(j)
        result = result if left is None else result * left[:, None]
        return result if right is None else result * right

    def rescaled(self, scales: Mapping[int, torch.Tensor]) -> Self:
        made = copy(self)
        made._scales = dict(scales)
        return made

    def block_sums(self, i: int) -> torch.Tensor:
        sums = self._sums[: self.blocks, self._bounds[i] : self._bounds[i + 1]]
        return sums * self._scales[i] if i in self._scales else sums

    def variances(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        # A column that is constant up to rounding is constant: its products hold nothing but the rounding of the shift.
        variances = super().variances(i, subset)
        eps = torch.finfo(torch.float64 if self.precise else torch.float32).eps
        noise = self.rows(subset) * (4 * eps * self._shift[i] / self.units[i]).square()
        noise = noise * self._scales[i].square() if i in self._scales else noise
        return torch.where(variances <= noise, 0.0, variances)

    def norm_sums(self, i: int, j: int, subset: Subset | None = None) -> tuple[float, float, float]:
        blocks = list(range(self.blocks) if subset is None else subset)
        n = self.rows(subset)
        x, y = self.mean(i, subset), self.mean(j, subset)
        alpha, beta = float(x @ x), float(y @ y)
        q, r = (float(self._norms[blocks, k].sum()) for k in (i, j))
        zr = self._row_norms[blocks, self._bounds[i] : self._bounds[i + 1], j].sum(dim=0)
        wq = self._row_norms[blocks, self._bounds[j] : self._bounds[j + 1], i].sum(dim=0)
        # |z − x|² = q − 2 z·x + α for each row, and the product of two of these summed term by term.
        centred = self.products(i, j, subset) if subset is None else self._centred(i, j, subset)
        raw = float(x @ (centred @ y)) + n * alpha * beta
        both = float(self._norm_norms[blocks, i, j].sum()) - 2 * float(y @ wq) - 2 * float(x @ zr)
        both += beta * q + alpha * r + 4 * raw - 3 * n * alpha * beta
        return both, q - n * alpha, r - n * beta

    def eigenvalue_floor(self, i: int) -> float:
        floor = super().eigenvalue_floor(i)
        return floor if self.precise else max(floor, _FLOAT32_FLOOR)


def _float32_is_enough(chunk: list[torch.Tensor], members: tuple[Member, ...]) -> bool:
    """Whether float32 products lose nothing that whitening would bring up."""
    for part, member in zip(chunk, members, strict=True):
        if part.dtype == torch.float64 or len(part) < 2 * member.width:
            return False
        values = part.to(home_of(part.device), torch.float64)
        values = values - values.mean(dim=0)
        norms = values.norm(dim=0)
        values /= torch.where(norms > 0, norms, 1.0)
        spectrum = torch.linalg.eigvalsh(values.T @ values)
        kept = spectrum[spectrum > member.tolerance**2 * spectrum[-1]]
        if len(kept) and float(kept[0]) < _WELL_CONDITIONED * float(kept[-1]):
            return False
    return True
