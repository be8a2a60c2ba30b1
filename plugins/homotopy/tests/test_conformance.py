"""The homotopy plugin keeps the rules of every plugin."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from identify_core.testing import PluginConformance


class TestHomotopy(PluginConformance):
    plugin = "homotopy"

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _sentences(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        path: Path = tmp_path_factory.mktemp("sentences") / "own.tsv"
        path.write_text("sentence\tlabel\n" + "".join(f"sentence number {k}\t{k % 2}\n" for k in range(20)))
        cls.options: ClassVar = {"dataset:text-file": {"path": str(path)}}
