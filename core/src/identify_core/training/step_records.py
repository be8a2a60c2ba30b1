"""StepRecord: what each step gave, held back as tensors on the device until the history is next written."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from identify_core.contexts.context import Context
from identify_core.training.plan import Plan


@attrs.frozen(kw_only=True, eq=False)
class Entry:
    """One step of the replicates at work.

    Args:
        step: from 1.
        active: who trained when the step began, (R,), bool.
        moved: whose parameters changed, (R,), bool.
        losses: before the update, (R,).
        slopes: the norms of the gradients, (R,).
        norms: the norms of the parameters after the update, (R,).
        extras: the loss's further numbers by name, (R,) each.
    """

    step: int
    active: torch.Tensor
    moved: torch.Tensor
    losses: torch.Tensor
    slopes: torch.Tensor
    norms: torch.Tensor
    extras: Mapping[str, torch.Tensor]


class StepRecord:
    """Entries since the history was last written.

    Args:
        plan: says which steps are logged, and under which names.
        count: the number of all replicates.
        turn: in front of the series; empty for the only turn.
    """

    def __init__(self, plan: Plan, count: int, *, turn: str) -> None:
        self._plan = plan
        self._prefix = f"{turn}-" if turn else ""
        self._count = count
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Keep an entry if its step is logged."""
        if self._plan.logged(entry.step):
            self._entries.append(entry)

    def flush(self, context: Context, rows: torch.Tensor) -> None:
        """Write the entries into the history, NaN for replicates that had stopped.

        Args:
            context: of the run.
            rows: which of all replicates the entries belong to.
        """
        entries, self._entries = self._entries, []
        if not entries:
            return
        active = torch.stack([each.active for each in entries])
        series = {
            "loss": self._lay_out([each.losses for each in entries], active, rows),
            "gradient-norm": self._lay_out([each.slopes for each in entries], active, rows),
            "parameter-norm": self._lay_out(
                [each.norms for each in entries], torch.stack([each.moved for each in entries]), rows
            ),
        }
        for name in entries[0].extras:
            series[name] = self._lay_out([each.extras[name] for each in entries], active, rows)
        named = {self._plan.history_name(self._prefix + name): values for name, values in series.items()}
        for position, entry in enumerate(entries):
            context.log(entry.step, **{name: values[position] for name, values in named.items()})

    def _lay_out(self, values: list[torch.Tensor], known: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Steps by all replicates, (S, R), from values of some of them."""
        stacked = torch.stack(values)
        shown = torch.where(known, stacked, torch.nan)
        if len(rows) == self._count:
            return shown
        everyone = torch.full((len(values), self._count), torch.nan, dtype=shown.dtype, device=shown.device)
        everyone[:, rows] = shown
        return everyone
