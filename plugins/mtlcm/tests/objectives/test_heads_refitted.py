"""Heads in closed form against least squares task by task, and sparse ones against their optimality conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from identify_core import Samples
from identify_mtlcm.causal.statistics import Block
from identify_mtlcm.objectives.refitting import Heads, refit_heads
from identify_mtlcm.objectives.sparsity import SparseGroups
from identify_mtlcm.objectives.spectrum import HeadSpectrum, target_spectrum
from identify_mtlcm.tasks import TaskRows, task_rows

MakeSamples = Callable[..., Samples]


def blocks(h: torch.Tensor, tasks: TaskRows, size: int = 37) -> Iterator[Block]:
    for start in range(0, len(h), size):
        part = tasks.rows(slice(start, start + size))
        yield h[start : start + size], part.targets, part.task


def rows_of_task(h: torch.Tensor, tasks: TaskRows, t: int) -> tuple[torch.Tensor, torch.Tensor]:
    targets = tasks.targets if tasks.task is not None else tasks.targets[:, t]
    who = ~targets.isnan() if tasks.task is None else (tasks.task == t) & ~targets.isnan()
    return h[who].double(), targets[who].double()


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("penalty", [0.0, 0.01])
def test_least_squares_of_every_task(make_regression: MakeSamples, wide: bool, biases: bool, penalty: float) -> None:
    samples = make_regression(wide=wide)
    y = samples.tensor("y")
    y[torch.rand(y.shape, generator=torch.Generator().manual_seed(2)) < 0.1] = torch.nan
    y += torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    tasks = task_rows(samples)
    h = samples.tensor("x")[:, :3].double()
    found = refit_heads(blocks(h, tasks), tasks.count, biases=biases, penalty=penalty)
    total = tasks.observed_count()
    for t in range(tasks.count):
        design, target = rows_of_task(h, tasks, t)
        width = 3
        if biases:
            design = torch.cat([design, torch.ones(len(design), 1, dtype=torch.float64)], 1)
            width = 4
        ridge = penalty * total * torch.eye(width, dtype=torch.float64)
        ridge[3:, 3:] = 0  # the bias is not penalised
        expected = torch.linalg.solve(design.T @ design + ridge, design.T @ target)
        assert torch.allclose(found.weights[t], expected[:3], rtol=1e-7, atol=1e-9)
        assert float(found.biases[t]) == pytest.approx(float(expected[3]) if biases else 0.0, rel=1e-7)


def test_a_direction_without_variance_gets_no_weight() -> None:
    h = torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    h = torch.cat([h, torch.full((40, 1), 2.0, dtype=torch.float64)], 1)
    tasks = TaskRows(targets=h[:, :1] * 3 + 1, task=None, count=1, names=("a",))
    found = refit_heads(blocks(h, tasks), 1, biases=True, penalty=0.0)
    assert found.weights[0].tolist() == pytest.approx([3.0, 0.0, 0.0], abs=1e-9)
    assert float(found.biases[0]) == pytest.approx(1.0)


def planted(seed: int = 0) -> tuple[torch.Tensor, TaskRows, np.ndarray]:  # type: ignore[type-arg]
    """Ten tasks that use three of six latents, one or two each."""
    random = np.random.default_rng(seed)
    h = random.standard_normal((400, 6))
    weights = np.zeros((10, 6))
    for t in range(10):
        used = random.choice(3, size=1 + t % 2, replace=False)
        weights[t, used] = random.uniform(1, 2, len(used))
    y = h @ weights.T + 0.05 * random.standard_normal((400, 10))
    tasks = TaskRows(targets=torch.from_numpy(y), task=None, count=10, names=tuple("abcdefghij"))
    return torch.from_numpy(h), tasks, weights != 0


def test_sparse_heads_find_the_planted_weights_and_groups() -> None:
    h, tasks, used = planted()
    found = SparseGroups(entries=0.02, groups=0.02).refit(blocks(h, tasks), 10, biases=True)
    assert np.array_equal((found.weights != 0).numpy(), used)
    grouped = SparseGroups(entries=0.0, groups=0.05).refit(blocks(h, tasks), 10, biases=True)
    assert (grouped.weights != 0).any(0).tolist() == [True, True, True, False, False, False]
    assert bool((grouped.weights[:, :3] != 0).all())  # a group is dropped as a whole or not at all


def test_without_penalties_it_is_least_squares() -> None:
    h, tasks, _ = planted()
    sparse = SparseGroups(entries=0.0, groups=0.0).refit(blocks(h, tasks), 10, biases=True)
    exact = refit_heads(blocks(h, tasks), 10, biases=True, penalty=0.0)
    assert torch.allclose(sparse.weights, exact.weights, atol=1e-7)
    assert torch.allclose(sparse.biases, exact.biases, atol=1e-7)


def test_no_change_of_the_weights_lowers_the_penalised_loss() -> None:
    h, tasks, _ = planted()
    penalty = SparseGroups(entries=0.05, groups=0.05)
    found = penalty.refit(blocks(h, tasks), 10, biases=True)

    def value(weights: torch.Tensor) -> float:
        error = h @ weights.T + tasks.targets.mean(0) - h.mean(0) @ weights.T - tasks.targets
        exact = 0.05 * weights.abs().sum() / 10 + 0.05 * weights.square().mean(0).sqrt().sum()
        return float(error.square().mean() / 2 + exact)

    best, generator = value(found.weights), torch.Generator().manual_seed(4)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(20):
            change = size * torch.randn(10, 6, generator=generator, dtype=torch.float64)
            assert value(found.weights + change) >= best
            assert value(found.weights + change * (found.weights != 0)) >= best - 1e-12


def test_the_smooth_penalty_is_the_exact_one_but_for_its_smoothing() -> None:
    weights = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    value = SparseGroups(entries=2.0, groups=3.0).value(weights)
    expected = 2 * weights.abs().sum() / 7 + 3 * weights.square().mean(0).sqrt().sum()
    assert float(value) == pytest.approx(float(expected), rel=1e-4)


def test_the_spectrum_of_heads_does_not_change_under_linear_maps() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    weights[:, 3] = weights[:, 0]  # seen together with the first: rank 3 of the directions, when the covariance is 1
    weights[:, 3] = 0
    covariance = torch.eye(4, dtype=torch.float64)
    map_ = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    scale = torch.rand(9, generator=generator, dtype=torch.float64) + 0.5
    biases = torch.zeros(9, dtype=torch.float64)
    first = HeadSpectrum.of(Heads(weights=weights, biases=biases), scale, covariance, tolerance=1e-6)
    mapped = Heads(weights=weights @ torch.linalg.inv(map_), biases=biases)
    second = HeadSpectrum.of(mapped, scale, map_ @ covariance @ map_.T, tolerance=1e-6)
    assert first.rank == second.rank == 3
    assert torch.allclose(first.values, second.values, atol=1e-9)
    assert first.effective == pytest.approx(second.effective)
    assert 1 <= first.effective <= 3


def test_targets_of_low_rank_show_it() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(200, 2, generator=generator) @ torch.randn(2, 5, generator=generator)
    values = target_spectrum(TaskRows(targets=y, task=None, count=5, names=tuple("abcde")))
    assert values is not None
    assert float(values.sum()) == pytest.approx(5.0)
    assert float(values[2:].max()) < 1e-6 < float(values[1])
    assert target_spectrum(TaskRows(targets=y[:, 0], task=torch.arange(200) % 5, count=5, names=())) is None
