"""Statistics from rows that fit in memory: products are made when a measure asks for them, from centred rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from itertools import pairwise
from typing import Self

import attrs
import torch

from identify_measures.blocks import random_blocks
from identify_measures.inputs import RANK_TOLERANCE
from identify_measures.repeats import fingerprint, found_once, groups_of
from identify_measures.statistics.derived import Member, Principal, Statistics, Subset, principal_components
from identify_measures.statistics.reductions import (
    Array,
    column_squares,
    column_sums,
    cross_products,
    home_of,
    is_safe,
    row_squares,
    row_squares_on_cpu,
    unit_of,
)

_GRAM_TILE = 512

# Below this part of the largest, eigenvalues of a float64 scatter are mostly the rounding of its products; the rows
# themselves still tell singular values down to the square root of it.
_DOUBTFUL = 1e-11
_MILD = 1e-6
UNSEEN = 1e-11  # of a sum of squares: below the rounding of what it is a sum of


class ResidentRows(Statistics):
    """Statistics of representations whose rows are all at hand.

    Rows are put into blocks in a fixed random order, equal rows into the same, so that neither sorted nor repeated data
    does harm. A representation wider than it
    has rows is carried to its principal components first, which changes nothing that rotations leave alone;
    `columns` has it in its own coordinates.

    Args:
        rows: one finite (n, d) tensor a representation, all on one device, of float32 or float64.
        owners: the representations themselves, for what is found of them once.
        members: what is said of them.
        blocks: how many blocks, at most the number of rows.
        budget: bytes that derived products may take.
        fit: which rows are the first of two blocks, boolean, shape (n,); None for random blocks.
        sums: of each one's columns, float64, where they are known.
        notes: what a score must say of how the statistics came about.
    """

    def __init__(
        self,
        rows: list[torch.Tensor],
        *,
        owners: Sequence[object],
        members: tuple[Member, ...],
        blocks: int,
        budget: float,
        fit: torch.Tensor | None = None,
        sums: Sequence[torch.Tensor] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        n = len(rows[0])
        device = rows[0].device
        edges: tuple[int, ...] = (0, n)
        order = None
        fingerprints: tuple[torch.Tensor | None, ...] = ()
        if fit is not None:
            edges, order = (0, int(fit.sum()), n), torch.argsort(~fit, stable=True).to(device)
        elif blocks > 1:
            fingerprints = tuple(
                found_once(owner, partial(fingerprint, each)) for owner, each in zip(owners, rows, strict=True)
            )
            cut = random_blocks(n, blocks, groups_of(fingerprints))
            edges, order = cut.edges, cut.order.to(device)
        self._edges = edges
        sums = sums or [column_sums(each) for each in rows]
        centred = [_centre(each, total / float(n), order) for each, total in zip(rows, sums, strict=True)]
        self._rows = [each.rows for each in centred]
        self._squares = [each.squares for each in centred]
        self._means = [each.mean for each in centred]
        self._gram: torch.Tensor | None = None
        super().__init__(
            members=members,
            counts=tuple(b - a for a, b in pairwise(edges)),
            home=home_of(device),
            units=tuple(each.unit for each in centred),
            budget=budget,
            notes=notes,
        )
        self.fingerprints = fingerprints
        self._given = () if fingerprints else tuple(zip(owners, rows, strict=True))

    def groups(self, *chosen: int) -> torch.Tensor | None:
        # Looked for one after the other: where all rows of one differ, those of the pair do.
        return groups_of(self.fingerprints[i] if self.fingerprints else self._fingerprint(i) for i in chosen)

    def _fingerprint(self, i: int) -> torch.Tensor | None:
        owner, rows = self._given[i]
        return found_once(owner, lambda: fingerprint(rows))

    def rescaled(self, scales: Mapping[int, torch.Tensor]) -> Self:
        made = copy(self)
        made._rescale(scales)
        return made

    def _rescale(self, scales: Mapping[int, torch.Tensor]) -> None:
        self.__dict__.pop("_gram_is_cheaper", None)
        self._gram = None
        self._rows, self._squares, self._means = list(self._rows), list(self._squares), list(self._means)
        for i, each in scales.items():
            self._rows[i] = self._rows[i] * each.to(self._rows[i])
            self._squares[i] = row_squares(self._rows[i])
            self._means[i] = self._means[i] * each

    def centred_rows(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        rows = self._rows[i] if subset is None else self.take(self._rows[i], subset)
        rows = rows.to(self.home, torch.float64)
        rows = rows - rows.mean(dim=0)
        # Of more columns than rows, a triangle has the same inner products.
        triangle: torch.Tensor = torch.linalg.qr(rows.T, mode="r")[1].T if rows.shape[1] > len(rows) else rows
        return triangle

    def coordinates(self, i: int) -> torch.Tensor:
        """The centred rows, block after block, in as many coordinates as there can be rank."""
        return self._narrow(i)[0] if self._is_wide(i) else self._rows[i]

    def _is_wide(self, i: int) -> bool:
        return self._rows[i].shape[1] > self._rows[i].shape[0]

    def _narrow(self, i: int) -> tuple[torch.Tensor, Principal]:
        """Coordinates on the principal axes of a representation wider than long, and its principal components there."""

        def make() -> tuple[torch.Tensor, Principal]:
            rows = self._rows[i].to(self.home, torch.float64)
            found = principal_components(rows @ rows.T, self.eigenvalue_floor(i))
            narrow = found.vectors * found.values.sqrt()
            identity = torch.eye(found.rank, dtype=torch.float64, device=self.home)
            return narrow.to(self._rows[i]), Principal(values=found.values, vectors=identity)

        return self.cached(("narrow", i), make)

    def eigenvalue_floor(self, i: int) -> float:
        floor = 10.0 * min(self._rows[i].shape) * torch.finfo(torch.float64).eps
        return max(self.members[i].tolerance ** 2, floor)

    def block_products(self, i: int, j: int, block: int) -> torch.Tensor:
        a, b = self._edges[block], self._edges[block + 1]
        return cross_products(self.coordinates(i)[a:b], self.coordinates(j)[a:b])

    def total_products(self, i: int, j: int) -> torch.Tensor:
        return cross_products(self.coordinates(i), self.coordinates(j))

    def block_sums(self, i: int) -> torch.Tensor:
        def make() -> torch.Tensor:
            rows = self.coordinates(i)
            return torch.stack([column_sums(rows[a:b]) for a, b in pairwise(self._edges)])

        return self.cached(("sums", i), make)

    def variances(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        """Sums of squares of each column in its own coordinates; zero for a column constant up to rounding."""

        def make() -> torch.Tensor:
            rows = self._rows[i] if subset is None else self.take(self._rows[i], subset)
            mean = self.mean(i) if rows is self.coordinates(i) else column_sums(rows) / len(rows)
            variances = column_squares(rows) - mean.square() * len(rows)
            return torch.where(variances <= self._means[i].square() * self._rounding(i), 0.0, variances)

        return self.cached(("variances", i, subset), make)

    def take(self, rows: torch.Tensor, subset: Subset) -> torch.Tensor:
        """Those of some rows, block after block, that belong to a subset."""
        return torch.cat([rows[self._edges[b] : self._edges[b + 1]] for b in subset])

    def column_products(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        if not (self._is_wide(i) or self._is_wide(j)):
            return self.products(i, j, subset)
        x, y = self._rows[i], self._rows[j]
        if subset is not None:
            x, y = self.take(x, subset), self.take(y, subset)
            x, y = x - x.mean(dim=0), y - y.mean(dim=0)
        return cross_products(x, y)

    def trace(self, i: int, subset: Subset | None = None) -> float:
        if subset is not None or self._is_wide(i):
            return super().trace(i, subset)

        def make() -> float:
            mean, shift = self.mean(i), self._means[i]
            total = float(self._squares[i].sum()) - self.rows() * float(mean @ mean)
            # What rounding leaves of constant columns is taken out where it could be seen.
            seen = float(shift @ shift) * self._rounding(i) >= UNSEEN * total
            return float(self.variances(i).sum()) if seen else total

        return self.cached(("trace", i), make)

    def _rounding(self, i: int) -> float:
        """What the rounding of its mean can leave in the squares of a constant column, for a mean of one."""
        return len(self._rows[i]) * (4 * torch.finfo(self._rows[i].dtype).eps) ** 2

    def mean(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        if subset is None and self.blocks == 1:
            return self.cached(("mean", i), lambda: column_sums(self.coordinates(i)) / self.rows())
        return super().mean(i, subset)

    def heavy_rows(self, i: int) -> float:
        squares = self._squares[i]
        total = float(squares.sum())
        return total * total / float(squares @ squares) if total > 0 else math.inf

    def norm_sums(self, i: int, j: int, subset: Subset | None = None) -> tuple[float, float, float]:
        a, b = self._norms(i, subset), self._norms(j, subset)
        return float(a @ b), float(a.sum()), float(b.sum())

    def _norms(self, i: int, subset: Subset | None) -> torch.Tensor:
        """Squared norms of the centred rows, shape (rows,)."""

        def make() -> torch.Tensor:
            rows, norms = self.coordinates(i), self._squares[i]
            if subset is not None:
                rows, norms = self.take(rows, subset), self.take(norms, subset)
            mean = self.mean(i, subset)
            return norms - 2 * (rows @ mean.to(rows)).to(norms) + mean @ mean

        return self.cached(("norms", i, subset), make)

    def principal(self, i: int, subset: Subset | None = None) -> Principal:
        if subset is None and self._is_wide(i):
            return self._narrow(i)[1]
        return super().principal(i, subset)

    def _principal(self, i: int, subset: Subset | None) -> Principal:
        if subset is not None:
            return super()._principal(i, subset)
        if self._rows[i].dtype == torch.float64:
            rows = self._rows[i]
            found = principal_components(self.products(i, i), self.eigenvalue_floor(i))
        else:
            rows = self._rows[i].to(self.home, torch.float64)
            rows -= rows.mean(dim=0)
            found = principal_components(cross_products(rows, rows), self.eigenvalue_floor(i))
        doubtful = found.rank < rows.shape[1] or bool(found.values[-1] < _DOUBTFUL * found.values[0])
        if not doubtful or self.members[i].tolerance != RANK_TOLERANCE[torch.float64]:
            return found
        _, singular, vectors = torch.linalg.svd(rows, full_matrices=False)
        rank = int((singular > self.members[i].tolerance * singular[0]).sum()) if float(singular[0]) > 0 else 0
        return Principal(values=singular[:rank].square(), vectors=vectors[:rank].T)

    def _scores(self, i: int) -> torch.Tensor:
        """The left singular vectors that count, shape (n, r): orthonormal, so that float32 products lose nothing."""

        def make() -> torch.Tensor:
            rows = self.coordinates(i)
            return (rows.to(self.home, torch.float64) @ self.principal(i).whitener()).to(rows)

        return self.cached(("scores", i), make)

    def whitened(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        if subset is not None or (self._is_mild(i) and self._is_mild(j)):
            return super().whitened(i, j, subset)
        return self.cached(("whitened", i, j), lambda: cross_products(self._scores(i), self._scores(j)))

    def explained(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        if subset is not None or (self._is_mild(i) and not self._is_wide(j)):
            return super().explained(i, j, subset)
        return cross_products(self._scores(i), self._rows[j])

    def _is_mild(self, i: int) -> bool:
        """Whether whitening float64 products magnifies no rounding that matters."""
        values = self.principal(i).values
        mild = self._rows[i].dtype == torch.float64 and not self._is_wide(i)
        return mild and bool(values[-1] > _MILD * values[0])

    def square(self, i: int, j: int, subset: Subset | None = None) -> float:
        if subset is None and self._gram_is_cheaper:
            if self._gram is None:
                self._gram = gram_squares(self._rows).to(self.home)
            return float(self._gram[i, j])
        return super().square(i, j, subset)

    @cached_property
    def _gram_is_cheaper(self) -> bool:
        """Whether n × n Gram matrices cost less than products of columns, for all pairs together."""
        n, count = len(self._rows[0]), len(self._rows)
        width = sum(each.shape[1] for each in self._rows)
        return n * n * width / 2 + count * count * n * n / 4 < n * width * width / 2


def gram_squares(rows: list[torch.Tensor]) -> torch.Tensor:
    """⟨K_i, K_j⟩ = |X_iᵀX_j|² of all pairs of representations, from tiles of their Gram matrices.

    For each tile of sample pairs the M Gram tiles are one (M, b²) matrix G, and G Gᵀ is added up; tiles above the
    diagonal count twice. Memory is M b².

    Args:
        rows: centred rows, (n, d_i) each.

    Returns:
        Shape (M, M), float64.
    """
    n, count, device = len(rows[0]), len(rows), rows[0].device
    dtype = max((each.dtype for each in rows), key=lambda each: torch.finfo(each).bits)
    # Centred once more: the rounding of a large mean is left in the rows.
    exact = [each.sub((column_sums(each) / n).to(each)).to(dtype) for each in rows]
    total = torch.zeros(count, count, dtype=torch.float64, device="cpu" if device.type == "mps" else device)
    tile = min(n, _GRAM_TILE)
    gram = torch.empty(count, tile, tile, dtype=dtype, device=device)
    for a in range(0, n, tile):
        for b in range(a, n, tile):
            height, width = min(tile, n - a), min(tile, n - b)
            flat = gram.view(-1)[: count * height * width].view(count, height, width)
            for k, each in enumerate(exact):
                torch.mm(each[a : a + height], each[b : b + width].T, out=flat[k])
            matrix = flat.view(count, -1)
            total += (matrix @ matrix.T).to(total) * (1.0 if a == b else 2.0)
    return total


@attrs.frozen(kw_only=True, eq=False)
class _Centred:
    """Rows less their mean, in units of which squares neither overflow nor vanish.

    Args:
        rows: shape (n, d), in their blocks' order.
        squares: squared norms of the rows, shape (n,), float64.
        mean: what was taken off, shape (d,), float64.
        unit: what all were divided by.
    """

    rows: torch.Tensor
    squares: torch.Tensor
    mean: torch.Tensor
    unit: float


def _centre(given: torch.Tensor, mean: torch.Tensor, order: torch.Tensor | None) -> _Centred:
    if order is None and given.device.type == "cpu":
        return _centre_on_cpu(given.numpy(), mean.numpy())
    shift = mean.to(given)
    rows = given - shift if order is None else given[order].sub_(shift)
    squares = row_squares(rows)
    unit = unit_of(rows, squares)
    if unit == 1:
        return _Centred(rows=rows, squares=squares, mean=mean, unit=unit)
    rows = rows.div_(unit)
    return _Centred(rows=rows, squares=row_squares(rows), mean=mean / unit, unit=unit)


def _centre_on_cpu(given: Array, mean: Array) -> _Centred:
    # numpy asks the system for large pages, which halves the time of a large result.
    rows = given - mean.astype(given.dtype, copy=False)
    squares = row_squares_on_cpu(rows)
    unit = 1.0 if is_safe(float(squares.max()), rows.shape[1]) else unit_of(torch.from_numpy(rows))
    if unit != 1:
        rows /= rows.dtype.type(unit)
        squares, mean = row_squares_on_cpu(rows), mean / unit
    held = (torch.from_numpy(each) for each in (rows, squares, mean))
    return _Centred(rows=next(held), squares=next(held), mean=next(held), unit=unit)
