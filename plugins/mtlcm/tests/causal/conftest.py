"""Data from the model itself, generated in a few lines of numpy that share nothing with the plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from identify_mtlcm.causal.statistics import TaskStatistics, gather_statistics


@attrs.frozen(kw_only=True, eq=False)
class Generated:
    """Rows of many tasks: h (n, d), y (n,), task (n,), with the truth: z, A, causal (T, d), gamma (T, d)."""

    h: torch.Tensor
    y: torch.Tensor
    task: torch.Tensor
    z: np.ndarray[Any, Any]
    mixing: np.ndarray[Any, Any]
    causal: np.ndarray[Any, Any]
    gamma: np.ndarray[Any, Any]

    @property
    def count(self) -> int:
        return len(self.causal)

    def statistics(self) -> TaskStatistics:
        return gather_statistics([(self.h, self.y, self.task)], self.count)

    def seen_through(self, matrix: Any) -> Generated:
        return attrs.evolve(self, h=self.h @ torch.as_tensor(matrix).T, mixing=np.asarray(matrix) @ self.mixing)


@pytest.fixture
def generated() -> Callable[..., Generated]:
    """Draw data: the study's generator, section 4 of the paper."""

    def draw(
        seed: int = 0,
        *,
        d: int = 4,
        tasks: int = 30,
        n: int = 80,
        k: int = 1,
        mixing: str = "random",
        standardised: bool = False,
        observation_noise: float = 0.0,
        spurious_noise: Any = 0.1,
        causal: Any = None,
    ) -> Generated:
        rng = np.random.default_rng(seed)
        if causal is None:
            causal = np.stack([rng.permutation(np.arange(d) < k) for _ in range(tasks)])
        gamma = np.where(causal, 0.0, rng.uniform(-1, 1, (tasks, d)))
        weights = np.where(causal, rng.normal(size=(tasks, d)), 0.0)
        noise = np.broadcast_to(np.asarray(spurious_noise).reshape(-1, 1), (tasks, 1))
        latents, targets = [], []
        for t in range(tasks):
            z = rng.normal(size=(n, d))
            y = z @ weights[t] + rng.uniform(2, 3) * rng.normal(size=n)
            z = np.where(causal[t], z, gamma[t] * y[:, None] + noise[t] * rng.normal(size=(n, d)))
            latents.append((z - z.mean(0)) / z.std(0) if standardised else z)
            targets.append(y)
        z = np.concatenate(latents)
        A = rng.normal(size=(d, d))
        if mixing == "identity":
            A = np.eye(d)
        elif mixing == "orthogonal":
            u, _, v = np.linalg.svd(A)
            A = u @ v
        h = z @ A.T + observation_noise * rng.normal(size=z.shape)
        return Generated(
            h=torch.as_tensor(h),
            y=torch.as_tensor(np.concatenate(targets)),
            task=torch.arange(tasks).repeat_interleave(n),
            z=z,
            mixing=A,
            causal=np.asarray(causal, dtype=bool),
            gamma=gamma,
        )

    return draw


@pytest.fixture
def matched() -> Callable[[Any, Any], tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """The pooled Pearson MCC of latents (n, d) with the truth, the column of each true latent, and the signs."""

    def match(found: Any, truth: Any) -> tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        found, truth = np.asarray(found), np.asarray(truth)
        d = truth.shape[1]
        correlations = np.corrcoef(truth.T, found.T)[:d, d:]
        rows, columns = linear_sum_assignment(-np.abs(correlations))
        assert (rows == np.arange(d)).all()
        chosen = correlations[rows, columns]
        return float(np.abs(chosen).mean()), columns, np.sign(chosen)

    return match


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
