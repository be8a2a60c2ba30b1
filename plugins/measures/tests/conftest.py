"""Known truths: a full grid of factors, codes that keep them apart, and group elements."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def grid() -> np.ndarray:
    """Every combination of 3, 4 and 5 values, six times: factors are independent exactly, shape (360, 3)."""
    axes = np.meshgrid(range(3), range(4), range(5), range(6), indexing="ij")
    return np.stack([axis.reshape(-1) for axis in axes[:3]], axis=1)


@pytest.fixture
def noisy(grid: np.ndarray) -> np.ndarray:
    """A code that keeps factors apart with noise, and one latent that knows nothing, shape (360, 4)."""
    random = np.random.default_rng(0)
    clean = np.concatenate([grid - grid.mean(axis=0), np.zeros((len(grid), 1))], axis=1)
    return clean + 0.5 * random.normal(size=clean.shape)


@pytest.fixture(scope="session")
def reference() -> tuple[np.ndarray, np.ndarray, dict[str, dict[str, float]]]:
    """Codes, factors, and the agreed values of the measures on them."""
    if not (DATA / "measures_reference.npz").exists():
        pytest.skip("the reference values are not here")
    arrays = np.load(DATA / "measures_reference.npz")
    values = json.loads((DATA / "measures_reference.json").read_text())
    return arrays["dis.codes.noisy"], arrays["dis.factors"], values


@pytest.fixture(scope="session")
def vaes() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Posterior means of eight published VAEs on 2,880 dSprites, and their factors."""
    path = DATA / "disvae_latents_dsprites_sub2880.npz"
    if not path.exists():
        pytest.skip("the latents of the published VAEs are not here")
    arrays = np.load(path)
    names = [name for name in arrays.files if name.endswith("__mu")]
    return {name.removesuffix("_dsprites__mu").removesuffix("__mu"): arrays[name] for name in names}, arrays[
        "latents_classes"
    ]
