"""Cross-products of representations too wide together for one pass: two groups of them at a time."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Protocol, Self
from weakref import WeakKeyDictionary

import attrs
import torch

from identify_measures.blocks import BLOCKS
from identify_measures.statistics.derived import Member, Principal, Statistics, Subset
from identify_measures.statistics.streamed import PER_BLOCK, CrossProducts

_LEAST_BLOCKS = 2


class PassOver(Protocol):
    """Makes the statistics of some of the representations from one pass over their rows."""

    def __call__(self, chosen: tuple[int, ...], *, blocks: int, width: int) -> CrossProducts:
        """Of passes with the same `blocks` and `width` every one has the same rows in the same blocks."""


@attrs.define(kw_only=True, eq=False)
class _Pass:
    """The pass that is kept.

    Args:
        groups: whose representations it read.
        chosen: the numbers of these representations.
        products: what it gave.
        scaled: the same for statistics that are a scaled copy, by these.
    """

    groups: frozenset[int] = frozenset()
    chosen: tuple[int, ...] = ()
    products: CrossProducts | None = None
    scaled: WeakKeyDictionary[Statistics, CrossProducts] = attrs.field(factory=WeakKeyDictionary)


class PairwiseProducts(Statistics):
    """Statistics that read the rows of two groups of representations when a measure first asks for a pair of them.

    Groups are neighbours, as many as memory allows, and a power of two: pairs that come in the order of
    `identify_core.evaluation.pairs.missing_pairs` have those of two groups follow each other, so that each two groups
    are read once.

    Args:
        pass_over: makes the statistics of some of the representations.
        members: all representations.
        memory: bytes that the products of a pass may take.
    """

    def __init__(self, pass_over: PassOver, *, members: tuple[Member, ...], memory: float) -> None:
        widths = sorted((each.width for each in members), reverse=True)

        def needed(size: int) -> float:
            """Bytes for a block's products of two groups of this size."""
            return PER_BLOCK * float(sum(widths[: 2 * size])) ** 2

        self._wanted = max(_LEAST_BLOCKS, min(BLOCKS, int(memory / needed(1))))
        self._size = 1
        while 2 * self._size < len(members) and self._wanted * needed(2 * self._size) <= memory:
            self._size *= 2
        self._width = sum(widths[: 2 * self._size])
        self._pass_over = pass_over
        self._pass = _Pass()
        self._scales: Mapping[int, torch.Tensor] = {}
        self.members = members
        first, _, _ = self._holding(0, min(1, len(members) - 1))
        self.resolution = 16 * torch.finfo(torch.float32).eps
        super().__init__(
            members=members,
            counts=first.counts,
            home=first.home,
            units=(),
            budget=memory,
            notes=("the representations are too wide together for one pass; their rows are read several times",),
        )

    def _holding(self, i: int, j: int) -> tuple[CrossProducts, int, int]:
        """A pass that has both, and their numbers in it."""
        kept, groups = self._pass, frozenset((i // self._size, j // self._size))
        if kept.products is None or not groups <= kept.groups:
            kept.products = None  # before the next is made
            kept.scaled.clear()
            kept.groups = groups
            kept.chosen = tuple(k for k in range(len(self.members)) if k // self._size in groups)
            kept.products = self._pass_over(kept.chosen, blocks=self._wanted, width=self._width)
        found = kept.products
        if self._scales:
            if self not in kept.scaled:
                scales = {kept.chosen.index(k): each for k, each in self._scales.items() if k in kept.chosen}
                kept.scaled[self] = found.scaled(scales)
            found = kept.scaled[self]
        return found, kept.chosen.index(i), kept.chosen.index(j)

    def rescaled(self, scales: Mapping[int, torch.Tensor]) -> Self:
        made = copy(self)  # the pass that is kept is the same for both
        made._scales = dict(scales)
        return made

    def read_pair(self, i: int, j: int) -> None:
        self._holding(i, j)

    def groups(self, *chosen: int) -> torch.Tensor | None:
        found, a, b = self._holding(min(chosen), max(chosen))
        return found.groups(a, b)

    def unit(self, i: int) -> float:
        found, a, _ = self._holding(i, i)
        return found.unit(a)

    def total_products(self, i: int, j: int) -> torch.Tensor:
        found, a, b = self._holding(i, j)
        return found.total_products(a, b)

    def block_products(self, i: int, j: int, block: int) -> torch.Tensor:
        found, a, b = self._holding(i, j)
        return found.block_products(a, b, block)

    def block_sums(self, i: int) -> torch.Tensor:
        found, a, _ = self._holding(i, i)
        return found.block_sums(a)

    def variances(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        found, a, _ = self._holding(i, i)
        return found.variances(a, subset)

    def norm_sums(self, i: int, j: int, subset: Subset | None = None) -> tuple[float, float, float]:
        found, a, b = self._holding(i, j)
        return found.norm_sums(a, b, subset)

    def _principal(self, i: int, subset: Subset | None) -> Principal:
        found, a, _ = self._holding(i, i)
        return found.principal(a, subset)
