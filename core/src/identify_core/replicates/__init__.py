"""Replicates: R copies of one module as stacked parameters, run together with torch.func or one after the other."""

from __future__ import annotations

from identify_core.replicates.execution import Batch, Call, Loss, Replicates, Strategy
from identify_core.replicates.layout import Layout, layout_of
from identify_core.replicates.recordings import pure

__all__ = ["Batch", "Call", "Layout", "Loss", "Replicates", "Strategy", "layout_of", "pure"]
