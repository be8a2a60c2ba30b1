"""How far latents agree with the true ones: over all tasks with one assignment, and task by task as the study did."""

from __future__ import annotations

import math

import attrs
import numpy as np

from identify_core.run.context import Context
from identify_mtlcm.evaluators.alignment import Array

WEAK, PEARSON, SPEARMAN = "measures:weak-mcc", "measures:pearson-mcc", "measures:spearman-mcc"
CONSULTED = (WEAK, PEARSON, SPEARMAN)


@attrs.frozen(kw_only=True)
class Agreement:
    """Mean correlation coefficients with the true latents.

    Args:
        weak: of the canonical variates, Pearson, over all tasks.
        strong: Pearson, over all tasks with one assignment.
        strong_ranks: Spearman, over all tasks with one assignment.
        per_task: Spearman, with an assignment of its own in every task, averaged over tasks; None where it was not
            asked for or tasks have too few rows.
        remarks: what the measures warn of.
    """

    weak: float
    strong: float
    strong_ranks: float
    per_task: float | None
    remarks: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Judge:
    """Compares latents of the same rows with the true ones; the scores are the measures plugin's.

    Args:
        truth: (n, d).
        task: the task of each row, (n,); None where every row belongs to all tasks.
        pooled: the rows that count over all tasks together.
        per_task: whether to give the study's figure too.
        context: of the evaluator.
    """

    truth: Array
    task: Array | None
    pooled: Array
    per_task: bool
    context: Context

    def agreement(self, latents: Array) -> Agreement:
        """Of latents (n, d') with the true ones."""
        truth, estimate = self.truth[self.pooled], latents[self.pooled]
        weak = self.context.score(WEAK, truth, estimate, interval="never")
        strong = self.context.score(PEARSON, truth, estimate, interval="never")
        ranks = self.context.score(SPEARMAN, truth, estimate, interval=False)
        remarks = (*weak.warnings, *strong.warnings, *(each.reason for each in (weak, strong, ranks) if each.reason))
        return Agreement(
            weak=weak.value,
            strong=strong.value,
            strong_ranks=ranks.value,
            per_task=self._per_task(latents) if self.per_task and self.task is not None else None,
            remarks=tuple(dict.fromkeys(remarks)),
        )

    def _per_task(self, latents: Array) -> float | None:
        assert self.task is not None
        order = np.argsort(self.task, kind="stable")
        starts = np.flatnonzero(np.diff(self.task[order])) + 1
        values = []
        for rows in np.split(order, starts):
            if len(rows) > 2:
                score = self.context.score(SPEARMAN, self.truth[rows], latents[rows], interval=False)
                if math.isfinite(score.value):
                    values.append(score.value)
        return float(np.mean(values)) if values else None


def random_mixing(width: int, generator: np.random.Generator) -> Array:
    """A matrix of independent normal numbers, (d, d): what the study calls a random mixing."""
    return generator.standard_normal((width, width))
