"""Training: a loop over gradient steps that objectives may use, with stopping, history, checkpoints and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from identify_core.doors import lazy_names

if TYPE_CHECKING:
    from identify_core.training.fitting import fit as fit
    from identify_core.training.fitting import squared_error as squared_error
    from identify_core.training.standing import FitResult as FitResult
    from identify_core.training.standing import Reason as Reason
    from identify_core.training.turns import Group as Group
    from identify_core.training.turns import Turn as Turn

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "fitting": ("fit", "squared_error"),
        "standing": ("FitResult", "Reason"),
        "turns": ("Group", "Turn"),
    },
)
