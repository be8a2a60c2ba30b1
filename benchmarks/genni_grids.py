"""Evaluating J on grids, next to a loop over grid points that copies the module or calls it as a function."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import torch
from benchmarks.case import Case
from torch.utils.data import DataLoader, TensorDataset

from identify_core import Replicates
from identify_genni.subspace.adaptive import refine
from identify_genni.subspace.basis import Subspace, span_points
from identify_genni.subspace.loss import SubspaceLoss

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SIDE, ROWS = 35, 500
TIMED = 200  # grid points that the slow baselines are timed on


def small() -> torch.nn.Module:
    """The four-parameter network."""
    return torch.nn.Sequential(torch.nn.Linear(1, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 1, bias=False))


def lenet() -> torch.nn.Module:
    """LeNet on 28 × 28 images, without the output ReLU: 43,661 parameters."""
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 1)),
    )


@cache
def problem(make: Any, inputs: tuple[int, ...]) -> tuple[Replicates, Subspace, torch.Tensor, torch.Tensor]:
    """Four networks, the subspace through them, inputs and a teacher's outputs."""
    torch.manual_seed(0)
    replicates = Replicates.from_modules([make() for _ in range(4)], device=DEVICE, dtype=torch.float32)
    vectors = replicates.vectors().double()
    x = torch.randn(ROWS, *inputs, device=DEVICE)
    with torch.no_grad():
        y = make().to(DEVICE)(x)
    return replicates, span_points(vectors[0].cpu(), vectors[1:].cpu(), names=list("abc")), x, y


def grid(side: int) -> torch.Tensor:
    """Coefficients from −2 to 2 on three axes, (side³, 3)."""
    axis = torch.linspace(-2, 2, side, dtype=torch.float64)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(-1, 3)


def loss_of(make: Any, inputs: tuple[int, ...]) -> SubspaceLoss:
    """J as a function of coefficients."""
    replicates, subspace, x, y = problem(make, inputs)
    return SubspaceLoss(subspace, replicates, replicate=0, x=x, y=y)


def copying(count: int) -> torch.Tensor:
    """For each point: copy the module, load the vector, walk through a DataLoader; no gradients."""
    replicates, subspace, x, y = problem(small, (1,))
    loader = DataLoader(TensorDataset(x, y), batch_size=ROWS)
    values = []
    for vector in subspace.points(grid(SIDE)[:count]).float().to(DEVICE):
        module = copy.deepcopy(replicates.module(0))
        torch.nn.utils.vector_to_parameters(vector, module.parameters())
        with torch.no_grad():
            losses = [torch.nn.functional.mse_loss(module(inputs), targets) for inputs, targets in loader]
        values.append(torch.stack(losses).mean())
    return torch.stack(values).cpu()


def functional_loop(count: int) -> torch.Tensor:
    """For each point: call the LeNet as a function of its parameters, under inference mode."""
    replicates, subspace, x, y = problem(lenet, (1, 28, 28))
    module = replicates.module(0)
    shapes = [(name, parameter.shape, parameter.numel()) for name, parameter in module.named_parameters()]
    values = []
    with torch.inference_mode():
        for vector in subspace.points(grid(6)[:count]).float().to(DEVICE):
            parts = vector.split([size for _, _, size in shapes])
            parameters = {name: part.view(shape) for (name, shape, _), part in zip(shapes, parts, strict=True)}
            values.append((torch.func.functional_call(module, parameters, (x,)) - y).square().mean())
    return torch.stack(values).cpu()


def same_values(ours: Any, theirs: Any) -> None:
    """To float32 accuracy."""
    torch.testing.assert_close(ours[: len(theirs)].float(), theirs, rtol=2e-3, atol=1e-6)


def adaptive(side: int, tolerance: float) -> Any:
    """Only where the surface can pass."""
    loss, points = loss_of(small, (1,)), grid(side)
    return refine(
        lambda numbers: loss(points[torch.as_tensor(numbers)]).numpy(), (side,) * 3, tolerance, levels=2, safety=2.0
    )


def same_surface(refined: Any, full: Any, tolerance: float) -> None:
    """The same ε-equivalent set from under a fifth of the points."""
    share = refined.evaluated.mean()
    assert share < 0.2, f"{share:.0%} of the points were evaluated"
    inside = full.reshape(refined.values.shape).numpy() <= tolerance
    np.testing.assert_array_equal(refined.filled <= tolerance, inside)


def cases() -> Iterable[Case]:
    """Grids of the two networks of the study."""
    whole = SIDE**3
    yield Case(
        name=f"grid {SIDE}³ of the 4-parameter network, {ROWS} inputs",
        baseline_name="a loop over points that copies the module and walks through a DataLoader",
        ours=lambda: loss_of(small, (1,))(grid(SIDE)),
        baseline=lambda: copying(TIMED),
        baseline_fraction=TIMED / whole,
        expected=300,
        agree=same_values,
    )
    count = 6**3
    yield Case(
        name=f"grid {count} points of LeNet, {ROWS} inputs",
        baseline_name="a functional loop under inference mode",
        ours=lambda: loss_of(lenet, (1, 28, 28))(grid(6)),
        baseline=lambda: functional_loop(count // 4),
        baseline_fraction=1 / 4,
        expected=1.5,
        agree=same_values,
        repeats=1,
    )
    side, tolerance = 61, 0.02
    yield Case(
        name=f"the ε-surface on a grid of {side}³, adaptively",
        baseline_name="the same evaluation at every point",
        ours=lambda: adaptive(side, tolerance),
        baseline=lambda: loss_of(small, (1,))(grid(side)),
        expected=1,
        agree=lambda ours, theirs: same_surface(ours, theirs, tolerance),
        note="under a fifth of the points, or the case fails",
    )
