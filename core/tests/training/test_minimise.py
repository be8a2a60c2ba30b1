"""Minimising row by row: against closed forms and scipy, each row as if alone, rows that leave, and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from identify_core.errors import Interrupted, OptionsError
from identify_core.replicates import Call, Replicates
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training.minimise import Minima, minimise


def starts(count: int = 20, size: int = 4) -> torch.Tensor:
    return 2 * inputs(count, size).double()


def rosenbrock(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Valleys of a steepness of their own, all ending at ones."""
    steep = 1 + 5 * rows.to(points.dtype)
    return (steep[:, None] * (points[:, 1:] - points[:, :-1] ** 2) ** 2 + (1 - points[:, :-1]) ** 2).sum(1)


def test_quadratics_of_any_scale_end_at_their_solutions() -> None:
    size, count = 6, 30
    factors = inputs(count, size, size).double()
    matrices = factors @ factors.mT + 0.1 * torch.eye(size, dtype=torch.float64)
    matrices = matrices * torch.logspace(-8, 8, count, dtype=torch.float64)[:, None, None]
    ends = inputs(count, size, seed=5).double()

    def objective(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        away = points - ends[rows]
        return torch.einsum("mi,mij,mj->m", away, matrices[rows], away) / 2

    found = minimise(objective, torch.zeros_like(ends), iterations=500)
    assert torch.allclose(found.points, ends, rtol=1e-6, atol=1e-6)
    assert set(found.reasons) == {"stationary"}


def test_each_row_ends_where_scipy_ends_by_itself() -> None:
    found = minimise(rosenbrock, starts(), iterations=1000)
    for row, start in enumerate(starts()):
        steep = 1.0 + 5 * row

        def value(p: Any, steep: float = steep) -> float:
            return float((steep * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum())

        theirs = minimize(value, start.numpy(), method="BFGS", options={"gtol": 1e-7})
        again = minimize(value, found.points[row].numpy(), method="BFGS", options={"gtol": 1e-7})
        assert found.values[row] <= theirs.fun + 1e-8 or np.allclose(again.x, found.points[row], atol=1e-5)
        assert found.gradient_norms[row] < 1e-5
        assert np.allclose(again.x, found.points[row], atol=1e-4)


def test_rows_that_have_ended_leave_the_batch_and_each_row_is_asked_as_if_it_were_alone() -> None:
    asked: list[list[int]] = []

    def objective(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        asked.append(rows.tolist())
        assert len(points) == len(rows)
        return rosenbrock(points, rows)

    found = minimise(objective, starts(), iterations=1000)
    together = [sum(call.count(row) for call in asked) for row in range(20)]
    assert len(set(found.iterations.tolist())) > 3
    assert len(asked[-1]) < 5
    sizes = [len(call) for call in asked]
    assert sum(sizes) < 0.7 * len(asked) * 20
    for row in (0, 7, 19):
        calls = [0]

        def only(points: torch.Tensor, rows: torch.Tensor, row: int = row, calls: list[int] = calls) -> torch.Tensor:
            calls[0] += 1
            return rosenbrock(points, rows + row)

        alone = minimise(only, starts()[row : row + 1], iterations=1000)
        assert torch.allclose(alone.points[0], found.points[row], rtol=1e-12, atol=1e-14)
        assert alone.iterations[0] == found.iterations[row]
        assert calls[0] == together[row]


def test_gradients_may_be_given() -> None:
    def given(points: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (points - 1).square().sum(1), 2 * (points - 1)

    ours = minimise(given, starts())
    theirs = minimise(lambda points, rows: (points - 1).square().sum(1), starts())
    assert torch.allclose(ours.points, theirs.points, atol=1e-12)
    assert torch.allclose(ours.points, torch.ones_like(ours.points), atol=1e-9)


def test_rows_stop_below_their_bound_and_one_that_is_not_finite_stays() -> None:
    begin = starts(4)
    begin[2, 0] = torch.nan
    kept = begin.clone()
    found = minimise(rosenbrock, begin, stop_below=1e-3, iterations=1000)
    assert torch.equal(begin.nan_to_num(), kept.nan_to_num())
    assert found.reasons[2] == "diverged"
    assert found.iterations[2] == 0
    assert torch.equal(found.points[2].nan_to_num(), kept[2].nan_to_num())
    ended = [row for row, reason in enumerate(found.reasons) if reason == "converged"]
    assert len(ended) >= 2
    assert (found.values[ended] < 1e-3).all()
    assert found.iterations[0] < 1000


def test_float32_ends_at_float32s_rounding() -> None:
    found = minimise(lambda points, rows: (points - 3).square().sum(1), starts().float(), iterations=100)
    assert found.points.dtype == torch.float32
    assert torch.allclose(found.points, torch.full_like(found.points, 3), rtol=1e-5)
    assert set(found.reasons) == {"stationary"}


@pytest.mark.parametrize("stop_at", [1, 9, 40])
def test_interrupted_and_resumed_gives_the_same_bits(tmp_path: Path, stop_at: int) -> None:
    def run(folder: Path, stop_at: int | None) -> tuple[Minima, dict[str, Any]]:
        calls = [0]

        def stop_requested() -> bool:
            calls[0] += 1
            return calls[0] == stop_at

        context = make_context(folder, stop_requested=stop_requested)
        return minimise(rosenbrock, starts(), context=context, iterations=100), context.history.series()

    whole, history = run(tmp_path / "whole", None)
    with pytest.raises(Interrupted, match=f"stopped at iteration {stop_at} of 'minimise'"):
        run(tmp_path / "cut", stop_at)
    resumed, again = run(tmp_path / "cut", None)
    assert torch.equal(resumed.points, whole.points)
    assert torch.equal(resumed.iterations, whole.iterations)
    assert resumed.reasons == whole.reasons
    assert history.keys() == {"minimise-value", "minimise-gradient-norm"}
    assert np.array_equal(again["minimise-value"][1], history["minimise-value"][1])
    assert history["minimise-value"][1].ndim == 1
    assert torch.equal(minimise(rosenbrock, starts(), iterations=100).points, whole.points)


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_curves_in_the_decoders_of_replicates_shorten_without_copying_a_decoder(strategy: Any) -> None:
    """Energies of curves between pairs of latents, three replicates and five pairs: fifteen rows, three decoders."""
    replicates = Replicates.build(
        lambda seed: nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 6)),
        3,
        device="cpu",
        dtype=torch.float64,
        strategy=strategy,
    ).eval()
    count, pairs, nodes = 3, 5, 9
    ends = inputs(2, count, pairs, 2).double()
    time = torch.linspace(0, 1, nodes, dtype=torch.float64)[:, None]
    straight = ends[0][:, :, None] + time * (ends[1] - ends[0])[:, :, None]

    def energy(inner: torch.Tensor) -> torch.Tensor:
        curves = torch.cat([straight[:, :, :1], inner, straight[:, :, -1:]], 2)

        def decode(call: Call, z: torch.Tensor) -> Any:
            return call(z)

        flat = curves.reshape(count, pairs * nodes, 2)
        decoded = replicates.map(decode, flat, shared=False, differentiable=True).reshape(count, pairs, nodes, -1)
        return (nodes - 1) * (decoded[:, :, 1:] - decoded[:, :, :-1]).square().sum((2, 3))

    start = straight[:, :, 1:-1]

    def objective(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        everyone = start.reshape(count * pairs, -1).index_copy(0, rows, points)
        return energy(everyone.reshape(start.shape)).reshape(-1)[rows]

    found = minimise(objective, start.reshape(count * pairs, -1), iterations=300, gradient_tolerance=1e-9)
    before = energy(start).reshape(-1)
    assert (found.values < before).all()
    assert (found.gradient_norms < 1e-6).all()


@pytest.mark.parametrize(
    ("objective", "start", "settings", "message"),
    [
        (rosenbrock, torch.zeros(3), {}, r"the start is \(3,\), torch.float32; it needs floating-point numbers"),
        (rosenbrock, torch.zeros(3, 2, dtype=torch.long), {}, "torch.int64; it needs floating-point numbers"),
        (lambda points, rows: points.sum(), torch.zeros(3, 2), {}, r"the objective gave \(\) for 3 rows"),
        (lambda points, rows: 1.0, torch.zeros(3, 2), {}, "the objective gave float for 3 rows"),
        (rosenbrock, torch.zeros(3, 2), {"iterations": -1}, "iterations is -1; it must be at least 0"),
    ],
)
def test_what_cannot_be_minimised_is_refused(
    objective: Any, start: torch.Tensor, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionsError, match=message):
        minimise(objective, start, **settings)


@pytest.mark.gpu
def test_rows_on_a_gpu_end_where_they_end_on_the_cpu() -> None:
    here, there = (
        minimise(rosenbrock, starts(), iterations=1000),
        minimise(rosenbrock, starts().cuda(), iterations=1000),
    )
    assert there.points.device.type == "cuda"
    assert torch.allclose(there.values.cpu(), here.values, rtol=1e-5, atol=1e-9)
