"""Frames: rows come back from their coordinates; the rank is that of the rows, whatever units or mixing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch

from identify_core import OptionsError
from identify_mtlcm.causal.frame import frame_of, task_rank
from identify_mtlcm.causal.joint_diagonalisation import whitening
from identify_mtlcm.causal.residuals import residuals_of

FLOAT = torch.float64


@pytest.mark.parametrize("standardise", ["none", "coordinates", "zca"])
@pytest.mark.parametrize("rank", [4, 3, 1])
def test_rows_come_back_from_their_coordinates(generated: Callable[..., Any], standardise: Any, rank: int) -> None:
    data = generated(d=4, tasks=10, n=30)
    M = torch.randn(4, rank, generator=torch.Generator().manual_seed(0), dtype=FLOAT)
    data = attrs.evolve(data, h=data.h[:, :rank] @ M.T + 5)
    statistics = data.statistics()
    moments = statistics.moments("global")
    frame = frame_of(statistics, moments, standardise)
    assert frame.rank == rank
    centred = data.h - data.h.mean(0)
    seen = centred @ frame.scaling.T
    torch.testing.assert_close(seen @ frame.lift.T, centred, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(frame.scaling @ frame.lift, torch.eye(rank, dtype=FLOAT), atol=1e-9, rtol=0)
    mixing = frame.mixing(torch.diag(torch.arange(1.0, rank + 1, dtype=FLOAT)))
    z = torch.linalg.solve(mixing, centred.T).T
    torch.testing.assert_close(z[:, :rank], seen / torch.arange(1, rank + 1), atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(z[:, rank:], torch.zeros(len(z), 4 - rank, dtype=FLOAT), atol=1e-8, rtol=0)
    pooled = seen.T @ seen / len(seen)
    if standardise == "zca":
        torch.testing.assert_close(pooled, torch.eye(rank, dtype=FLOAT), atol=1e-8, rtol=0)
    if standardise == "coordinates" and rank == 4:
        torch.testing.assert_close(torch.diagonal(pooled), torch.ones(4, dtype=FLOAT))
        assert bool((frame.scaling == torch.diag(torch.diagonal(frame.scaling))).all())
    if standardise == "zca" and rank == 4:
        torch.testing.assert_close(frame.scaling, frame.scaling.T)
    if standardise == "none":
        torch.testing.assert_close(frame.scaling @ frame.scaling.T, torch.eye(rank, dtype=FLOAT))


def test_units_and_ill_conditioned_mixings_do_not_cost_rank(generated: Callable[..., Any]) -> None:
    data = generated(d=4, tasks=10, n=30, mixing="identity")
    u = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=FLOAT)).Q
    for M in (
        torch.diag(torch.tensor([1e-8, 1.0, 1e3, 1e9], dtype=FLOAT)),
        u @ torch.diag(torch.tensor([1, 1e-2, 1e-4, 1e-5], dtype=FLOAT)) @ u.T,
    ):
        statistics = data.seen_through(M).statistics()
        assert frame_of(statistics, statistics.moments("per-task"), "none").rank == 4


def test_a_coordinate_that_does_not_vary_costs_one(generated: Callable[..., Any]) -> None:
    data = generated(d=4, tasks=10, n=30)
    h = data.h.float()
    h[:, 2] = 1 / 3
    statistics = attrs.evolve(data, h=h).statistics()
    assert frame_of(statistics, statistics.moments("per-task"), "coordinates").rank == 3


def test_a_float32_dependency_costs_one(generated: Callable[..., Any]) -> None:
    data = generated(d=4, tasks=10, n=30)
    h = data.h.float()
    h[:, 3] = h[:, 0] - 2 * h[:, 1]
    statistics = attrs.evolve(data, h=h).statistics()
    assert frame_of(statistics, statistics.moments("per-task"), "none").rank == 3


def test_a_constant_representation_is_refused(generated: Callable[..., Any]) -> None:
    data = generated(d=2, tasks=3, n=20)
    statistics = attrs.evolve(data, h=torch.ones_like(data.h)).statistics()
    with pytest.raises(OptionsError, match="the same on every row"):
        frame_of(statistics, statistics.moments("per-task"), "none")


@pytest.mark.parametrize("known", [0, 2, 4])
def test_the_rank_of_the_tasks_is_that_of_what_they_know_of(known: int) -> None:
    from identify_mtlcm.causal.statistics import gather_statistics

    stream = torch.Generator().manual_seed(known)
    h = torch.randn(500, 4, generator=stream, dtype=FLOAT)
    weights = torch.randn(4, 7, generator=stream, dtype=FLOAT)
    weights[known:] = 0
    y = h @ weights + 0.5 * torch.randn(500, 7, generator=stream, dtype=FLOAT)
    M = torch.randn(4, 4, generator=stream, dtype=FLOAT)
    statistics = gather_statistics([(h @ M.T, y, None)], 7)
    residuals = residuals_of(statistics.moments("per-task"))
    assert task_rank(residuals, whitening(residuals), statistics.counts) == known
