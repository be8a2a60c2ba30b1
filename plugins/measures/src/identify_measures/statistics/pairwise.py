"""Cross-products of representations too wide together for one pass: each pair has its own, kept while memory allows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import copy

import torch

from identify_measures.statistics.derived import Member, Principal, Statistics, Subset
from identify_measures.statistics.streamed import CrossProducts

_LEAST_BLOCKS = 2


class PairwiseProducts(Statistics):
    """Statistics that read the rows of two representations when a measure first asks for the pair.

    Args:
        pass_over: makes the statistics of some of the representations, with so many blocks, from one pass.
        members: all representations.
        memory: bytes that the products of all pairs kept at a time may take.
    """

    def __init__(
        self, pass_over: Callable[[tuple[int, ...], int], CrossProducts], *, members: tuple[Member, ...], memory: float
    ) -> None:
        widest = sorted((each.width for each in members), reverse=True)[:2]
        per_block = 4.5 * float(sum(widest)) ** 2
        blocks = max(_LEAST_BLOCKS, min(20, int(memory / 4 / per_block)))
        self._pass_over = pass_over
        self.resolution = 16 * torch.finfo(torch.float32).eps
        self._wanted = blocks
        self._passes: OrderedDict[tuple[int, ...], CrossProducts] = OrderedDict()
        self._kept = max(1, int(memory / (blocks * per_block)))
        first = self._pair_of(0, min(1, len(members) - 1), members)
        super().__init__(
            members=members,
            counts=first.counts,
            home=first.home,
            units=(),
            budget=memory,
            notes=("the representations are too wide together for one pass; each pair reads its rows again",),
        )

    def _pair_of(self, i: int, j: int, members: tuple[Member, ...] | None = None) -> CrossProducts:
        count = len(members or self.members)
        key: tuple[int, ...] = (min(i, j), max(i, j))
        if i == j:
            holding = next((each for each in reversed(self._passes) if i in each), None)
            key = holding or ((i, i + 1) if i + 1 < count else (max(0, i - 1), i))
        if key not in self._passes:
            self._passes[key] = self._pass_over(tuple(dict.fromkeys(key)), self._wanted)
            while len(self._passes) > self._kept:
                self._passes.popitem(last=False)
        self._passes.move_to_end(key)
        return self._passes[key]

    def _places(self, i: int, j: int) -> tuple[CrossProducts, int, int]:
        found = self._pair_of(i, j)
        key = next(reversed(self._passes))
        return found, key.index(i), key.index(j)

    def rescaled(self, scales: Mapping[int, torch.Tensor]) -> PairwiseProducts:
        made = copy(self)
        made._passes = OrderedDict()
        made._pass_over = lambda chosen, blocks: self._pass_over(chosen, blocks).rescaled(
            {chosen.index(i): each for i, each in scales.items() if i in chosen}
        )
        return made

    def groups(self, *chosen: int) -> torch.Tensor | None:
        found, a, b = self._places(min(chosen), max(chosen))
        return found.groups(a, b)

    def unit(self, i: int) -> float:
        found, a, _ = self._places(i, i)
        return found.unit(a)

    def total_products(self, i: int, j: int) -> torch.Tensor:
        found, a, b = self._places(i, j)
        return found.total_products(a, b)

    def block_products(self, i: int, j: int, block: int) -> torch.Tensor:
        found, a, b = self._places(i, j)
        return found.block_products(a, b, block)

    def block_sums(self, i: int) -> torch.Tensor:
        found, a, _ = self._places(i, i)
        return found.block_sums(a)

    def variances(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        found, a, _ = self._places(i, i)
        return found.variances(a, subset)

    def norm_sums(self, i: int, j: int, subset: Subset | None = None) -> tuple[float, float, float]:
        found, a, b = self._places(i, j)
        return found.norm_sums(a, b, subset)

    def _principal(self, i: int, subset: Subset | None) -> Principal:
        found, a, _ = self._places(i, i)
        return found.principal(a, subset)
