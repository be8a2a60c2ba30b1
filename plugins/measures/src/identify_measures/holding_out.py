"""Holding out: which rows are fitted on and which judge, with equal rows on one side.

A row that was fitted on and comes again among those that judge tells nothing of what was learned: a map of 30 columns
carries 20 rows onto any 20 others. What is split, and counted, are therefore the distinct rows. One function for the
ladder, for the measures against factors, and for evaluators of other plugins that fit on some rows and judge on others.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from identify_measures.inputs import as_matrix
from identify_measures.repeats import fingerprint, groups_of

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
Marks = np.ndarray[tuple[int], np.dtype[np.bool_]]


@attrs.frozen(kw_only=True, eq=False)
class HeldOut:
    """Distinct rows in random order, the first of which are fitted on.

    Args:
        place: shape (n,): of each row's distinct row in that order; equal rows have equal places.
        fit: how many distinct rows are fitted on.
        distinct: how many distinct rows there are.
    """

    place: Numbers
    fit: int
    distinct: int

    @property
    def fitted(self) -> Marks:
        """Shape (n,): whether a row is fitted on; the others judge."""
        marks: Marks = self.place < self.fit
        return marks

    @property
    def judging(self) -> int:
        """How many distinct rows judge."""
        return self.distinct - self.fit

    @property
    def repeats(self) -> bool:
        """Whether any row comes more than once."""
        return self.distinct < len(self.place)


def hold_out(
    n: int, fraction: float, *, seed: int, groups: Any = None, order: np.ndarray[Any, Any] | None = None
) -> HeldOut:
    """Draw the distinct rows to fit on.

    Args:
        n: rows.
        fraction: the part of the distinct rows to fit on; at least two are left to either side.
        seed: of the draw; the same for the same number of distinct rows.
        groups: of `groups_of`, the group of equal rows that each row belongs to; None where all rows differ.
        order: shape (n,): the place of each row in an order that does not depend on how rows are stored, such as that
            of their ids; None for the order in which they are stored.
    """
    numbers, distinct = _number(n, groups, order)
    place = np.empty(distinct, dtype=np.int64)
    place[np.random.default_rng(seed).permutation(distinct)] = np.arange(distinct)
    fit = max(min(max(round(distinct * fraction), 2), distinct - 2), 0)
    return HeldOut(place=place[numbers], fit=fit, distinct=distinct)


def hold_out_rows(*arrays: Any, fraction: float, seed: int) -> HeldOut:
    """`hold_out` for rows that are equal where they are equal in all of the arrays.

    Args:
        arrays: each of shape (n, d), or (n,) for one column, of the same rows; numpy or torch.
        fraction: the part of the distinct rows to fit on.
        seed: of the draw.

    Raises:
        InputError: an array holds something else than finite real numbers.
    """
    matrices = [as_matrix(each, f"array {i}", least_rows=1) for i, each in enumerate(arrays)]
    groups = groups_of(fingerprint(each.values) for each in matrices)
    return hold_out(matrices[0].n, fraction, seed=seed, groups=groups)


def shuffle_distinct(n: int, groups: Any, generator: np.random.Generator) -> Numbers:
    """Rows to pair with rows 0 to n − 1 at random, such that equal rows are paired with equal ones.

    Args:
        n: rows.
        groups: of `groups_of`; None where all rows differ.
        generator: of the draw.

    Returns:
        Row numbers, shape (n,): a permutation where all rows differ.
    """
    if groups is None:
        return generator.permutation(n)
    _, first, of_row = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
    shuffled: Numbers = first[generator.permutation(len(first))][of_row.reshape(-1)]
    return shuffled


def draw_distinct(rows: np.ndarray[Any, Any], groups: Any, generator: np.random.Generator) -> Numbers:
    """As many distinct rows as there are, drawn with replacement, each with the rows that repeat it.

    Args:
        rows: numbers of the rows to draw from.
        groups: of `groups_of`, for all rows; None where all rows differ.
        generator: of the draw.

    Returns:
        Row numbers; as many as `rows` where all of them differ.
    """
    if groups is None:
        drawn: Numbers = generator.choice(rows, len(rows))
        return drawn
    _, of_row, counts = np.unique(np.asarray(groups)[rows], return_inverse=True, return_counts=True)
    members = np.split(rows[np.argsort(of_row.reshape(-1), kind="stable")], np.cumsum(counts)[:-1])
    return np.concatenate([members[each] for each in generator.integers(len(members), size=len(members))])


def _number(n: int, groups: Any, order: np.ndarray[Any, Any] | None) -> tuple[Numbers, int]:
    """The number of each row's distinct row, from 0, where the first of the equal rows stands in `order`."""
    places: Numbers = np.arange(n) if order is None else order
    if groups is None:
        return places, n
    of_row = np.asarray(groups)
    first = np.full(int(of_row.max()) + 1, n, dtype=np.int64)
    np.minimum.at(first, of_row, places)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[of_row], len(first)
