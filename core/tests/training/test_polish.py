"""Polishing against Rosenbrock's valley and scipy, each replicate as if alone, and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from identify_core.errors import Interrupted, OptionsError
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import squared_error
from identify_core.training.minimise import polish


class Rosenbrock(nn.Module):
    """Two parameters, whose residuals are those of Rosenbrock's function."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor([x, y]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([10 * (self.p[1] - self.p[0] ** 2), 1 - self.p[0]]) + 0 * x


def mean_square(call: Call, batch: Batch) -> torch.Tensor:
    y: torch.Tensor = call(batch["x"])
    return (y - batch["y"] if "y" in batch else y).square().mean()


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


def test_the_end_of_rosenbrocks_valley_is_found_from_everywhere(tmp_path: Path) -> None:
    replicates, context = valley(), make_context(tmp_path)
    data = {"x": torch.zeros(1, 1)}
    result = polish(replicates, mean_square, data, context=context, stop_below=1e-20)
    assert torch.allclose(replicates.vectors(), torch.ones(3, 2, dtype=torch.float64), atol=1e-9)
    assert result.reasons == ("converged",) * 3
    assert (result.values < 1e-20).all()
    assert (result.iterations < 80).all()
    assert len(set(result.iterations.tolist())) > 1
    losses = context.history.series()["lbfgs-loss"][1]
    assert (np.diff(losses, axis=0) <= 0).all()
    assert "lbfgs-gradient-norm" in context.history.series()


def test_lbfgs_reaches_the_minimum_that_scipy_reaches(tmp_path: Path) -> None:
    replicates = Replicates.build(lambda r: nn.Linear(3, 1), 3, device="cpu", dtype=torch.float64)
    data = {"x": inputs(60), "y": (inputs(60, 1, seed=1) > 0).double()}

    def cross_entropy(call: Call, batch: Batch) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(call(batch["x"]), batch["y"])

    result = polish(replicates, cross_entropy, data, context=make_context(tmp_path), iterations=100, batch_size=7)
    f = replicates.function(0)

    def value(vector: torch.Tensor) -> torch.Tensor:
        return cross_entropy(lambda x: f(vector, x), {"x": data["x"].double(), "y": data["y"]})

    slope = torch.func.grad(value)
    expected = minimize(
        lambda v: value(torch.from_numpy(v)).item(),
        np.zeros(4),
        jac=lambda v: slope(torch.from_numpy(v)).numpy(),
        method="L-BFGS-B",
        options={"ftol": 1e-16, "gtol": 1e-10},
    )
    assert torch.allclose(replicates.vectors(), torch.from_numpy(expected.x).expand(3, 4), atol=1e-7)
    assert np.allclose(result.values.numpy(), expected.fun, rtol=1e-12)
    assert result.reasons == ("stationary",) * 3
    assert (result.iterations < 40).all()


def test_float32_replicates_are_polished_in_float64_and_take_the_rounded_result(tmp_path: Path) -> None:
    replicates, data = regression(dtype=torch.float32)
    wide, _ = regression()
    wide.set_vectors(replicates.vectors().double())
    narrow_result = polish(replicates, mean_square, data, context=make_context(tmp_path / "a"), iterations=8)
    polish(wide, mean_square, data, context=make_context(tmp_path / "b"), iterations=8)
    assert replicates.dtype == torch.float32
    assert torch.equal(replicates.vectors(), wide.vectors().float())
    values = replicates.to(dtype=torch.float64).map(mean_square, data)
    assert torch.allclose(narrow_result.values, values, rtol=1e-12)


def test_a_replicate_that_is_not_finite_is_left_alone_and_said(tmp_path: Path) -> None:
    replicates, data = regression()
    replicates.matrix[1] = torch.nan
    context = make_context(tmp_path)
    result = polish(replicates, mean_square, data, context=context, iterations=5)
    assert result.reasons == ("iterations", "diverged", "iterations")
    assert result.iterations.tolist() == [5, 0, 5]
    assert replicates.matrix[1].isnan().all()
    assert replicates.matrix[[0, 2]].isfinite().all()
    assert "replicate 1 was not polished" in context.warnings[0]


def test_a_replicate_is_polished_among_others_as_alone_and_resumed_to_the_bit(tmp_path: Path) -> None:
    whole, data = regression()
    polish(whole, mean_square, data, context=make_context(tmp_path / "a"), iterations=9)
    alone = regression()[0].select([1])
    polish(alone, mean_square, data, context=make_context(tmp_path / "b"), iterations=9)
    assert torch.allclose(alone.vectors()[0], whole.vectors()[1], rtol=1e-5)
    cut, calls = regression()[0], [0]

    def stop_requested() -> bool:
        calls[0] += 1
        return calls[0] == 4

    with pytest.raises(Interrupted, match="stopped at iteration 4"):
        polish(
            cut, mean_square, data, context=make_context(tmp_path / "c", stop_requested=stop_requested), iterations=9
        )
    resumed = regression()[0]
    result = polish(resumed, mean_square, data, context=make_context(tmp_path / "c"), iterations=9)
    assert torch.equal(resumed.vectors(), whole.vectors())
    assert result.iterations.tolist() == [9, 9, 9]


def test_batch_normalisation_is_polished_in_evaluation_mode_and_keeps_its_statistics(tmp_path: Path) -> None:
    replicates = Replicates.build(networks.normalised, 2, device="cpu", dtype=torch.float32)
    data = {"x": inputs(30), "y": inputs(30, 2, seed=1)}
    replicates(data["x"])
    before = replicates.state()
    start = replicates.eval().map(mean_square, data)
    replicates.train()
    result = polish(replicates, mean_square, data, context=make_context(tmp_path), iterations=5)
    assert replicates.training
    assert torch.equal(replicates.buffers["1.running_mean"], before["buffers/1.running_mean"])
    assert (result.values < 0.8 * start).all()


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    replicates, data = regression()
    context = make_context(tmp_path)
    with pytest.raises(OptionsError, match="iterations is -1; it must be at least 0"):
        polish(replicates, mean_square, data, context=context, iterations=-1)
    uneven = {"x": torch.zeros(3, 1), "y": torch.zeros(4, 1)}
    with pytest.raises(OptionsError, match="columns of one length"):
        polish(replicates, mean_square, uneven, context=context)


def test_the_named_loss_of_training_can_be_polished_too(tmp_path: Path) -> None:
    replicates, data = regression()
    start = replicates.map(mean_square, data)
    result = polish(replicates, squared_error(), data, context=make_context(tmp_path), iterations=30)
    assert (result.values < start).all()
