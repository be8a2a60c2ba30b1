"""Splitting: which rows maps are fitted on, and into which blocks the rows that judge them fall."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

LEAST_ROWS = 4
"""Two rows to fit on, and two blocks of one row to judge with."""

Marks = np.ndarray[tuple[int], np.dtype[np.bool_]]
Places = np.ndarray[tuple[int], np.dtype[np.int64]]

_FIT = -1


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """A random part of the rows to fit on; the others, in blocks of equal size.

    Args:
        part: shape (n,): −1 for a row of the fit part, the number of its block for another.
        blocks: how many blocks there are.
        places: shape (n,): of each row among all in the order of their ids; None where they are in that order.
    """

    part: np.ndarray[tuple[int], np.dtype[np.int16]]
    blocks: int
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
    def fit_count(self) -> int:
        """Rows of the fit part."""
        return int(self.fitted.sum())


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


def split_rows(n: int, *, fraction: float, blocks: int, seed: int, places: Places | None = None) -> Split:
    """Split n rows at random, so that the order of the rows means nothing.

    Args:
        n: rows, at least four.
        fraction: of the fit part; at least two rows fall into either part.
        blocks: of the other rows; each gets at least one row.
        seed: of the split; the same for every pair, so that their residuals can be compared.
        places: of `places_of` the rows' ids.
    """
    fit = min(max(round(n * fraction), 2), n - 2)
    order = np.random.default_rng(seed).permutation(n)
    blocks = min(blocks, n - fit)
    part = np.full(n, _FIT, dtype=np.int16)
    part[order[fit:]] = np.arange(n - fit) % blocks
    return Split(part=part if places is None else part[places], blocks=blocks, places=places)


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
