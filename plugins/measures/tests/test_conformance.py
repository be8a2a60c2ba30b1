"""The measures plugin keeps the rules of every plugin."""

from __future__ import annotations

from identify_core.testing import PluginConformance


class TestMeasures(PluginConformance):
    plugin = "measures"
