"""Training: a loop over gradient steps that objectives may use, with stopping, history, checkpoints and resume."""

from __future__ import annotations

from identify_core.training.fitting import fit, squared_error
from identify_core.training.standing import FitResult, Reason
from identify_core.training.turns import Group, Turn

__all__ = ["FitResult", "Group", "Reason", "Turn", "fit", "squared_error"]
