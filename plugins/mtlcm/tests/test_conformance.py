"""The mtlcm plugin keeps the rules of every plugin; on measured data too, where their files are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from identify_core.testing import PluginConformance

SHARED = Path(__file__).parents[4] / "shared" / "data"


class TestMtlcm(PluginConformance):
    plugin = "mtlcm"
    options: ClassVar = (
        {
            "dataset:superconduct": {"folder": str(SHARED), "subset": 500},
            "dataset:qm9": {"folder": str(SHARED), "subset": 200},
        }
        if SHARED.is_dir()
        else {}
    )
    skip: ClassVar = {"model:egnn": ""} if SHARED.is_dir() else {}
