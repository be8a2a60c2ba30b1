"""Optimisers: light option records here, and in `updates` what they do to the parameters of all replicates at once."""

from __future__ import annotations

from identify_core.optimisers.records import Adam, Optimiser, Sgd, optimiser

__all__ = ["Adam", "Optimiser", "Sgd", "optimiser"]
