"""The mtlcm plugin keeps the rules of every plugin; its measured data where their files are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from identify_core.testing import PluginConformance

SHARED = Path(__file__).parents[4] / "shared" / "data"
_ABSENT = {} if SHARED.is_dir() else {"dataset:superconduct": "needs its files", "dataset:qm9": "needs its files"}


class TestMtlcm(PluginConformance):
    plugin = "mtlcm"
    options: ClassVar = {
        "dataset:superconduct": {"folder": str(SHARED), "subset": 500, "unlabelled": "drop"},
        "dataset:qm9": {"folder": str(SHARED), "subset": 200},
    }
    skip: ClassVar = {**_ABSENT, **({} if SHARED.is_dir() else {"model:egnn": "reads molecules, whose files it needs"})}
