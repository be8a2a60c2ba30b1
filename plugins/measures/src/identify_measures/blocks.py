"""Blocks: rows in a fixed random order, cut into parts for jackknives and held-out halves; equal rows stay together."""

from __future__ import annotations

from itertools import pairwise

import attrs
import torch

from identify_measures.repeats import count_groups

BLOCKS = 20
"""Blocks of rows where nothing else is said."""


@attrs.frozen(kw_only=True, eq=False)
class Blocks:
    """Rows in blocks of nearly as many distinct rows each.

    Args:
        order: the rows, block after block, shape (n,).
        edges: where each block begins in that order, and n.
    """

    order: torch.Tensor
    edges: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def parts(self) -> list[torch.Tensor]:
        """The rows of each block."""
        return [self.order[a:b] for a, b in pairwise(self.edges)]

    def halves(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows of every second block, and the others, each in rising order."""
        parts = self.parts()
        first, second = (torch.cat(parts[start::2]).sort().values for start in (0, 1))
        return first, second


def random_blocks(n: int, count: int = BLOCKS, groups: torch.Tensor | None = None) -> Blocks:
    """Cut n rows into at most `count` blocks, in a random order that depends on n alone.

    The order in which rows are stored means nothing then, and what is judged on one block was not seen in another.

    Args:
        n: rows.
        count: blocks, fewer where there are fewer distinct rows.
        groups: of `groups_of`: rows of one group come into one block.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(n))
    distinct = count_groups(groups, n)
    count = min(count, distinct)
    cuts = [round(b * distinct / count) for b in range(count + 1)]
    if groups is None:
        return Blocks(order=order, edges=tuple(cuts))
    groups = groups[order]
    # A group stands where its first row stands.
    first = torch.full((distinct,), n).scatter_reduce(0, groups, torch.arange(n), "amin")
    order = order[first[groups].argsort(stable=True)]
    sizes = torch.bincount(groups, minlength=distinct)[first.argsort()]
    ends = torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)])
    return Blocks(order=order, edges=tuple(int(ends[cut]) for cut in cuts))
