"""The evaluator `task-rank`: how many directions of a representation the tasks can determine, and which add none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from identify_core import Context, Finding, LabelledArray, RunSubject, Subject, Table
from identify_mtlcm.evaluators.alignment import Array
from identify_mtlcm.objectives.spectrum import target_correlations
from identify_mtlcm.options.evaluators import TaskRankOptions
from identify_mtlcm.tasks import task_rows


@attrs.frozen(kw_only=True, eq=False)
class TaskOrder:
    """Tasks in an order in which each adds the most to those before it.

    Args:
        order: numbers of the tasks, (T,).
        unexplained: the share of each one's variance that the tasks before it leave unexplained, (T,), descending.
    """

    order: Array
    unexplained: Array


def order_tasks(correlations: Array) -> TaskOrder:
    """Cholesky factorisation with complete pivoting of the targets' correlations.

    The pivot of step k is the variance of a task given those before it (Golub & Van Loan, Matrix Computations, 4.2.8),
    so that the number of pivots above a tolerance is the rank, and the tasks after them are linear functions of them.

    Args:
        correlations: (T, T), positive semi-definite.
    """
    left = correlations.astype(np.float64).copy()
    order, unexplained = [], []
    open_tasks = list(range(len(left)))
    while open_tasks:
        variances = left[open_tasks, open_tasks]
        task = open_tasks[int(np.argmax(variances))]
        pivot = max(float(left[task, task]), 0.0)
        order.append(task)
        unexplained.append(pivot)
        open_tasks.remove(task)
        if pivot > np.finfo(np.float64).eps * len(left):
            left -= np.outer(left[:, task], left[task]) / pivot
    return TaskOrder(order=np.array(order), unexplained=np.array(unexplained))


def evaluate(options: TaskRankOptions, subject: Subject, context: Context) -> Finding:
    """The rank of the targets and of the heads, against the number of latents.

    Heads W of full column rank determine a representation up to a linear map; of rank r they determine r directions of
    it. Targets on the same rows bound that rank from the data alone.

    Raises:
        OptionsError: the samples have no tasks.
    """
    run = subject.run
    assert run is not None  # arity is "run"
    train = run.samples.split("train") if "train" in run.samples.splits else run.samples
    tasks = task_rows(train, learnable=False)
    correlations = target_correlations(tasks)
    width = max((each.shape[1] for group in run.latents.values() for each in group), default=0)
    scalars: dict[str, Any] = {"tasks": tasks.count, "latents": width}
    tables, arrays = {}, {}
    if correlations is not None:
        found = order_tasks(correlations.cpu().numpy())
        eigenvalues = np.linalg.eigvalsh(correlations.cpu().numpy())[::-1].clip(min=0)
        scalars["task-rank"] = _rank(np.sqrt(eigenvalues), options.tolerance)
        tables["tasks"] = _table(found, tasks.names)
        arrays["target-spectrum"] = LabelledArray(
            values=np.sqrt(eigenvalues),
            dimensions=("direction",),
            summary="square roots of the eigenvalues of the targets' correlations, descending",
        )
    spectra = _head_spectra(run)
    if spectra is not None:
        scalars["head-rank"] = min(_rank(each, options.tolerance) for each in spectra)
        arrays["head-spectra"] = LabelledArray(
            values=spectra, dimensions=("replicate", "direction"), summary="singular values of the predictions"
        )
    return Finding(
        summary=_summary(scalars, tables.get("tasks"), options.tolerance),
        scalars=scalars,
        tables=tables,
        arrays=arrays,
        conventions={
            "rank": f"directions with a singular value above {options.tolerance:g} of the largest",
            "targets": "standardised; a correlation is over the training rows that have both targets",
            "heads": "predictions of all tasks, each in units of its targets' spread",
        },
        warnings=_warnings(scalars),
    )


def _rank(values: Array, tolerance: float) -> int:
    return int((values > tolerance * values.max()).sum()) if len(values) and values.max() > 0 else 0


def _head_spectra(run: RunSubject) -> Array | None:
    heads = run.findings.get("heads")
    if heads is None or "singular-values" not in heads.arrays:
        return None
    values: Array = heads.arrays["singular-values"].values
    return values


def _table(found: TaskOrder, names: Sequence[str]) -> Table:
    return Table(
        columns=("place", "task", "unexplained"),
        rows=[
            (place + 1, names[task], share)
            for place, (task, share) in enumerate(zip(found.order.tolist(), found.unexplained, strict=True))
        ],
        caption="Tasks in the order in which each adds the most; unexplained is the share of the variance of a target "
        "that the targets before it leave open.",
    )


def _summary(scalars: dict[str, Any], tasks: Table | None, tolerance: float) -> str:
    parts = []
    if "task-rank" in scalars:
        parts.append(f"the {scalars['tasks']} targets have rank {scalars['task-rank']}")
    if "head-rank" in scalars:
        parts.append(f"the heads see {scalars['head-rank']} of {scalars['latents']} directions")
    if not parts:
        parts.append(
            f"each row has the target of one of {scalars['tasks']} tasks and no heads were trained: no rank is known"
        )
    if tasks is not None:
        idle = [str(row[1]) for row in tasks.rows if isinstance(row[2], float) and row[2] <= tolerance]
        if idle:
            shown = ", ".join(idle[:6]) + (", ..." if len(idle) > 6 else "")
            parts.append(f"nearly linear in the others: {shown}")
    return "; ".join(parts)


def _warnings(scalars: dict[str, Any]) -> tuple[str, ...]:
    ranks = [scalars[key] for key in ("task-rank", "head-rank") if key in scalars]
    if ranks and scalars["latents"] > min(ranks):
        return (
            f"the tasks determine about {min(ranks)} of {scalars['latents']} latent directions; the others are not "
            "identified",
        )
    return ()
