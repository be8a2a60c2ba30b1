"""Groups: rows of a finite table that share the value of a factor, from which batches are drawn."""

from __future__ import annotations

import attrs
import numpy as np

from identify_measures.factors.measuring import Generator, Undefined
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor


@attrs.frozen(kw_only=True, eq=False)
class Groups:
    """The rows of one factor, sorted by its classes; only classes with enough rows.

    Args:
        rows: row numbers, those of a class next to each other.
        starts: where the class of each of them begins in `rows`, aligned with `rows`.
        sizes: how many rows the class of each of them has, aligned with `rows`.
    """

    rows: Array
    starts: Array
    sizes: Array

    def batches(self, count: int, size: int, generator: Generator) -> Array:
        """Row numbers, shape (count, size): each line drawn with replacement within the class of a random row."""
        chosen = generator.integers(len(self.rows), size=count)
        within = (generator.random((count, size)) * self.sizes[chosen][:, None]).astype(np.int64)
        drawn: Array = self.rows[self.starts[chosen][:, None] + within]
        return drawn

    def pairs(self, count: int, size: int, generator: Generator) -> tuple[Array, Array]:
        """Two arrays of row numbers, shape (count, size): random rows, and for each another row of its class."""
        place = generator.integers(len(self.rows), size=(count, size))
        start, length = self.starts[place], self.sizes[place]
        step = 1 + (generator.random((count, size)) * (length - 1)).astype(np.int64)
        other = start + (place - start + step) % length
        return self.rows[place], self.rows[other]


def group_rows(study: Study, least_rows: int) -> tuple[list[Groups], list[str]]:
    """The groups of every factor, and what was left out.

    Raises:
        Undefined: a factor has fewer than two values that enough rows share.
    """
    found, notes = [], []
    for factor in study.truth:
        counts = np.bincount(factor.labels, minlength=factor.classes)
        enough = counts >= least_rows
        if enough.sum() < 2:
            raise Undefined(_too_few(factor, counts, least_rows))
        small = int(((counts > 0) & ~enough).sum())
        if small:
            notes.append(f"{small} values of {factor.name} with fewer than {least_rows} rows are never held fixed")
        order = np.argsort(factor.labels, kind="stable")
        order = order[enough[factor.labels[order]]]
        labels = factor.labels[order]
        first = np.cumsum(counts * enough) - counts * enough
        found.append(Groups(rows=order, starts=first[labels], sizes=counts[labels]))
    return found, notes


def _too_few(factor: TrueFactor, counts: Array, least_rows: int) -> str:
    what = "values" if factor.discrete else "bins"
    return (
        f"{factor.name} has {int((counts >= least_rows).sum())} {what} that {least_rows} rows share, out of "
        f"{int((counts > 0).sum())}: batches that hold it fixed need more rows, fewer bins, or its kind"
    )
