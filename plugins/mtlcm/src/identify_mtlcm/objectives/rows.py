"""Rows: inputs and targets of one split on the run's device, and blocks of representations of any length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, OptionsError, Replicates, Samples
from identify_mtlcm.options.regression import Keep
from identify_mtlcm.tasks import TaskRows, task_rows

ROWS_AT_ONCE = 8192


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Inputs and targets of the same rows, on the run's device.

    Args:
        inputs: (n, ...).
        tasks: of the same rows.
        numbers: of the rows among all samples, (n,).
    """

    inputs: torch.Tensor
    tasks: TaskRows
    numbers: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.inputs)


def rows_of_split(samples: Samples, split: str, context: Context, *, learnable: bool = True) -> Rows:
    """One split's inputs and targets.

    Args:
        samples: of the run.
        split: its name.
        context: of the run.
        learnable: as in `task_rows`.

    Raises:
        OptionsError: the split is missing or empty, an input is not finite, or `task_rows` refuses the targets.
    """
    numbers = rows_named(samples, split)
    part = samples.rows(numbers)
    tasks = task_rows(part, learnable=learnable).to(context.device, context.dtype)
    return Rows(inputs=finite_inputs(part, context), tasks=tasks, numbers=numbers)


def rows_named(samples: Samples, split: Keep | str) -> np.ndarray[Any, Any]:
    """The row numbers of a split, or of all rows for `all`.

    Raises:
        OptionsError: there is no such split, or nothing is in it.
    """
    if split == "all":
        return np.arange(len(samples))
    numbers = samples.splits.get(split)
    if numbers is None or not len(numbers):
        there = ", ".join(f"{name} ({len(rows)})" for name, rows in sorted(samples.splits.items())) or "none"
        raise OptionsError(
            f"the samples have no rows in the split {split!r}; their splits: {there}",
            hint='choose another dataset, or where it is about what is stored, keep = "all"',
        )
    return numbers


def finite_inputs(samples: Samples, context: Context) -> torch.Tensor:
    """The column `x` on the run's device and in its dtype.

    Raises:
        OptionsError: there is none, or it is not finite.
    """
    column = samples.columns.get("x")
    if column is None or isinstance(column, tuple):
        raise OptionsError("the samples have no numeric column 'x', so that there is nothing to represent")
    inputs = samples.tensor("x").to(device=context.device, dtype=context.dtype)
    wrong = int((~inputs.flatten(1).isfinite().all(1)).sum())
    if wrong:
        raise OptionsError(
            f"{wrong:,} rows of the column 'x' hold NaN or infinite values",
            hint="leave these rows out of the dataset, or fill them in",
        )
    return inputs


def represent(replicates: Replicates, replicate: int, inputs: torch.Tensor) -> Iterator[torch.Tensor]:
    """The representation of one replicate, (m, d) a block, in evaluation mode; the same in runs of any count."""
    module = replicates.module(replicate).eval()
    with torch.no_grad():
        for block in torch.split(inputs, ROWS_AT_ONCE):
            yield module(block)


def represent_all(replicates: Replicates, inputs: torch.Tensor) -> torch.Tensor:
    """The representations of all replicates, (R, n, d)."""
    encoded: torch.Tensor = replicates.encode(inputs, batch_size=ROWS_AT_ONCE)
    return encoded


def width_of(replicates: Replicates, inputs: torch.Tensor) -> int:
    """The width of what an encoder gives.

    Raises:
        OptionsError: it does not give one vector a row.
    """
    h = next(represent(replicates, 0, inputs[:2]))
    if h.ndim != 2:
        raise OptionsError(
            f"the encoder gives {tuple(h.shape)} for {len(inputs[:2])} rows; it must give one vector a row, (n, d)",
            hint="choose an encoder, such as mlp or egnn",
        )
    return h.shape[1]
