"""Batches: which rows every replicate sees, as a pure function of the step, so that a resumed run agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, Self

import torch

from identify_core.contexts.streams import Streams
from identify_core.data.mapped import MappedColumn, to_device
from identify_core.errors import OptionsError
from identify_core.kinds import check_option

Order = Literal["sequential", "shuffled", "shuffled-each"]


class Batches:
    """Cuts columns into batches.

    A column on the device is gathered there. One that is elsewhere, in the host's memory or in a file, is gathered
    where it is, and its rows go to the device; such batches are made by a second thread while the step before them
    runs. Batches are the same bits wherever their columns are. Close them, or use them in a `with` block.

    Args:
        columns: name to tensor (n, ...) or mapped column.
        size: rows a batch; None for all rows at once.
        order: `sequential` walks through the rows as they stand; `shuffled` draws one order an epoch for all
            replicates; `shuffled-each` draws one for each replicate from its own stream. Each epoch has a new order.
        drop_last: whether a last batch of fewer rows is left out; otherwise it is kept, short as it is.
        streams: the run's random streams.
        name: of the stream of orders.
        own: name to tensor (R, n, ...): columns of which each replicate sees its own part.
        device: where batches are needed; by default where the first tensor among the columns is.
        dtype: of the floating-point numbers of mapped columns.

    Raises:
        OptionsError: the columns differ in length or are empty, or no batch is left.
    """

    def __init__(
        self,
        columns: Mapping[str, torch.Tensor | MappedColumn],
        size: int | None,
        order: Order,
        *,
        drop_last: bool,
        streams: Streams,
        name: str,
        own: Mapping[str, torch.Tensor] | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._own = dict(own or {})
        rows_of = {key: len(column) for key, column in columns.items()}
        rows_of |= {key: column.shape[1] for key, column in self._own.items()}
        lengths = set(rows_of.values())
        if len(lengths) != 1 or 0 in lengths:
            sizes = ", ".join(f"{key} {rows}" for key, rows in rows_of.items()) or "none"
            raise OptionsError(f"training needs columns of one length, at least one row each; given: {sizes}")
        check_option("order", order, Order)
        self.rows = lengths.pop()
        size = self.rows if size is None else size
        if size < 1 or (drop_last and size > self.rows):
            raise OptionsError(f"a batch of {size} rows cannot be cut from {self.rows} rows")
        self._columns = dict(columns)
        self._device = device or _device_of([*columns.values(), *self._own.values()])
        self._dtype = dtype
        self.order: Order = order if size < self.rows else "sequential"
        ends = range(size, self.rows + 1, size) if drop_last else range(size, self.rows + size, size)
        self._cuts = [(end - size, min(end, self.rows)) for end in ends]
        self._streams = streams
        self._name = name
        self._orders: tuple[tuple[int, tuple[int, ...]], dict[torch.device, torch.Tensor]] = ((-1, ()), {})
        near = [
            isinstance(each, torch.Tensor) and each.device == self._device
            for each in [*columns.values(), *self._own.values()]
        ]
        self._ahead = None if all(near) else ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: tuple[Any, Future[dict[str, torch.Tensor]]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ahead is not None:
            self._ahead.shutdown(cancel_futures=True)

    @property
    def shared(self) -> bool:
        """Whether all replicates see the same batch."""
        return self.order != "shuffled-each"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that are not the replicates' own."""
        return tuple(self._columns)

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names of the columns of which each replicate sees its own part."""
        return tuple(self._own)

    def rows_at(self, step: int) -> int:
        """How many rows the batch of one step has."""
        start, end = self._cuts[step % len(self._cuts)]
        return end - start

    def cut(self, start: int, end: int) -> dict[str, torch.Tensor]:
        """Rows as they stand: name to (b, ...), and to (R, b, ...) of the replicates' own."""
        return self._sequential(start, end, None)

    def at(
        self, step: int, replicates: Sequence[int], positions: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """The batch of one step: name to (b, ...), or to (R, b, ...) where it is not shared.

        Args:
            step: from 0.
            replicates: the numbers of the replicates that are still training.
            positions: which rows of the columns of one's own are theirs, (R,); None for all of them.
        """
        who = tuple(replicates)
        if self._ahead is None:
            return self._make(step, who, positions)
        made = self._settle((step, who))
        batch = self._make(step, who, positions) if made is None else made
        self._next = ((step + 1, who), self._ahead.submit(self._make, step + 1, who, positions))
        return batch

    def _settle(self, wanted: Any) -> dict[str, torch.Tensor] | None:
        """Wait for the batch that is being made; give it if it is the one that is wanted."""
        if self._next is None:
            return None
        (found, future), self._next = self._next, None
        batch = future.result()
        return batch if found == wanted else None

    def _make(self, step: int, replicates: tuple[int, ...], positions: torch.Tensor | None) -> dict[str, torch.Tensor]:
        epoch, position = divmod(step, len(self._cuts))
        start, end = self._cuts[position]
        if self.order == "sequential":
            return self._sequential(start, end, positions)
        batch = {}
        for key, column in self._columns.items():
            rows = self._order(epoch, replicates, _place(column))[..., start:end]
            batch[key] = self._here(column, rows)
        for key, column in self._own.items():
            rows = self._order(epoch, replicates, column.device)[..., start:end]
            who = torch.arange(len(column)) if positions is None else positions
            batch[key] = to_device(column[who.to(column.device)[:, None], rows], self._device)
        return batch

    def _sequential(self, start: int, end: int, positions: torch.Tensor | None) -> dict[str, torch.Tensor]:
        batch = {key: self._here(column, slice(start, end)) for key, column in self._columns.items()}
        for key, column in self._own.items():
            part = column[:, start:end]
            batch[key] = to_device(part if positions is None else part[positions.to(part.device)], self._device)
        return batch

    def _here(self, column: torch.Tensor | MappedColumn, rows: slice | torch.Tensor) -> torch.Tensor:
        if isinstance(column, MappedColumn):
            return column.take(rows, device=self._device, dtype=self._dtype)
        return to_device(column[rows], self._device)

    def _order(self, epoch: int, replicates: tuple[int, ...], device: torch.device) -> torch.Tensor:
        """The order of the rows in one epoch, (n,) or (R, n), on a device."""
        if self._orders[0] != (epoch, replicates):
            self._orders = ((epoch, replicates), {torch.device("cpu"): self._draw(epoch, replicates)})
        known = self._orders[1]
        if device not in known:
            known[device] = known[torch.device("cpu")].to(device)
        return known[device]

    def _draw(self, epoch: int, replicates: tuple[int, ...]) -> torch.Tensor:
        name = f"{self._name}/epoch-{epoch}"
        if self.order == "shuffled":
            return torch.randperm(self.rows, generator=self._streams.torch(name))
        return torch.stack(
            [torch.randperm(self.rows, generator=self._streams.torch(name, each)) for each in replicates]
        )


def _place(column: torch.Tensor | MappedColumn) -> torch.device:
    """Where a column's rows are gathered."""
    return torch.device("cpu") if isinstance(column, MappedColumn) else column.device


def _device_of(columns: Sequence[torch.Tensor | MappedColumn]) -> torch.device:
    tensors = [each for each in columns if isinstance(each, torch.Tensor)]
    return tensors[0].device if tensors else torch.device("cpu")
