"""Data: samples, the latents that are kept of them, and fingerprints of both."""

from __future__ import annotations

from identify_core.data.latents import Latents
from identify_core.data.samples import Factor, Samples, Shape

__all__ = ["Factor", "Latents", "Samples", "Shape"]
