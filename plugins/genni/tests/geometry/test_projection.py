"""Gauss–Newton projection: onto the class, by the shortest way to first order, and honest where it fails."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from identify_core import Replicates
from identify_genni.geometry.projection import frame, frames, project
from identify_genni.geometry.residual import Residual


def test_points_land_on_the_class(four: Any, generator: torch.Generator) -> None:
    start = four.solid + 0.02 * torch.randn(30, 4, generator=generator, dtype=torch.float64)
    found = project(four.residual, start, tolerance=1e-24)
    assert bool(found.arrived.all())
    assert four.deviation(found.vectors) < 1e-10
    assert torch.allclose(found.losses, four.residual.losses(found.vectors))


def test_a_linear_model_is_projected_in_one_step_and_orthogonally(generator: torch.Generator) -> None:
    module = nn.Linear(6, 1, bias=False).double()
    replicates = Replicates.from_modules([module])
    x = torch.randn(3, 6, generator=generator, dtype=torch.float64)
    y = torch.randn(3, 1, generator=generator, dtype=torch.float64)
    residual = Residual(function=replicates.function(0), inputs=x, targets=y)
    start = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    found = project(residual, start, tolerance=1e-20, iterations=1)
    expected = start + (y.T - start @ x.T) @ torch.linalg.pinv(x).T
    assert torch.allclose(found.vectors, expected, atol=1e-10)


def test_what_cannot_arrive_is_not_called_arrived(four: Any) -> None:
    """With both weights positive the negative half-line gets no gradient: such a network can never get there."""
    stuck = torch.tensor([[0.5, 0.8, 0.3, 0.1]], dtype=torch.float64)
    found = project(four.residual, stuck, tolerance=1e-12)
    assert not bool(found.arrived[0])
    assert float(found.losses[0]) > 0.1 * four.variance
    wild = project(four.residual, torch.full((1, 4), float("inf")).double(), tolerance=1e-12)
    assert not bool(wild.arrived[0])


def test_the_input_is_not_changed(four: Any) -> None:
    start = four.solid[None] + 0.1
    before = start.clone()
    project(four.residual, start, tolerance=1e-12)
    assert torch.equal(start, before)


def test_frames_do_not_depend_on_the_memory(four: Any) -> None:
    vectors = torch.stack([four.solid, four.flat, four.mirror])
    small = Residual(
        function=four.residual.function, inputs=four.residual.inputs, targets=four.residual.targets, memory=10.0
    )
    whole, parts = (frames(each, vectors, 1e-6) for each in (four.residual, small))
    assert whole.ranks.tolist() == parts.ranks.tolist() == [1, 2, 2]
    direction = torch.ones(3, 4, dtype=torch.float64)
    assert torch.allclose(whole.tangential(direction), parts.tangential(direction))
    moved = torch.einsum("wmp,wp->wm", four.residual.jacobians(vectors), whole.tangential(direction))
    assert float(moved.abs().max()) < 1e-13


def test_one_after_the_other_gives_the_same_numbers(four: Any) -> None:
    vectors = torch.stack([four.solid, four.flat])
    loop = Residual(
        function=four.residual.function, inputs=four.residual.inputs, targets=four.residual.targets, together=False
    )
    assert torch.allclose(loop.losses(vectors), four.residual.losses(vectors), atol=1e-30)
    assert torch.allclose(loop.jacobians(vectors), four.residual.jacobians(vectors))


def test_a_zero_jacobian_has_rank_zero() -> None:
    found = frame(torch.zeros(2, 5, 3, dtype=torch.float64), 1e-6, torch.ones(2, 5, dtype=torch.float64))
    assert found.ranks.tolist() == [0, 0]
    assert found.steps is not None
    assert not bool(found.steps.any())
