"""Splitting: which rows maps are fitted on, and into which blocks the rows that judge them fall."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from identify_measures.holding_out import Marks, hold_out
from identify_measures.repeats import count_groups

LEAST_ROWS = 4
"""Two distinct rows to fit on, and two blocks of one distinct row to judge with."""

Places = np.ndarray[tuple[int], np.dtype[np.int64]]

_FIT = -1


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """A random part of the distinct rows to fit on; the others, in blocks of as many distinct rows.

    Args:
        part: shape (n,): −1 for a row of the fit part, the number of its block for another.
        blocks: how many blocks there are.
        distinct: distinct rows among all.
        fit_count: distinct rows of the fit part.
        places: shape (n,): of each row among all in the order of their ids; None where they are in that order.
    """

    part: np.ndarray[tuple[int], np.dtype[np.int16]]
    blocks: int
    distinct: int
    fit_count: int
    places: Places | None = None

    @property
    def n(self) -> int:
        """All rows."""
        return len(self.part)

    @property
    def fitted(self) -> Marks:
        """Shape (n,): whether a row belongs to the fit part."""
        marks: Marks = self.part == _FIT
        return marks

    @property
    def held_count(self) -> int:
        """Distinct rows that judge."""
        return self.distinct - self.fit_count


def places_of(ids: np.ndarray[Any, Any]) -> Places | None:
    """The place of each row in the order of the ids; None where the rows are in that order already.

    What is drawn at random is drawn for places, so that the same samples stored in another order are split the same.
    """
    order = np.argsort(ids, kind="stable")
    if bool((order[1:] > order[:-1]).all()):
        return None
    places: Places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    return places


def split_rows(
    n: int, *, fraction: float, blocks: int, seed: int, places: Places | None = None, groups: Any = None
) -> Split | None:
    """Split n rows at random, so that the order of the rows means nothing, with equal rows in one part.

    Args:
        n: rows.
        fraction: of the fit part; at least two distinct rows fall into either part.
        blocks: of the other rows; each gets at least one distinct row.
        seed: of the split; the same for every pair, so that their residuals can be compared.
        places: of `places_of` the rows' ids.
        groups: of `groups_of`, which rows are equal; None where all differ.

    Returns:
        The split; None where there are fewer than four distinct rows.
    """
    if count_groups(groups, n) < LEAST_ROWS:
        return None
    held = hold_out(n, fraction, seed=seed, groups=groups, order=places)
    blocks = min(blocks, held.judging)
    part = np.where(held.fitted, _FIT, (held.place - held.fit) % blocks).astype(np.int16)
    return Split(part=part, blocks=blocks, distinct=held.distinct, fit_count=held.fit, places=places)


def sample_rows(among: Marks, count: int, *, seed: int, places: Places | None = None) -> Marks:
    """A random choice of at most `count` of the marked rows, as marks of shape (n,)."""
    rows = np.flatnonzero(among)
    if len(rows) <= count:
        return among
    if places is not None:
        rows = rows[np.argsort(places[rows])]
    chosen = np.zeros(len(among), dtype=bool)
    chosen[np.random.default_rng(seed).choice(rows, count, replace=False)] = True
    return chosen
