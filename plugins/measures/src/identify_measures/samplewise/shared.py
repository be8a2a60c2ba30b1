"""Shared: what each representation's part of the pair measures is, made at first use and once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import torch

from identify_measures.blocks import Blocks, random_blocks
from identify_measures.catalogue import measure
from identify_measures.cautions import Traits, cautions
from identify_measures.inputs import paired
from identify_measures.repeats import count_groups, fingerprint_of, found_once, groups_of
from identify_measures.samplewise.hsic import Grid
from identify_measures.samplewise.neighbours import Neighbours, SimilarityName, nearest
from identify_measures.samplewise.rows import Rows, View, ViewName, rows_of_matrix, rows_of_representation
from identify_measures.samplewise.tiles import BLOCKS as TILE_BLOCKS
from identify_measures.samplewise.tiles import PairSums, Totals, block_edges, total

if TYPE_CHECKING:
    from identify_core import Context, Representation

BUDGET = 1 << 30
"""Bytes that the rows in float64 may take, for all representations together, before blocks are read again instead."""

T = TypeVar("T")


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """A grid, and the values without each block of rows, shape (B, M, M); B is 0 where rows are too few."""

    grid: Grid
    left_out: torch.Tensor


class Shared:
    """All representations under comparison.

    Args:
        rows: where each is read from; all have the same samples in the same order.
        seed: of samples of rows and pairs, where all of them would be too many.
        budget: bytes, as `BUDGET`.
    """

    def __init__(self, rows: Sequence[Rows], *, seed: int = 0, budget: int = BUDGET) -> None:
        self.rows = tuple(rows)
        self.n = rows[0].n
        self.seed = seed
        self.budget = budget
        self.width = sum(each.width for each in rows)
        self.kept = 8 * self.n * self.width <= budget
        self._made: dict[Hashable, Any] = {}
        self._large: OrderedDict[Hashable, tuple[torch.Tensor, int]] = OrderedDict()

    @property
    def blocks(self) -> str:
        """How blocks of rows lie, for the words of an interval."""
        return "random blocks of rows" if self.kept else "contiguous blocks of rows"

    def fingerprint(self, i: int) -> torch.Tensor | None:
        """What tells equal rows of a representation, as `repeats.fingerprint` says it."""
        return self.once(
            ("fingerprint", i), lambda: found_once(self.rows[i].owner, lambda: fingerprint_of(self.rows[i].spans))
        )

    def groups(self) -> torch.Tensor | None:
        """Which rows are equal in all representations."""
        return self.once("groups", lambda: groups_of(self.fingerprint(i) for i in range(len(self.rows))))

    def distinct(self, i: int, j: int) -> int:
        """How many rows of a pair are distinct."""
        return self.once(
            ("distinct", i, j), lambda: count_groups(groups_of(self.fingerprint(k) for k in (i, j)), self.n)
        )

    def cut(self, count: int) -> Blocks:
        """So many random blocks of rows; one, where there are fewer than four distinct rows for each."""
        return self.once(("cut", count), lambda: _cut(self.n, count, self.groups()))

    def parts(self, count: int, among: torch.Tensor | None = None) -> list[torch.Tensor]:
        """So many random blocks of rows as in `cut`; of some rows alone, by their places among these."""
        if among is None:
            return self.once(("parts", count), lambda: self.cut(count).parts())
        groups = self.groups()
        groups = None if groups is None else torch.unique(groups[among], return_inverse=True)[1]
        return _cut(len(among), count, groups).parts()

    @property
    def edges(self) -> Sequence[int]:
        """Where blocks of rows begin and end in the order of the views."""
        return self.cut(TILE_BLOCKS).edges if self.kept else block_edges(self.n)

    def constant(self, i: int) -> int:
        """How many latents of a representation have one value."""

        def count() -> int:
            first = self.rows[i].read(0, 1)
            same = torch.ones(self.rows[i].width, dtype=torch.bool, device=first.device)
            for span in self.rows[i].spans():
                same &= (span == first).all(0)
            return int(same.sum())

        return self.once(("constant", i), count)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Make something small once."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def within_budget(self, key: Hashable, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Make a tensor once, and again only where newer ones made it go."""
        if key in self._large:
            self._large.move_to_end(key)
            return self._large[key][0]
        made = make()
        size = made.numel() * made.element_size()
        while self._large and sum(each for _, each in self._large.values()) + size > self.budget:
            self._large.popitem(last=False)
        if size <= self.budget:
            self._large[key] = (made, size)
        return made

    def view(self, i: int, name: ViewName) -> View:
        """The rows as a dissimilarity sees them."""
        return self.once(("view", i, name), lambda: self._view(i, name))

    def _view(self, i: int, name: ViewName) -> View:
        return View(self.rows[i], name, order=self.cut(TILE_BLOCKS).order if self.kept else None)

    def views(self, name: ViewName) -> list[View]:
        """Those of all representations."""
        return [self.view(i, name) for i in range(len(self.rows))]

    def neighbours(self, i: int, similarity: SimilarityName, k: int) -> Neighbours:
        """The neighbours of every sample."""
        return self.once(("neighbours", i, similarity, k), lambda: nearest(self.rows[i], similarity, k))

    def judged(
        self, key: Hashable, sums: Callable[[], PairSums], judge: Callable[[Totals], Grid], least: int = 2
    ) -> Judged:
        """The grid of a measure that is a function of sums over pairs of samples.

        Args:
            key: of the sums.
            sums: makes them.
            judge: from sums to values of all pairs.
            least: rows that have to be left.
        """

        def make() -> Judged:
            made = self.once(("sums", key), sums)
            grid = judge(total(made))
            left = []
            if made.blocks > 1 and self.n - self.n // made.blocks - 1 >= least:
                left = [judge(total(made, without=block)).values for block in range(made.blocks)]
            empty = grid.values.new_empty(0, *grid.values.shape)
            return Judged(grid=grid, left_out=torch.stack(left) if left else empty)

        return self.once(("judged", key, judge), make)

    def facts(self, name: str, i: int, j: int) -> dict[str, Any]:
        """What every score of a measure says of its input."""
        x, y = self.rows[i], self.rows[j]
        looked_for = "constant latents" in measure(name).touched_by
        traits = [
            Traits(label=self.rows[k].name, width=self.rows[k].width, constant=self.constant(k) if looked_for else 0)
            for k in (i, j)
        ]
        return {
            "warnings": cautions(name, traits, self.n, self.distinct(i, j)),
            "n": self.n,
            "widths": (x.width, y.width),
            "dtype": x.dtype if x.dtype == y.dtype else f"{x.dtype} and {y.dtype}",
        }


def _cut(n: int, count: int, groups: torch.Tensor | None) -> Blocks:
    return random_blocks(n, count if count_groups(groups, n) >= 4 * count else 1, groups)


def share_arrays(x: Any, y: Any, *, least_rows: int = 2, seed: int = 0) -> Shared:
    """Two arrays with paired rows.

    Raises:
        InputError: one of them is not a matrix of finite real numbers, has too few rows, or not as many as the other.
    """
    return Shared([rows_of_matrix(each) for each in paired(x, y, least_rows=least_rows)], seed=seed)


def share_representations(representations: Sequence[Representation], context: Context) -> Shared:
    """What the evaluators of this family share."""
    return Shared([rows_of_representation(each, context.device) for each in representations], seed=context.seed)
