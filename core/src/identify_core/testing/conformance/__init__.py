"""Conformance: the rules that every plugin keeps, each a record and a plain function; two thin faces ask them.

`PluginConformance` asks them under pytest, `identify check-plugin` from the shell.
"""

from __future__ import annotations

from identify_core.testing.conformance.catalogue import CHECKS
from identify_core.testing.conformance.record import Check, NotApplicable, Result, Settings

__all__ = ["CHECKS", "Check", "NotApplicable", "Result", "Settings"]
