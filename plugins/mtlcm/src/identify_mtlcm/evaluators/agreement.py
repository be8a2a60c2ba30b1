"""How far latents agree with the true ones: over all tasks with one assignment, and task by task as the study did."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from identify_core import Context
from identify_mtlcm.evaluators.alignment import Array, align

WEAK, PEARSON, SPEARMAN = "measures:weak-mcc", "measures:pearson-mcc", "measures:spearman-mcc"
CONSULTED = (WEAK, PEARSON, SPEARMAN)

_FEWEST_ROWS = 3  # of a task: two rows correlate perfectly


@attrs.frozen(kw_only=True)
class Agreement:
    """Mean correlation coefficients with the true latents; None where one was not asked for or cannot be had.

    Args:
        weak: of the canonical variates, Pearson, over all tasks.
        strong: Pearson, over all tasks with one assignment.
        strong_ranks: Spearman, over all tasks with one assignment.
        per_task: Spearman, with an assignment of its own in every task, averaged over tasks.
        remarks: what a reader should know of these numbers.
    """

    weak: float | None
    strong: float | None
    strong_ranks: float | None
    per_task: float | None
    remarks: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Judge:
    """Compares latents of the same rows with the true ones; the scores over all tasks are the measures plugin's.

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
        if not np.isfinite(latents).all():
            remark = f"{int((~np.isfinite(latents).all(1)).sum()):,} rows are not finite"
            return Agreement(weak=None, strong=None, strong_ranks=None, per_task=None, remarks=(remark,))
        remarks = []
        width, true = latents.shape[1], self.truth.shape[1]
        if width != true:
            remarks.append(f"{width} latents against {true} true ones: the means are over {min(width, true)} matches")
        values: dict[str, float | None] = {}
        # No interval is shown, so none is computed.
        settings: dict[str, dict[str, Any]] = {
            WEAK: {"interval": "never"},
            PEARSON: {"interval": "never"},
            SPEARMAN: {"interval": False},
        }
        for name, options in settings.items():
            values[name] = None
            if self.context.can_score(name):
                score = self.context.score(name, self.truth[self.pooled], latents[self.pooled], **options)
                values[name] = score.value
                remarks.extend((*score.warnings, *([score.reason] if score.reason else [])))
        return Agreement(
            weak=values[WEAK],
            strong=values[PEARSON],
            strong_ranks=values[SPEARMAN],
            per_task=task_by_task(self.truth, latents, self.task) if self.per_task and self.task is not None else None,
            remarks=tuple(dict.fromkeys(remarks)),
        )


def task_by_task(truth: Array, latents: Array, task: Array) -> float | None:
    """The study's figure: mean rank correlation under an assignment of its own in every task, averaged over tasks.

    Tasks of fewer than three rows do not count; None where no other is left. A latent that is constant within a task
    counts as zero there.

    Args:
        truth: (n, d).
        latents: (n, d').
        task: of each row, (n,).
    """
    from scipy.stats import rankdata

    order = np.argsort(task, kind="stable")
    starts = np.flatnonzero(np.diff(task[order])) + 1
    values = [
        np.abs(align(rankdata(truth[rows], axis=0), rankdata(latents[rows], axis=0)).correlations).mean()
        for rows in np.split(order, starts)
        if len(rows) >= _FEWEST_ROWS
    ]
    return float(np.mean(values)) if values else None


def random_mixing(width: int, generator: np.random.Generator) -> Array:
    """A matrix of independent normal numbers, (d, d): what the study calls a random mixing."""
    return generator.standard_normal((width, width))
