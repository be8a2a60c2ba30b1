"""Statistics: what the likelihood needs of each task's rows, gathered in one pass over blocks of rows.

The likelihood of the linear causal model depends on the rows of task t only through their number n, the sums
Σ h hᵀ, Σ y h, Σ y² and, where there are intercepts, Σ h and Σ y. They are kept as means and as moments about the means,
and blocks are merged by the update of Chan, Golub & LeVeque (1983), so that float32 inputs with a mean far from zero
lose nothing. Where every task sees the same rows, the second moment of h is one matrix for all tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import attrs
import torch

from identify_core import OptionsError

Block = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]
Centring = Literal["per-task", "global", "none"]
_OUTER_PRODUCTS = 2**20  # numbers in the products of a part of a block: 8 MiB
_ROUNDING = 1e-24  # of a mean square: targets that vary less are constant in float64


@attrs.frozen(kw_only=True, eq=False)
class Moments:
    """Sums over the rows of each task, about the centre that was chosen; float64.

    Args:
        counts: n, (T,).
        second: H = Σ h hᵀ, (T, d, d), or one (d, d) that holds for every task.
        cross: b = Σ y h, (T, d).
        energy: s = Σ y², (T,).
        spent: degrees of freedom that the centring took from each task: 0 or 1.
    """

    counts: torch.Tensor
    second: torch.Tensor
    cross: torch.Tensor
    energy: torch.Tensor
    spent: int = 0

    @property
    def width(self) -> int:
        """d."""
        return self.cross.shape[1]

    @property
    def shared(self) -> bool:
        """Whether every task sees the same rows."""
        return self.second.ndim == 2

    def pooled(self) -> torch.Tensor:
        """The second moment of all rows together, (d, d), a mean."""
        if self.shared:
            return self.second / self.counts[0]
        return self.second.sum(0) / self.counts.sum()

    def seen_through(self, matrix: torch.Tensor) -> Moments:
        """The moments of M h for a matrix M (k, d)."""
        return attrs.evolve(self, second=matrix @ self.second @ matrix.T, cross=self.cross @ matrix.T)

    def seconds(self, start: int, stop: int) -> torch.Tensor:
        """H of tasks `start` to `stop`, (stop - start, d, d)."""
        if self.shared:
            return self.second.expand(min(stop, len(self.counts)) - start, -1, -1)
        return self.second[start:stop]


@attrs.frozen(kw_only=True, eq=False)
class TaskStatistics:
    """What the likelihood needs of the rows of T tasks; float64, on the device of the rows.

    Args:
        counts: rows of each task, (T,).
        means: the mean of h in each task, (T, d), or one (d,) where every task sees the same rows.
        target_means: the mean of y in each task, (T,).
        second: Σ (h − mean)(h − mean)ᵀ, (T, d, d) or one (d, d).
        cross: Σ (y − mean)(h − mean), (T, d).
        energy: Σ (y − mean)², (T,).
    """

    counts: torch.Tensor
    means: torch.Tensor
    target_means: torch.Tensor
    second: torch.Tensor
    cross: torch.Tensor
    energy: torch.Tensor

    @property
    def count(self) -> int:
        """The number of tasks, T."""
        return len(self.counts)

    @property
    def width(self) -> int:
        """The width of the representation, d."""
        return self.cross.shape[1]

    @property
    def shared(self) -> bool:
        """Whether every task sees the same rows."""
        return self.second.ndim == 2

    @property
    def constant(self) -> torch.Tensor:
        """Which tasks have a target that does not vary, bool (T,)."""
        return self.energy <= _ROUNDING * self.counts * self.target_means.square()

    @property
    def centre(self) -> torch.Tensor:
        """The mean of h over all rows of all tasks, (d,)."""
        if self.shared:
            return self.means
        return (self.counts[:, None] * self.means).sum(0) / self.counts.sum()

    def moments(self, centring: Centring) -> Moments:
        """The sums about the mean of each task, about one mean of h, or about zero.

        About the mean of each task (of h and of y) they are those of the likelihood with a free intercept in each task,
        at the intercepts' maximum. About one mean of h, the targets stay as they are.
        """
        if centring == "per-task":
            energy = torch.where(self.constant, 0.0, self.energy)
            cross = torch.where(self.constant[:, None], 0.0, self.cross)
            return Moments(counts=self.counts, second=self.second, cross=cross, energy=energy, spent=1)
        offsets = self.means - self.centre if centring == "global" else self.means
        n = self.counts if not self.shared else self.counts[0]
        targets = (self.counts * self.target_means)[:, None]
        return Moments(
            counts=self.counts,
            second=self.second + n[..., None, None] * offsets[..., :, None] * offsets[..., None, :],
            cross=self.cross + targets * offsets,
            energy=self.energy + self.counts * self.target_means.square(),
        )


def gather_statistics(blocks: Iterable[Block], count: int) -> TaskStatistics:
    """The statistics of rows that come in blocks, in one pass; memory does not grow with the rows.

    Args:
        blocks: (h (m, d), targets, task): with `task` (m,) int64 the targets are (m,) or (m, 1), one task a row;
            with None they are (m, T), every task on every row. NaN targets are missing. Where none is missing and
            `task` is None, the second moment is one (d, d) matrix for all tasks; otherwise one for each.
        count: the number of tasks, T.

    Raises:
        OptionsError: h is not finite, a target is infinite, shapes do not fit, or a task has no row.
    """
    total: TaskStatistics | None = None
    for h, targets, task in blocks:
        if not bool(torch.isfinite(h).all()):
            raise OptionsError(
                "the representation holds NaN or infinite values", hint="look at the training that made it"
            )
        part = _of_tasks(h, targets, task, count) if task is not None else _of_rows(h, targets, count)
        total = part if total is None else _merge(total, part)
    if total is None:
        raise OptionsError("there are no rows to gather statistics from")
    empty = (total.counts == 0).nonzero().flatten().tolist()
    if empty:
        raise OptionsError(f"{named_tasks(empty)} of {count} has no row with a target")
    return total


def _of_tasks(h: torch.Tensor, targets: torch.Tensor, task: torch.Tensor, count: int) -> TaskStatistics:
    """Rows that belong to one task each."""
    flat = targets.reshape(len(targets), -1)
    if not len(h) == len(flat) == len(task) or flat.shape[1] != 1:
        raise OptionsError(
            f"a block of {len(h)} rows has targets of shape {tuple(targets.shape)} and {len(task)} task numbers; "
            "it needs one of each a row"
        )
    keep = ~flat[:, 0].isnan()
    order = torch.argsort(task[keep], stable=True)
    x, y, of = h[keep][order].double(), flat[keep, 0][order].double(), task[keep][order]
    _check_targets(y)
    if len(of) and not 0 <= int(of[0]) <= int(of[-1]) < count:
        raise OptionsError(
            f"task numbers go from {int(of[0])} to {int(of[-1])}; with {count} tasks they are 0 to {count - 1}"
        )
    present, sizes = torch.unique_consecutive(of, return_counts=True)
    d = h.shape[1]
    zeros = torch.zeros(count, d, d, dtype=torch.float64, device=h.device)
    result = TaskStatistics(
        counts=zeros[:, 0, 0].clone(),
        means=zeros[:, 0].clone(),
        target_means=zeros[:, 0, 0].clone(),
        second=zeros,
        cross=zeros[:, 0].clone(),
        energy=zeros[:, 0, 0].clone(),
    )
    lengths = sizes.tolist()
    for t, rows, values in zip(present.tolist(), torch.split(x, lengths), torch.split(y, lengths), strict=True):
        mean, target_mean = rows.mean(0), values.mean()
        centred, deviations = rows - mean, values - target_mean
        result.counts[t] = len(rows)
        result.means[t], result.target_means[t] = mean, target_mean
        result.second[t] = centred.T @ centred
        result.cross[t] = deviations @ centred
        result.energy[t] = deviations @ deviations
    return result


def _of_rows(h: torch.Tensor, targets: torch.Tensor, count: int) -> TaskStatistics:
    """Rows that every task sees; a missing target takes the row out of its task."""
    if targets.shape != (len(h), count):
        raise OptionsError(
            f"a block of {len(h)} rows has targets of shape {tuple(targets.shape)}; "
            f"without task numbers they are ({len(h)}, {count})"
        )
    x, y = h.double(), targets.double()
    seen = ~y.isnan()
    _check_targets(y[seen])
    counts = seen.sum(0).double()
    divisor = counts.clamp_min(1.0)
    target_means = torch.where(seen, y, 0.0).sum(0) / divisor
    deviations = torch.where(seen, y - target_means, 0.0)
    reference = x.mean(0) if len(x) else x.sum(0)
    x = x - reference
    cross = deviations.T @ x  # the deviations sum to zero, so that any origin of h serves
    energy = deviations.square().sum(0)
    if bool(seen.all()):
        return TaskStatistics(
            counts=counts, means=reference, target_means=target_means, second=x.T @ x, cross=cross, energy=energy
        )
    weights, d = seen.T.double(), x.shape[1]
    offsets = weights @ x / divisor[:, None]
    second = x.new_zeros(count, d * d)
    step = max(1, _OUTER_PRODUCTS // (d * d))
    for start in range(0, len(x), step):
        rows = x[start : start + step]
        second += weights[:, start : start + step] @ (rows[:, :, None] * rows[:, None, :]).flatten(1)
    spread = second.view(count, d, d) - counts[:, None, None] * offsets[:, :, None] * offsets[:, None, :]
    return TaskStatistics(
        counts=counts,
        means=reference + offsets,
        target_means=target_means,
        second=spread,
        cross=cross,
        energy=energy,
    )


def _merge(first: TaskStatistics, second: TaskStatistics) -> TaskStatistics:
    """The statistics of the rows of both: Chan, Golub & LeVeque (1983), equation 1.5, for covariances."""
    if first.width != second.width:
        raise OptionsError(f"blocks of widths {first.width} and {second.width} are not of one representation")
    if first.shared != second.shared:
        first, second = _by_task(first), _by_task(second)
    counts = first.counts + second.counts
    divisor = counts.clamp_min(1.0)
    share, harmonic = second.counts / divisor, first.counts * second.counts / divisor
    step, target_step = second.means - first.means, second.target_means - first.target_means
    of_h = (share[0], harmonic[0]) if first.shared else (share[:, None], harmonic[:, None, None])
    return TaskStatistics(
        counts=counts,
        means=first.means + of_h[0] * step,
        target_means=first.target_means + share * target_step,
        second=first.second + second.second + of_h[1] * step[..., :, None] * step[..., None, :],
        cross=first.cross + second.cross + (harmonic * target_step)[:, None] * step,
        energy=first.energy + second.energy + harmonic * target_step.square(),
    )


def _by_task(statistics: TaskStatistics) -> TaskStatistics:
    if not statistics.shared:
        return statistics
    count = statistics.count
    return attrs.evolve(
        statistics, means=statistics.means.expand(count, -1), second=statistics.second.expand(count, -1, -1)
    )


def _check_targets(values: torch.Tensor) -> None:
    if bool(values.isinf().any()):
        raise OptionsError("the targets hold infinite values; a missing target is NaN")


def named_tasks(tasks: list[int]) -> str:
    """Tasks by their numbers, for messages."""
    shown = ", ".join(str(each) for each in tasks[:8]) + (", …" if len(tasks) > 8 else "")
    return f"task {shown}" if len(tasks) == 1 else f"each of tasks {shown}"
