"""Residuals: one base for all tasks and one for each say the same; short tasks are lent what they lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch

from identify_mtlcm.causal.residuals import residuals_of
from identify_mtlcm.causal.statistics import gather_statistics


@pytest.mark.parametrize("n", [60, 7])
def test_shared_rows_give_the_residuals_of_repeated_rows_without_a_matrix_a_task(n: int) -> None:
    stream = torch.Generator().manual_seed(0)
    d, count = 4, 6
    h = torch.randn(n, d, generator=stream, dtype=torch.float64)
    y = h @ torch.randn(d, count, generator=stream, dtype=torch.float64)
    y = y + torch.randn(n, count, generator=stream, dtype=torch.float64)
    y[:, 2] = 5.0  # constant
    shared = residuals_of(gather_statistics([(h, y, None)], count).moments("per-task"))
    task = torch.arange(count).repeat(n)
    repeated = gather_statistics([(h.repeat_interleave(count, 0), y.flatten(), task)], count)
    own = residuals_of(repeated.moments("per-task"))
    assert shared.base.shape == (d, d)
    assert own.base.shape == (count, d, d)
    factors = torch.rand(count, d, generator=stream, dtype=torch.float64)
    M = torch.randn(d, d, generator=stream, dtype=torch.float64)
    for a, b in ((shared, own), (shared.seen_through(M), own.seen_through(M))):
        torch.testing.assert_close(a.covariances(0, count), b.covariances(0, count))
        torch.testing.assert_close(a.variances(), b.variances())
        torch.testing.assert_close(a.variances(), torch.diagonal(b.covariances(0, count), dim1=1, dim2=2))
        torch.testing.assert_close(a.explained(), b.explained())
        torch.testing.assert_close(a.weighted(factors), b.weighted(factors))
        by_hand = sum(b.weights[t] * factors[t][:, None] * b.covariances(t, t + 1)[0] for t in range(count))
        torch.testing.assert_close(a.weighted(factors), by_hand)
    torch.testing.assert_close(shared.slopes, own.slopes)
    torch.testing.assert_close(shared.slopes[2], torch.zeros(d, dtype=torch.float64))
    assert bool((shared.lent > 0).all()) == (n == 7)


def test_the_residual_is_what_regression_on_the_target_leaves(generated: Callable[..., Any]) -> None:
    data = generated(d=3, tasks=4, n=50)
    residuals = residuals_of(data.statistics().moments("per-task"))
    for t in range(4):
        x, y = data.h[data.task == t], data.y[data.task == t]
        design = torch.stack([torch.ones_like(y), y], dim=1)
        left = x - design @ torch.linalg.lstsq(design, x).solution
        torch.testing.assert_close(residuals.covariances(t, t + 1)[0], left.T @ left / len(x))


def test_a_short_task_is_lent_rows_of_the_pooled_covariance(generated: Callable[..., Any]) -> None:
    data = generated(d=4, tasks=6, n=40)
    keep = (data.task != 0) | (torch.arange(len(data.task)) < 5)  # task 0 keeps 5 rows: 3 degrees of freedom
    short = attrs.evolve(data, h=data.h[keep], y=data.y[keep], task=data.task[keep])
    moments = short.statistics().moments("per-task")
    residuals = residuals_of(moments)
    assert residuals.lent.tolist() == [5.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    left = moments.second - moments.cross[:, :, None] * moments.cross[:, None, :] / moments.energy[:, None, None]
    pooled = left.sum(0) / (moments.counts - 2).sum()
    torch.testing.assert_close(residuals.covariances(0, 1)[0], (left[0] + 5 * pooled) / 8)
    torch.testing.assert_close(residuals.covariances(1, 6), left[1:] / 40)
    assert float(torch.linalg.eigvalsh(residuals.covariances(0, 1)[0])[0]) > 0
    assert float(torch.linalg.eigvalsh(left[0])[0]) < 1e-10


def test_lending_is_equivariant(generated: Callable[..., Any]) -> None:
    data = generated(d=4, tasks=6, n=5)
    M = torch.randn(4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    seen = residuals_of(data.statistics().moments("per-task")).seen_through(M)
    again = residuals_of(data.seen_through(M).statistics().moments("per-task"))
    torch.testing.assert_close(seen.covariances(0, 6), again.covariances(0, 6))
