"""Statistics: what the measures of the linear family ask of paired representations, from cross-products alone."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Self, TypeVar

import attrs
import torch

from identify_measures.repeats import count_groups, groups_of

Subset = tuple[int, ...]
"""Blocks of rows, in rising order."""

T = TypeVar("T")

UNEVEN = 1e-4  # of the largest variance: down to a hundredth of the largest norm, scales of columns do no harm

_NARROW = 96  # representations up to this width keep the factors of every block left out


@attrs.frozen(kw_only=True, eq=False)
class Principal:
    """The principal components of a centred representation that count.

    Args:
        values: squared singular values above the rank tolerance, descending, shape (r,), float64.
        vectors: the directions, shape (d, r), float64, in the coordinates of `Statistics.products`.
    """

    values: torch.Tensor
    vectors: torch.Tensor

    @property
    def rank(self) -> int:
        """How many there are."""
        return len(self.values)

    def whitener(self) -> torch.Tensor:
        """W with WᵀCW = 1 for the scatter C, shape (d, r)."""
        return self.vectors / self.values.sqrt()


@attrs.frozen(kw_only=True)
class Member:
    """What is known of one representation.

    Args:
        label: what messages call it.
        width: its number of columns, d.
        dtype: the type that it came in.
        tolerance: singular values below this part of the largest count as zero.
    """

    label: str
    width: int
    dtype: str
    tolerance: float


class Statistics(ABC):
    """Cross-products of the centred rows of several representations, over all rows or over some blocks of them.

    Every row belongs to one of B blocks of nearly equal size. Wherever a method takes `subset`, it means the rows of
    those blocks, centred on their own mean; None means all rows. Results are float64 on `home`, and every
    representation is measured in its own unit: `unit` says how large it is.

    Args:
        members: the representations.
        counts: rows of each block.
        home: where finished statistics live: the device, or the CPU where the device has no float64.
        units: what each representation was divided by, so that no square overflows or vanishes.
        budget: bytes that cached products may take.
        notes: what a score must say of how the statistics came about.

    `fingerprints` has what `repeats.fingerprint` says of each representation's rows.
    """

    def __init__(
        self,
        *,
        members: tuple[Member, ...],
        counts: tuple[int, ...],
        home: torch.device,
        units: tuple[float, ...],
        budget: float,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.members = members
        self.counts = counts
        self.home = home
        self.units = units
        self.notes = notes
        self.fingerprints: tuple[torch.Tensor | None, ...] = ()
        self._budget = budget
        self._cache: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._cached_bytes = 0

    def read_pair(self, i: int, j: int) -> None:  # noqa: B027 - most have read all rows already
        """Read the rows of two representations that are asked about next, where rows are read for each pair."""

    @abstractmethod
    def block_products(self, i: int, j: int, block: int) -> torch.Tensor:
        """Σ z wᵀ over a block's rows, z and w taken from a common shift near the mean, shape (d_i, d_j)."""

    @abstractmethod
    def total_products(self, i: int, j: int) -> torch.Tensor:
        """The same over all rows, in memory of its own."""

    @abstractmethod
    def block_sums(self, i: int) -> torch.Tensor:
        """Σ z over each block's rows, shape (B, d)."""

    @abstractmethod
    def norm_sums(self, i: int, j: int, subset: Subset | None = None) -> tuple[float, float, float]:
        """Σ ab, Σ a and Σ b over rows, a and b the squared norms of the centred rows of i and j."""

    def heavy_rows(self, i: int) -> float:
        """(Σ a)² / Σ a², a the squared norms of the centred rows: about how many rows hold the variance."""
        squares, total, _ = self.norm_sums(i, i)
        return total * total / squares if squares > 0 else math.inf

    def groups(self, *chosen: int) -> torch.Tensor | None:
        """Which rows are equal in all of some representations, as `repeats.groups_of` says it."""
        return groups_of(self.fingerprints[i] for i in chosen)

    def distinct(self, i: int, j: int) -> int:
        """How many rows of a pair are distinct."""
        return self.cached(("distinct", i, j), lambda: count_groups(self.groups(i, j), self.rows()))

    def constant(self, i: int) -> int:
        """How many latents have one value."""
        return int((self.variances(i) == 0).sum())

    resolution = 0.0
    """What rounding of the products does to a cosine near 1, where `centred_rows` are not at hand."""

    def centred_rows(self, i: int, subset: Subset | None = None) -> torch.Tensor | None:
        """The rows less their mean in any coordinates, float64; None where only products are known."""
        return None

    def equilibrated(self, chosen: Iterable[int]) -> Statistics:
        """The same with the columns of some representations scaled to norms near one, where theirs differ much.

        Least squares and canonical correlations do not see the scales of columns; numerical ranks do.
        """
        scales = {i: self._column_scales(i) for i in dict.fromkeys(chosen)}
        wanted = {i: each for i, each in scales.items() if each is not None}
        if not wanted:
            return self
        return self.scaled(wanted)

    def scaled(self, scales: Mapping[int, torch.Tensor]) -> Self:
        """What `rescaled` makes, without what was derived before."""
        made = self.rescaled(scales)
        made._cache, made._cached_bytes = OrderedDict(), 0
        return made

    def _column_scales(self, i: int) -> torch.Tensor | None:
        """Powers of two near what brings each column to the norm of the largest; None where they hardly differ."""
        variances = self.variances(i)
        varying = variances > 0
        if not bool(varying.any()) or bool(variances[varying].min() > UNEVEN * variances.max()):
            return None
        exponents = torch.frexp((variances.max() / variances[varying]).sqrt()).exponent
        scales = torch.ones_like(variances)
        scales[varying] = torch.ldexp(torch.ones_like(variances[varying]), exponents)
        return scales

    def rescaled(self, scales: Mapping[int, torch.Tensor]) -> Self:
        """A copy whose columns are multiplied by powers of two, shape (d,) for each representation named."""
        raise NotImplementedError

    def unit(self, i: int) -> float:
        """What a representation was divided by."""
        return self.units[i]

    @property
    def blocks(self) -> int:
        """B."""
        return len(self.counts)

    def rows(self, subset: Subset | None = None) -> int:
        """How many rows there are."""
        return sum(self.counts) if subset is None else sum(self.counts[b] for b in subset)

    def without(self, block: int) -> Subset:
        """All blocks but one."""
        return tuple(b for b in range(self.blocks) if b != block)

    def halves(self, subset: Subset | None = None) -> tuple[Subset, Subset]:
        """Every second block, and the others: what is fitted on, and what it is judged on."""
        chosen = range(self.blocks) if subset is None else subset
        return tuple(b for b in chosen if b % 2 == 0), tuple(b for b in chosen if b % 2 == 1)

    def mean(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        """The mean of a subset's rows from the common shift, shape (d,)."""
        if subset is None:
            return self.cached(("mean", i), lambda: self.block_sums(i).sum(dim=0) / self.rows())
        return self.block_sums(i)[list(subset)].sum(dim=0) / self.rows(subset)

    def products(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        """XᵀY of the centred rows, shape (d_i, d_j)."""
        if subset is None:
            return self.cached(("products", i, j), lambda: self._centred(i, j, None))
        return self._centred(i, j, subset)

    def _centred(self, i: int, j: int, subset: Subset | None) -> torch.Tensor:
        mean_i, mean_j = self.mean(i, subset), self.mean(j, subset)
        return self._raw(i, j, subset).addr_(mean_i, mean_j, alpha=-float(self.rows(subset)))

    def _raw(self, i: int, j: int, subset: Subset | None) -> torch.Tensor:
        if subset is None:
            return self.total_products(i, j)
        others = [b for b in range(self.blocks) if b not in subset]
        if len(others) >= len(subset):
            return torch.stack([self.block_products(i, j, b) for b in subset]).sum(dim=0)
        left = self.cached(("raw", i, j), lambda: self.total_products(i, j)).clone()
        for b in others:
            left -= self.block_products(i, j, b)
        return left

    def variances(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        """Sums of squares of each centred column, shape (d,); exactly zero for a constant column."""
        return self._scatter(i, subset).diagonal().clamp_min(0.0)

    def _scatter(self, i: int, subset: Subset | None) -> torch.Tensor:
        if subset is None or self.members[i].width > _NARROW:
            return self.products(i, i, subset)
        return self.cached(("scatter", i, subset), lambda: self.products(i, i, subset))

    def trace(self, i: int, subset: Subset | None = None) -> float:
        """|X|², the sum of all squares."""
        if subset is None:
            return self.cached(("trace", i), lambda: float(self.variances(i).sum()))
        return float(self.variances(i, subset).sum())

    def square(self, i: int, j: int, subset: Subset | None = None) -> float:
        """|XᵀY|²."""
        if subset is None:
            return self.cached(("square", i, j), lambda: _squared_norm(self.products(i, j)))
        return _squared_norm(self.products(i, j, subset))

    def principal(self, i: int, subset: Subset | None = None) -> Principal:
        """The principal components."""
        if subset is None or self.members[i].width <= _NARROW:
            return self.cached(("principal", i, subset), lambda: self._principal(i, subset))
        return self._principal(i, subset)

    def _principal(self, i: int, subset: Subset | None) -> Principal:
        return principal_components(self._scatter(i, subset), self.eigenvalue_floor(i))

    def eigenvalue_floor(self, i: int) -> float:
        """Squared singular values below this part of the largest cannot be told from zero."""
        width, tolerance = self.members[i].width, self.members[i].tolerance
        return max(tolerance**2, 10.0 * width * torch.finfo(torch.float64).eps)

    def whitened(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        """U_xᵀU_y of the left singular vectors in the order of `principal`, shape (r_i, r_j)."""
        return self.explained(i, j, subset) @ self.principal(j, subset).whitener()

    def explained(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        """U_xᵀY of the left singular vectors of X, shape (r_i, d_j)."""
        return self.principal(i, subset).whitener().T @ self.products(i, j, subset)

    def column_products(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        """XᵀY in the representations' own coordinates, which single latents are compared in."""
        return self.products(i, j, subset)

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """Make something once, and again only where the budget made it go."""
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key][0]  # type: ignore[return-value]
        made = make()
        size = _bytes(made)
        if size <= self._budget:
            self._cache[key] = (made, size)
            self._cached_bytes += size
            while self._cached_bytes > self._budget:
                self._cached_bytes -= self._cache.popitem(last=False)[1][1]
        return made


def _squared_norm(matrix: torch.Tensor) -> float:
    flat = matrix.reshape(-1)
    return float(flat @ flat)


def principal_components(scatter: torch.Tensor, floor: float) -> Principal:
    """The eigenvectors of a scatter matrix whose eigenvalues lie above `floor` times the largest."""
    values, vectors = torch.linalg.eigh(scatter)
    values, vectors = values.flip(0), vectors.flip(1)
    rank = int((values > floor * values[0]).sum()) if float(values[0]) > 0 else 0
    return Principal(values=values[:rank], vectors=vectors[:, :rank])


def _bytes(made: object) -> int:
    if isinstance(made, torch.Tensor):
        return made.element_size() * made.nelement()
    if isinstance(made, Principal):
        return _bytes(made.values) + _bytes(made.vectors)
    return 64
