"""The quantization plugin keeps the rules of every plugin."""

from __future__ import annotations

from identify_core.testing import PluginConformance


class TestQuantization(PluginConformance):
    plugin = "quantization"
