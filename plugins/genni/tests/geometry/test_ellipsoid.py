"""The predicted ellipsoid: exact where the network is linear in its parameters, asymptotically exact elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from identify_core import Replicates
from identify_genni.geometry.ellipsoid import ellipsoid, sampled_ratios
from identify_genni.geometry.jacobian import jacobian
from identify_genni.geometry.residual import Residual


@pytest.mark.parametrize("most_exact", [1e9, 0.0])
def test_exact_for_a_model_that_is_linear_in_its_parameters(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch, most_exact: float
) -> None:
    monkeypatch.setattr("identify_genni.geometry.ellipsoid._MOST_EXACT", most_exact)  # by SVD, by the Gram matrix
    module = nn.Linear(4, 2).double()
    replicates = Replicates.from_modules([module])
    vector, x = replicates.vectors()[0], torch.randn(30, 4, dtype=torch.float64)
    residual = Residual(function=replicates.function(0), inputs=x, targets=module(x).detach())
    shape = ellipsoid(residual, vector, 5.0)
    ratios = sampled_ratios(residual, vector, shape, count=50, generator=generator)
    assert torch.allclose(ratios, torch.ones(50).double(), rtol=1e-9)
    stacked = torch.linalg.svdvals(jacobian(replicates.function(0), vector, x))
    assert torch.allclose(shape.lengths, (5.0 * 60) ** 0.5 / stacked)  # √(ε m) / σ with m = 30 · 2


@pytest.mark.parametrize("piece", ["solid", "flat"])
def test_better_the_smaller_it_is(four: Any, piece: str, generator: torch.Generator) -> None:
    vector = getattr(four, piece)
    errors = []
    for epsilon in (1e-2, 1e-4, 1e-6):
        shape = ellipsoid(four.residual, vector, epsilon * four.variance)
        ratios = sampled_ratios(four.residual, vector, shape, count=64, generator=generator)
        errors.append(float((ratios - 1).abs().max()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 5e-3


def test_wide_and_tall_jacobians_give_the_same(four: Any, generator: torch.Generator) -> None:
    few = Residual(function=four.residual.function, inputs=four.residual.inputs[:3], targets=four.residual.targets[:3])
    shape = ellipsoid(few, four.flat, 1e-6)
    axes = shape.rows.T @ shape.mixtures
    assert torch.allclose(axes.T @ axes, torch.eye(axes.shape[1]).double(), atol=1e-9)


def test_nothing_to_sample_at_a_dead_network(four: Any, generator: torch.Generator) -> None:
    dead = torch.zeros(4, dtype=torch.float64)
    shape = ellipsoid(four.residual, dead, 1.0)
    assert len(sampled_ratios(four.residual, dead, shape, count=3, generator=generator)) == 0
