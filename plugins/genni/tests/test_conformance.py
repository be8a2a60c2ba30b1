"""The genni plugin keeps the rules of every plugin."""

from __future__ import annotations

from typing import ClassVar

from identify_core.testing import PluginConformance


class TestGenni(PluginConformance):
    plugin = "genni"
    options: ClassVar = {
        "dataset:function": {"function": "torch:sin"},
        "model:module": {"factory": "torch.nn:Linear", "arguments": {"in_features": 1, "out_features": 1}},
    }
