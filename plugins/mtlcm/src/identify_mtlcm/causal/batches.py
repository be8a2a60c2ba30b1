"""Batches: rows as the solver `adam` sees them, in blocks to gather statistics from and in shuffled mini-batches."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import torch

from identify_core import row_blocks
from identify_mtlcm.causal.frame import Frame
from identify_mtlcm.causal.pairs import shuffled
from identify_mtlcm.causal.statistics import Block, Moments, TaskStatistics
from identify_mtlcm.options.causal import CausalOptions
from identify_mtlcm.tasks import TaskRows

_BLOCK = 8192


def blocks_of(h: torch.Tensor, rows: TaskRows) -> Iterator[Block]:
    """One block where each row has its own task; a few thousand rows at a time where every row has every task."""
    if rows.task is not None:
        yield h, rows.targets, rows.task
        return
    for block in row_blocks(len(h), _BLOCK):
        yield h[block], rows.targets[block], None


@attrs.frozen(kw_only=True, eq=False)
class Batches:
    """Rows as the model sees them, in mini-batches whose moments are gathered by task.

    Args:
        h: (n, d), as it came.
        rows: the targets.
        offsets: what centring takes off h in each task, (T, d) or (1, d).
        target_offsets: what it takes off the targets, (T,).
        scaling: S, (r, d).
    """

    h: torch.Tensor
    rows: TaskRows
    offsets: torch.Tensor
    target_offsets: torch.Tensor
    scaling: torch.Tensor

    @classmethod
    def of(
        cls, h: torch.Tensor, rows: TaskRows, statistics: TaskStatistics, frame: Frame, options: CausalOptions
    ) -> Batches:
        """With the offsets that the options ask for."""
        offsets = {
            "per-task": statistics.means.expand(statistics.count, -1),
            "global": statistics.centre[None],
            "none": torch.zeros_like(statistics.centre)[None],
        }[options.centring]
        per_task = options.centring == "per-task"
        targets = statistics.target_means if per_task else torch.zeros_like(statistics.target_means)
        return cls(h=h, rows=rows, offsets=offsets, target_offsets=targets, scaling=frame.scaling)

    @property
    def count(self) -> int:
        """Pairs of a row and a task, missing targets included."""
        return len(self.h) * (self.rows.count if self.rows.task is None else 1)

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, Moments]]:
        """The tasks of each batch, (m,), and the moments of its rows in them; batches without targets are left out."""
        for drawn in shuffled(self.count, size, generator):
            numbers = drawn.to(self.h.device)
            if self.rows.task is None:
                row, task = numbers // self.rows.count, numbers % self.rows.count
                targets = self.rows.targets[row, task].double()
            else:
                row, task = numbers, self.rows.task[numbers]
                targets = self.rows.targets[row].double()
            seen = ~targets.isnan()
            if bool(seen.any()):
                yield self._moments(row[seen], task[seen], targets[seen])

    def _moments(self, row: torch.Tensor, task: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, Moments]:
        offsets = self.offsets[task] if len(self.offsets) > 1 else self.offsets
        x = (self.h[row].double() - offsets) @ self.scaling.T
        y = targets - self.target_offsets[task]
        present, place = torch.unique(task, return_inverse=True)
        m, d = len(present), x.shape[1]
        outer = (x[:, :, None] * x[:, None, :]).flatten(1)
        return present, Moments(
            counts=torch.bincount(place, minlength=m).double(),
            second=x.new_zeros(m, d * d).index_add_(0, place, outer).view(m, d, d),
            cross=x.new_zeros(m, d).index_add_(0, place, y[:, None] * x),
            energy=x.new_zeros(m).index_add_(0, place, y.square()),
        )
