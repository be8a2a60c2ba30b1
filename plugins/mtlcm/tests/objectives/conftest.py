"""Small problems with known answers, and contexts for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core import Context, Factor, Replicates, Samples, dense_network
from identify_core.testing.contexts import make_context


@attrs.frozen(kw_only=True)
class Problem:
    """Samples, and a run of some replicates on them."""

    samples: Samples
    latents: int
    hidden: tuple[int, ...] = (32,)

    def context(self, folder: Path, *, count: int = 2, **more: Any) -> Context:
        width = self.samples.shape.inputs[0]
        return make_context(
            folder, count=count, model=lambda shape: dense_network([width, *self.hidden, self.latents]), **more
        )

    def replicates(self, context: Context) -> Replicates:
        shape = self.samples.shape
        return Replicates.build(
            lambda r: context.build_model(shape, replicate=r), context.count, device="cpu", dtype=context.dtype
        )


def regression_samples(
    *, wide: bool = False, rows: int = 600, tasks: int = 12, latents: int = 3, observed: int = 6, seed: int = 0
) -> Samples:
    """Noiseless targets that are linear in latents, which are linear in the inputs; a sixth of the rows is held out."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((rows, latents))
    x = z @ random.standard_normal((latents, observed)) + 3.0
    y = z @ random.standard_normal((latents, tasks)) * np.exp(random.standard_normal(tasks)) + random.standard_normal(
        tasks
    )
    task = np.arange(rows) % tasks
    columns = {"x": torch.from_numpy(x).float()}
    if wide:
        columns["y"] = torch.from_numpy(y).float()
    else:
        columns["y"] = torch.from_numpy(y[np.arange(rows), task][:, None]).float()
        columns["task"] = torch.from_numpy(task)
    cut = rows * 5 // 6
    return Samples(
        columns=columns,
        ids=np.arange(rows) + 1000,
        splits={"train": np.arange(cut), "test": np.arange(cut, rows)},
        facts={"tasks": tasks},
        factors={f"z-{j + 1}": Factor(values=z[:, j], kind="continuous") for j in range(latents)},
    )


def causal_samples(*, tasks: int = 40, points: int = 60, latents: int = 4, mix: bool = True, seed: int = 0) -> Samples:
    """Rows of the linear causal model itself: one cause a task, σ_s = 0.1, latents mixed by a random matrix."""
    random = np.random.default_rng(seed)
    z, y = np.empty((tasks, points, latents)), np.empty((tasks, points))
    for t in range(tasks):
        causal = np.arange(latents) == random.integers(latents)
        z[t] = random.standard_normal((points, latents))
        y[t] = z[t] @ np.where(causal, random.standard_normal(latents), 0.0) + 2 * random.standard_normal(points)
        slope = random.uniform(-1, 1, latents)
        z[t] = np.where(causal, z[t], slope * y[t][:, None] + 0.1 * z[t])
    flat = z.reshape(-1, latents)
    mixing = random.standard_normal((latents, latents)) if mix else np.eye(latents)
    rows = np.arange(len(flat))
    return Samples(
        columns={
            "x": torch.from_numpy(flat @ mixing.T).float(),
            "y": torch.from_numpy(y.reshape(-1, 1)).float(),
            "task": torch.arange(tasks).repeat_interleave(points),
        },
        ids=rows,
        splits={"train": rows[rows % 4 != 0], "test": rows[rows % 4 == 0]},
        facts={"tasks": tasks},
        factors={f"z-{j + 1}": Factor(values=flat[:, j], kind="continuous") for j in range(latents)},
    )


@pytest.fixture
def make_regression() -> Callable[..., Samples]:
    return regression_samples


@pytest.fixture
def make_causal() -> Callable[..., Samples]:
    return causal_samples


@pytest.fixture
def make_problem() -> Callable[..., Problem]:
    return Problem


@pytest.fixture
def explained() -> Callable[[Any, Any], float]:
    """The smallest R² of an affine map from rows of the first argument to a column of the second."""

    def smallest(first: Any, second: Any) -> float:
        a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        design = np.column_stack([a, np.ones(len(a))])
        residual = b - design @ np.linalg.lstsq(design, b, rcond=None)[0]
        return float((1 - residual.var(0) / b.var(0)).min())

    return smallest


@pytest.fixture
def matched() -> Callable[[Any, Any], float]:
    """The smallest absolute correlation of the columns of two arrays under their best assignment."""
    from scipy.optimize import linear_sum_assignment

    def smallest(first: Any, second: Any) -> float:
        a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        across = np.abs(np.corrcoef(a.T, b.T)[: a.shape[1], a.shape[1] :])
        return float(across[linear_sum_assignment(-across)].min())

    return smallest
