"""Polishing against closed forms, Rosenbrock's valley and scipy, each replicate as if alone, and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch import nn

from identify_core import Batch, Call, Interrupted, OptionsError, Replicates, widen
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_genni.polishing.gauss_newton import Problem
from identify_genni.polishing.levenberg_marquardt import levenberg_marquardt


class Rosenbrock(nn.Module):
    """Two parameters, whose residuals are those of Rosenbrock's function."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor([x, y]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([10 * (self.p[1] - self.p[0] ** 2), 1 - self.p[0]]) + 0 * x


def residuals(call: Call, batch: Batch) -> torch.Tensor:
    y: torch.Tensor = call(batch["x"])
    return y - batch["y"] if "y" in batch else y


def mean_square(call: Call, batch: Batch) -> torch.Tensor:
    return residuals(call, batch).square().mean()


def valley() -> Replicates:
    starts = [(-1.2, 1.0), (0.0, 0.0), (3.0, -2.0)]
    return Replicates.build(lambda r: Rosenbrock(*starts[r]), 3, device="cpu", dtype=torch.float64)


def regression(
    width: int = 3, rows: int = 40, count: int = 3, dtype: torch.dtype = torch.float64, strategy: Any = "auto"
) -> tuple[Replicates, dict[str, torch.Tensor]]:
    """A small network and noisy data, so that the minimum is a point."""
    factory = networks.perceptron(width=width, inputs=1, outputs=1)
    x = torch.linspace(-2, 2, rows, dtype=torch.float64)[:, None]
    y = torch.sin(2 * x) + 0.1 * inputs(rows, 1, seed=3).double()
    return Replicates.build(factory, count, device="cpu", dtype=dtype, strategy=strategy), {"x": x, "y": y}


def test_levenberg_marquardt_solves_a_linear_problem_in_one_step(tmp_path: Path) -> None:
    replicates = Replicates.build(lambda r: nn.Linear(3, 2), 3, device="cpu", dtype=torch.float64)
    x, y = inputs(20).double(), inputs(20, 2, seed=1).double()
    result = levenberg_marquardt(
        replicates, residuals, {"x": x, "y": y}, context=make_context(tmp_path), iterations=1, damping=0.0
    )
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones(20, 1, dtype=x.dtype)], dim=1), y).solution
    for replicate in range(3):
        assert torch.allclose(replicates.parameters["weight"][replicate], solution[:3].T, atol=1e-10)
        assert torch.allclose(replicates.parameters["bias"][replicate], solution[3], atol=1e-10)
    expected = (x @ solution[:3] + solution[3] - y).square().mean()
    assert torch.allclose(result.values, expected, rtol=1e-12)


def test_the_end_of_rosenbrocks_valley_is_found_from_everywhere(tmp_path: Path) -> None:
    replicates, context = valley(), make_context(tmp_path)
    data = {"x": torch.zeros(1, 1)}
    result = levenberg_marquardt(replicates, residuals, data, context=context, stop_below=1e-20)
    assert torch.allclose(replicates.vectors(), torch.ones(3, 2, dtype=torch.float64), atol=1e-9)
    assert result.reasons == ("converged",) * 3
    assert (result.values < 1e-20).all()
    assert (result.iterations < 80).all()
    assert len(set(result.iterations.tolist())) > 1
    losses = context.history.series()["levenberg-marquardt-loss"][1]
    assert (np.diff(losses, axis=0) <= 0).all()
    assert "levenberg-marquardt-gradient-norm" in context.history.series()


def test_levenberg_marquardt_reaches_the_minimum_that_scipy_reaches(tmp_path: Path) -> None:
    replicates, data = regression()
    starts = replicates.vectors()
    result = levenberg_marquardt(replicates, residuals, data, context=make_context(tmp_path), iterations=300)
    for replicate in range(3):
        f = replicates.function(replicate)

        def residual(vector: torch.Tensor, f: Any = f) -> torch.Tensor:
            out: torch.Tensor = f(vector, data["x"]) - data["y"]
            return out[:, 0]

        jacobian = torch.func.jacrev(residual)
        expected = least_squares(
            lambda v, r=residual: r(torch.from_numpy(v)).numpy(),
            starts[replicate].numpy(),
            jac=lambda v, j=jacobian: j(torch.from_numpy(v)).numpy(),
            method="lm",
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
        )
        assert result.values[replicate] <= 2 * expected.cost / 40 * (1 + 1e-6)
    assert (result.gradient_norms < 1e-6).all()


@pytest.mark.parametrize(("width", "rows", "form"), [(3, 40, "parameters"), (30, 20, "residuals")])
@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_every_form_of_the_system_gives_the_same_step(width: int, rows: int, form: str, strategy: str) -> None:
    replicates, data = regression(width=width, rows=rows, strategy=strategy)
    replicates, data = widen(replicates, data)
    problem, P = Problem.of(replicates, residuals, data, 2**30), replicates.parameter_count
    scarce = Problem.of(replicates, residuals, data, 8 * P * min(problem.size, P))
    assert problem.form == form
    assert scarce.form == "conjugate-gradient"
    vectors, which = replicates.vectors()[[2, 0]], torch.tensor([2, 0])
    jacobian = torch.stack(
        [
            torch.func.jacrev(lambda v, r=r: residuals(lambda x: replicates.function(r)(v, x), data)[:, 0])(vectors[k])
            for k, r in enumerate((2, 0))
        ]
    )
    values = torch.stack([replicates.function(r)(vectors[k], data["x"]) - data["y"] for k, r in enumerate((2, 0))])
    damping = torch.tensor([0.1, 0.5], dtype=torch.float64)
    gram = jacobian.mT @ jacobian + damping[:, None, None] * torch.eye(vectors.shape[1], dtype=torch.float64)
    expected = -torch.linalg.solve(gram, jacobian.mT @ values)[..., 0]
    for each in (problem, scarce):
        system = each.system(vectors, which)
        assert torch.allclose(system.solve(damping), expected, rtol=1e-5, atol=1e-7)
        assert torch.allclose(system.gradient, (jacobian.mT @ values)[..., 0], rtol=1e-9, atol=1e-12)
        assert torch.allclose(each.values(vectors, which), values.square().mean((1, 2)), rtol=1e-12)


def test_little_memory_changes_the_pieces_and_not_the_result(tmp_path: Path) -> None:
    plenty, data = regression()
    scarce, _ = regression()
    needed = 8 * plenty.parameter_count * (2 * plenty.parameter_count + 1)
    levenberg_marquardt(plenty, residuals, data, context=make_context(tmp_path / "a"), iterations=5)
    levenberg_marquardt(scarce, residuals, data, context=make_context(tmp_path / "b"), iterations=5, memory=needed)
    assert torch.allclose(plenty.vectors(), scarce.vectors(), rtol=1e-6)


def test_float32_replicates_are_polished_in_float64_and_take_the_rounded_result(tmp_path: Path) -> None:
    replicates, data = regression(dtype=torch.float32)
    wide, _ = regression()
    wide.set_vectors(replicates.vectors().double())
    narrow_result = levenberg_marquardt(replicates, residuals, data, context=make_context(tmp_path / "a"), iterations=8)
    levenberg_marquardt(wide, residuals, data, context=make_context(tmp_path / "b"), iterations=8)
    assert replicates.dtype == torch.float32
    assert torch.equal(replicates.vectors(), wide.vectors().float())
    values = replicates.to(dtype=torch.float64).map(mean_square, data)
    assert torch.allclose(narrow_result.values, values, rtol=1e-12)


def test_a_replicate_that_is_not_finite_is_left_alone_and_said(tmp_path: Path) -> None:
    replicates, data = regression()
    replicates.matrix[1] = torch.nan
    context = make_context(tmp_path)
    result = levenberg_marquardt(replicates, residuals, data, context=context, iterations=5)
    assert result.reasons == ("iterations", "diverged", "iterations")
    assert result.iterations.tolist() == [5, 0, 5]
    assert replicates.matrix[1].isnan().all()
    assert replicates.matrix[[0, 2]].isfinite().all()
    assert "replicate 1 was not polished" in context.warnings[0]


def test_a_replicate_is_polished_among_others_as_alone_and_resumed_to_the_bit(tmp_path: Path) -> None:
    whole, data = regression()
    levenberg_marquardt(whole, residuals, data, context=make_context(tmp_path / "a"), iterations=9)
    alone = regression()[0].select([1])
    levenberg_marquardt(alone, residuals, data, context=make_context(tmp_path / "b"), iterations=9)
    assert torch.allclose(alone.vectors()[0], whole.vectors()[1], rtol=1e-5)
    cut, calls = regression()[0], [0]

    def stop_requested() -> bool:
        calls[0] += 1
        return calls[0] == 4

    with pytest.raises(Interrupted, match="stopped at iteration 4"):
        levenberg_marquardt(
            cut, residuals, data, context=make_context(tmp_path / "c", stop_requested=stop_requested), iterations=9
        )
    resumed = regression()[0]
    result = levenberg_marquardt(resumed, residuals, data, context=make_context(tmp_path / "c"), iterations=9)
    assert torch.equal(resumed.vectors(), whole.vectors())
    assert result.iterations.tolist() == [9, 9, 9]


def test_batch_normalisation_is_polished_in_evaluation_mode_and_keeps_its_statistics(tmp_path: Path) -> None:
    replicates = Replicates.build(networks.normalised, 2, device="cpu", dtype=torch.float32)
    data = {"x": inputs(30), "y": inputs(30, 2, seed=1)}
    replicates(data["x"])
    before = replicates.state()
    start = replicates.eval().map(mean_square, data)
    replicates.train()
    result = levenberg_marquardt(replicates, residuals, data, context=make_context(tmp_path), iterations=5)
    assert replicates.training
    assert torch.equal(replicates.buffers["1.running_mean"], before["buffers/1.running_mean"])
    assert (result.values < 0.8 * start).all()


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    replicates, data = regression()
    context = make_context(tmp_path)
    with pytest.raises(OptionsError, match=r"damping is -1\.0; it must be at least 0"):
        levenberg_marquardt(replicates, residuals, data, context=context, damping=-1.0)
    uneven = {"x": torch.zeros(3, 1), "y": torch.zeros(4, 1)}
    with pytest.raises(OptionsError, match="columns of one length"):
        levenberg_marquardt(replicates, mean_square, uneven, context=context)


@pytest.mark.gpu
def test_polishing_on_cuda_agrees_with_the_cpu(tmp_path: Path) -> None:
    polished = {}
    for device in ("cpu", "cuda"):
        replicates, data = regression()
        replicates = replicates.to(device=device)
        moved = {name: column.to(device) for name, column in data.items()}
        context = make_context(tmp_path / device, device=device, count=3)
        polished[device] = levenberg_marquardt(replicates, residuals, moved, context=context, iterations=5).values
    assert torch.allclose(polished["cpu"], polished["cuda"], rtol=1e-6)
