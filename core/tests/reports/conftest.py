"""Stored runs for the tests of the report, made with the real writer and read with the real reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.findings import Figure, Finding
from identify_core.reports.figures import house_style, new_figure
from identify_core.store import RunWriter, Store, StoredRun

SPEC = """\
format = 1
name = "shells"
seed = 7

[dataset]
type = "toy:lines"
samples = 64  # half of them for testing

[objective]
type = "toy:regression"
learning_rate = 1e-3
"""

MakeRun = Callable[..., StoredRun]
Draw = Callable[..., Figure]


def _draw(name: str = "slice", caption: str = "Loss along a line.", interactive: str | None = None) -> Figure:
    with house_style():
        static, axes = new_figure(width=2, height=1.5)
        axes.plot([0, 1, 2], [0, 1, 4], label="a")
        axes.set(xlabel="x", ylabel="y (units)")
    return Figure(name=name, caption=caption, static=static, interactive=interactive)


@pytest.fixture
def draw() -> Draw:
    """Draws a small figure in the house style."""
    return _draw


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Makes a committed run from findings, figures and history; one with interactive views needs plotly."""

    def make(
        findings: Mapping[str, Finding] | None = None,
        figures: Mapping[str, Figure] | None = None,
        history: Mapping[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] | None = None,
        *,
        name: str = "shells",
        spec: str = SPEC,
        document: Mapping[str, Any] | None = None,
        evaluator: str = "toy:whole",
        options: Mapping[str, Any] | None = None,
    ) -> StoredRun:
        if any(figure.interactive for figure in (figures or {}).values()):
            pytest.importorskip("plotly")
        store = Store(tmp_path / "store")
        with RunWriter.create(store, name=name, plugin="toy") as writer:
            writer.write_spec(spec)
            writer.write_document({"seed": 7, "replicates": 3, "seconds": {"wall": 83.4}, **(document or {})})
            writer.write_history(history or {})
            for label, finding in (findings or {}).items():
                writer.write_finding(label, finding, evaluator=evaluator, options=options or {})
            for label, figure in (figures or {}).items():
                writer.write_figure(label, figure)
            return StoredRun.open(writer.commit())

    return make
