"""The measures plugin keeps the rules of every plugin."""

from __future__ import annotations

from typing import ClassVar

from identify_core.testing import PluginConformance

_THRESHOLD = "only a latent scaled below 0.05 of the largest spread is left out, which no moderate scaling reaches"


class TestMeasures(PluginConformance):
    plugin = "measures"
    # Trees break ties between latents by their order.
    tolerance: ClassVar = {"evaluator:dci": 0.02}
    skip: ClassVar = {
        "invariances-complete evaluator:dci": (
            "its trees see a latent's order alone, up to where thresholds fall between rows: bending moves little"
        ),
        "invariances-complete evaluator:factor-vae": _THRESHOLD,
        "invariances-complete evaluator:inactive-completeness": _THRESHOLD,
        "row-order evaluator:minibatch-cka": "its batches are rows in the order given, by its definition",
    }
