"""The version of the core, which all distributions of this repository share while it is 0.x."""

from __future__ import annotations

__version__ = "0.1.0"
