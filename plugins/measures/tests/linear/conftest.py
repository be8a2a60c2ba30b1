"""Paired arrays with known relations, and the published reference values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SHARED = Path(__file__).parents[5] / "shared" / "data"


@pytest.fixture(scope="session")
def reference() -> Mapping[str, Any]:
    """The arrays of the reference file by name, and its values under `values`."""
    if not (SHARED / "measures_reference.npz").exists():
        pytest.skip("the reference values are not at hand")
    with np.load(SHARED / "measures_reference.npz") as arrays:
        found: dict[str, Any] = {name: arrays[name] for name in arrays.files}
    found["values"] = json.loads((SHARED / "measures_reference.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def pair() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Two noisy images of common latents, (400, 6) and (400, 4), with means that are not zero."""
    rng = np.random.default_rng(3)
    common = rng.normal(size=(400, 3))
    x = common @ rng.normal(size=(3, 6)) + 0.7 * rng.normal(size=(400, 6)) + 2.0
    y = common @ rng.normal(size=(3, 4)) + 0.5 * rng.normal(size=(400, 4)) - 1.0
    return x, y
