"""Optimisers and schedules: light records here, and in `updates` what they do to all replicates at once."""

from __future__ import annotations

from identify_core.optimisers.records import Adam, Adamax, Optimiser, Sgd, optimiser
from identify_core.optimisers.schedules import Schedule

__all__ = ["Adam", "Adamax", "Optimiser", "Schedule", "Sgd", "optimiser"]
