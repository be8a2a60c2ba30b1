"""TaskRows: the targets of many tasks, in either of two layouts, checked once where samples come in."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch

from identify_core import OptionsError, Samples

_SHOWN = 5


@attrs.frozen(kw_only=True, eq=False)
class TaskRows:
    """Targets of n rows in T tasks.

    Either each row belongs to one task, or every row has one target a task; NaN is a missing target in both.

    Args:
        targets: (n,) where each row belongs to one task, else (n, T).
        task: the task of each row, (n,), int64; None where every row has a target in every task.
        count: T.
        names: one name a task.
    """

    targets: torch.Tensor
    task: torch.Tensor | None
    count: int
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, rows: np.ndarray[Any, Any] | torch.Tensor | slice) -> TaskRows:
        """Some rows, in the given order."""
        index = rows if isinstance(rows, slice) else torch.as_tensor(rows, device=self.targets.device)
        task = None if self.task is None else self.task[index]
        return attrs.evolve(self, targets=self.targets[index], task=task)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> TaskRows:
        """The same on a device, the targets in `dtype` if it is given."""
        task = None if self.task is None else self.task.to(device)
        return attrs.evolve(self, targets=self.targets.to(device=device, dtype=dtype), task=task)

    def observed_counts(self) -> torch.Tensor:
        """How many targets each task has, (T,), int64."""
        present = ~self.targets.isnan()
        if self.task is None:
            return present.sum(0)
        return torch.zeros(self.count, dtype=torch.long, device=present.device).index_add_(0, self.task, present.long())

    def observed_count(self) -> int:
        """How many targets there are in all tasks together."""
        return int((~self.targets.isnan()).sum())

    def ranges(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The smallest and the largest target of each task, (T,) each; infinite the wrong way round where none is."""
        missing = self.targets.isnan()
        low, high = self.targets.masked_fill(missing, torch.inf), self.targets.masked_fill(missing, -torch.inf)
        if self.task is None:
            return low.amin(0), high.amax(0)
        start = self.targets.new_full((self.count,), torch.inf)
        lowest = start.scatter_reduce(0, self.task, low, reduce="amin")
        return lowest, (-start).scatter_reduce(0, self.task, high, reduce="amax")


def task_rows(samples: Samples, *, learnable: bool = True) -> TaskRows:
    """The targets of samples as `TaskRows`, on the samples' own device.

    Args:
        samples: with a column `y`: (n,) or (n, 1) next to an integer column `task`, or (n, T) without one; the fact
            `tasks`, where it is given, is T; the truth `task-names`, where it is given, names them.
        learnable: whether every task must have targets that vary, as training needs; evaluation may do with less.

    Raises:
        OptionsError: there are no targets or no rows, the columns do not fit each other, a target is infinite, or,
            where they must be learnable, a task has no target or only equal ones.
    """
    if not len(samples):
        raise OptionsError("there are no rows, so that no task has a target", hint="choose a split that has rows")
    column = samples.columns.get("y")
    if not isinstance(column, torch.Tensor):
        raise OptionsError(
            "the samples have no numeric column 'y', so that there are no tasks to learn from",
            hint="choose a dataset with targets, such as linear, nonlinear, superconduct or qm9",
        )
    targets = column if column.is_floating_point() else column.to(torch.get_default_dtype())
    task, stated = samples.columns.get("task"), samples.facts.get("tasks")
    rows = _every_task_on_every_row(targets, stated) if task is None else _one_task_a_row(targets, task, stated)
    rows = attrs.evolve(rows, names=_names(samples, rows.count))
    infinite = rows.targets.isinf().sum().item()
    if infinite:
        raise OptionsError(
            f"{infinite:,} targets are infinite", hint="a missing target is NaN; anything else must be finite"
        )
    if learnable:
        _check_learnable(rows)
    return rows


def _every_task_on_every_row(targets: torch.Tensor, stated: object) -> TaskRows:
    if targets.ndim > 2:
        raise OptionsError(f"the column 'y' has shape {tuple(targets.shape)}; it must be (n,), (n, 1) or (n, tasks)")
    targets = targets.reshape(len(targets), -1)
    count = targets.shape[1]
    if stated is not None and stated != count:
        hint = "with one task a row, an integer column 'task' says which" if count == 1 else ""
        raise OptionsError(f"the column 'y' has {count} columns, but the samples state {stated} tasks", hint=hint)
    return TaskRows(targets=targets, task=None, count=count, names=())


def _one_task_a_row(targets: torch.Tensor, task: object, stated: object) -> TaskRows:
    if not isinstance(task, torch.Tensor) or task.is_floating_point() or task.dtype is torch.bool or task.ndim != 1:
        kind = "text"
        if isinstance(task, torch.Tensor):
            kind = f"{str(task.dtype).removeprefix('torch.')} of shape {tuple(task.shape)}"
        raise OptionsError(f"the column 'task' is {kind}; it must be one whole number a row")
    if targets.numel() != len(targets):
        raise OptionsError(
            f"the column 'y' has shape {tuple(targets.shape)} next to a column 'task'; with one task a row it must be "
            "(n,) or (n, 1)",
            hint="leave the column 'task' out where every row has a target in every task",
        )
    lowest, highest = int(task.min()), int(task.max())
    count = stated if isinstance(stated, int) else highest + 1
    if lowest < 0 or highest >= count:
        raise OptionsError(
            f"the column 'task' holds numbers from {lowest} to {highest}, but with {count} tasks they must lie between "
            f"0 and {count - 1}"
        )
    return TaskRows(targets=targets.reshape(-1), task=task.long(), count=count, names=())


def _names(samples: Samples, count: int) -> tuple[str, ...]:
    given = samples.truths.get("task-names")
    if given is None:
        return tuple(str(number) for number in range(count))
    names = tuple(str(each) for each in given.values.tolist())
    if len(names) != count:
        raise OptionsError(f"the samples name {len(names)} tasks, but there are {count}")
    return names


def _check_learnable(rows: TaskRows) -> None:
    empty = (rows.observed_counts() == 0).nonzero().flatten().tolist()
    if empty:
        raise OptionsError(
            f"{_listed(rows, empty)} without any target", hint="leave such tasks out, or take rows that have targets"
        )
    low, high = rows.ranges()
    # Equal up to rounding: a constant that went through a standardisation may differ in its last digits.
    resolution = 4 * torch.finfo(rows.targets.dtype).eps
    constant = (high - low <= resolution * torch.maximum(low.abs(), high.abs())).nonzero().flatten().tolist()
    if constant:
        raise OptionsError(
            f"{_listed(rows, constant)} whose targets are all equal: nothing can be learned from them",
            hint="leave such tasks out, or take more rows",
        )


def _listed(rows: TaskRows, tasks: list[int]) -> str:
    """'there are 7 tasks (a, b, c, d, e, ...)', for messages."""
    names = ", ".join(rows.names[each] for each in tasks[:_SHOWN]) + (", ..." if len(tasks) > _SHOWN else "")
    return f"there {'is a task' if len(tasks) == 1 else f'are {len(tasks)} tasks'} ({names})"
