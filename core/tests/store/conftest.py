"""A store with runs in it, made without training anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.data import Factor, Latents, Samples
from identify_core.findings import Finding, LabelledArray, Table
from identify_core.store import RunSummary, RunWriter, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").create()


@pytest.fixture
def samples() -> Samples:
    return Samples(
        columns={"x": torch.arange(40.0).reshape(20, 2)},
        ids=np.arange(100, 120),
        splits={"train": np.arange(12), "test": np.array([19, 13, 15])},
        factors={"angle": Factor(values=np.linspace(0, 6, 20), kind="circular")},
        facts={"noise": 0.5, "source": "drawn", "largest": float("inf")},
    )


@pytest.fixture
def finding() -> Finding:
    return Finding(
        name="plane",
        summary="The set is a surface.",
        scalars={"dimension": 2, "loss": float("nan"), "verdict": "nan", "holds": True, "nothing": None},
        tables={"axes": Table(columns=("axis", "size"), rows=[("a", 1.5), ("b", float("-inf"))], units={"size": "m"})},
        arrays={"grid": LabelledArray(values=np.eye(3), dimensions=("u", "v"), summary="loss")},
        conventions={"loss": "mean over samples"},
        warnings=("few points",),
    )


@pytest.fixture
def write_run(store: Store, samples: Samples, finding: Finding) -> Callable[..., RunSummary]:
    """Write a small run of every kind of content and commit it, unless told not to."""

    def write(name: str = "shells", plugin: str = "toy", *, commit: bool = True, **fields: Any) -> RunSummary:
        with RunWriter.create(store, name=name, plugin=plugin) as writer:
            writer.write_spec(f'name = "{name}"\n')
            writer.write_document({"provenance": {"python": "3.11"}, "warnings": ["slow"], **fields})
            writer.write_samples(samples)
            values = torch.arange(18.0).reshape(2, 3, 3)
            writer.write_latents(Latents(name="hidden-1", values=values, split="test"), identified_up_to="linear")
            writer.write_weights({"parameters/0.weight": torch.ones(2, 3), "buffers/mean": torch.zeros(2, 1)})
            writer.write_history({"loss": (np.arange(4), np.arange(8.0).reshape(4, 2))})
            writer.write_finding("subspace", finding, evaluator="toy:subspace", options={"points": 3})
            if commit:
                writer.commit()
            identifier = writer.id
        return store.find(identifier)

    return write
