"""Batches: which rows every replicate sees, as a pure function of the step, so that a resumed run agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch

from identify_core.contexts.streams import Streams
from identify_core.errors import OptionsError
from identify_core.kinds import check_option

Order = Literal["sequential", "shuffled", "shuffled-each"]


class Batches:
    """Cuts columns into batches.

    Args:
        columns: name to tensor (n, ...), all on one device.
        size: rows a batch; None for all rows at once.
        order: `sequential` walks through the rows as they stand; `shuffled` draws one order an epoch for all
            replicates; `shuffled-each` draws one for each replicate from its own stream. Every epoch begins again.
        drop_last: whether a last batch of fewer rows is left out; otherwise it is kept, short as it is.
        streams: the run's random streams.
        name: of the stream of orders.
        own: name to tensor (R, n, ...): columns of which each replicate sees its own part.

    Raises:
        OptionsError: the columns differ in length or are empty, or no batch is left.
    """

    def __init__(
        self,
        columns: Mapping[str, torch.Tensor],
        size: int | None,
        order: Order,
        *,
        drop_last: bool,
        streams: Streams,
        name: str,
        own: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        self.own = dict(own or {})
        rows_of = {key: len(column) for key, column in columns.items()}
        rows_of |= {key: column.shape[1] for key, column in self.own.items()}
        lengths = set(rows_of.values())
        if len(lengths) != 1 or 0 in lengths:
            sizes = ", ".join(f"{key} {rows}" for key, rows in rows_of.items()) or "none"
            raise OptionsError(f"training needs columns of one length, at least one row each; given: {sizes}")
        check_option("order", order, Order)
        self.rows = lengths.pop()
        size = self.rows if size is None else size
        if size < 1 or (drop_last and size > self.rows):
            raise OptionsError(f"a batch of {size} rows cannot be cut from {self.rows} rows")
        self.columns = dict(columns)
        self.order: Order = order if size < self.rows else "sequential"
        self._size = size
        ends = range(size, self.rows + 1, size) if drop_last else range(size, self.rows + size, size)
        self._cuts = [(end - size, min(end, self.rows)) for end in ends]
        self._streams = streams
        self._name = name
        self._epoch = -1
        self._replicates: tuple[int, ...] = ()
        self._permutation = torch.empty(0, dtype=torch.long)
        self._slices: list[dict[str, torch.Tensor]] = []
        if self.order == "sequential":
            self._slices = [{key: column[a:b] for key, column in columns.items()} for a, b in self._cuts]

    @property
    def shared(self) -> bool:
        """Whether all replicates see the same batch."""
        return self.order != "shuffled-each"

    def rows_at(self, step: int) -> int:
        """How many rows the batch of one step has."""
        start, end = self._cuts[step % len(self._cuts)]
        return end - start

    def at(
        self, step: int, replicates: Sequence[int], positions: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """The batch of one step: name to (b, ...), or to (R, b, ...) where it is not shared.

        Args:
            step: from 0.
            replicates: the numbers of the replicates that are still training.
            positions: which rows of the columns of one's own are theirs, (R,); None for all of them.
        """
        epoch, position = divmod(step, len(self._cuts))
        start, end = self._cuts[position]
        if self._slices:
            own = {key: column[:, start:end] for key, column in self.own.items()}
            if positions is not None:
                own = {key: column[positions] for key, column in own.items()}
            return self._slices[position] | own
        if epoch != self._epoch or tuple(replicates) != self._replicates:
            self._epoch, self._replicates = epoch, tuple(replicates)
            self._permutation = self._draw(epoch)
        rows = self._permutation[..., start:end]
        batch = {key: column[rows] for key, column in self.columns.items()}
        for key, column in self.own.items():
            who = torch.arange(len(column), device=rows.device) if positions is None else positions
            batch[key] = column[who[:, None], rows]
        return batch

    def _draw(self, epoch: int) -> torch.Tensor:
        name = f"{self._name}/epoch-{epoch}"
        device = next(iter(self.columns.values())).device
        if self.order == "shuffled":
            return torch.randperm(self.rows, generator=self._streams.torch(name)).to(device)
        orders = [torch.randperm(self.rows, generator=self._streams.torch(name, each)) for each in self._replicates]
        return torch.stack(orders).to(device)
