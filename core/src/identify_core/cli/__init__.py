"""The command line: `identify VERB ...`, one light module a verb."""

from __future__ import annotations

from identify_core.cli.root import main

__all__ = ["main"]
