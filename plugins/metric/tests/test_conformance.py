"""The metric plugin keeps the rules of every plugin."""

from __future__ import annotations

from identify_core.testing import PluginConformance


class TestMetric(PluginConformance):
    plugin = "metric"
