"""J on a subspace equals a slow loop and the closed form, whatever the tiles, in no more memory than told."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from identify_core import OptionsError, Replicates
from identify_genni.loss import mean_squared_error
from identify_genni.subspace.analytic import Slopes, network_slopes, slopes_loss
from identify_genni.subspace.axes import make_grid
from identify_genni.subspace.basis import Subspace, span_points
from identify_genni.subspace.loss import SubspaceLoss

Loop = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], float]


def plane_through(replicates: Replicates, count: int = 3) -> Subspace:
    vectors = replicates.vectors()
    return span_points(vectors[0], vectors[1 : count + 1], names=[str(k) for k in range(count)])


def target(x: torch.Tensor) -> torch.Tensor:
    return 0.6 * x.clamp(min=0) - 0.4 * x.clamp(max=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("reduction", ["mean", "batch-mean"])
def test_grid_equals_the_closed_form(
    replicates: Replicates, inputs: torch.Tensor, dtype: torch.dtype, tolerance: float, reduction: str
) -> None:
    """J = m₊ (a₊ − a₊*)² + m₋ (a₋ − a₋*)², with the mean's own convention in m₊ and m₋ as well."""
    subspace = plane_through(replicates)
    loss = SubspaceLoss(
        subspace, replicates, replicate=0, x=inputs, y=target(inputs), dtype=dtype,
        reduction=reduction, batch_size=150,  # type: ignore[arg-type]
    )  # fmt: skip
    grid = make_grid([(-1.0, 1.5)] * 3, [9, 8, 7])
    coefficients = grid.coefficients(np.arange(grid.size))
    share = np.full(400, 1 / 400)
    if reduction == "batch-mean":
        share = np.repeat([1 / 450, 1 / 450, 1 / 300], [150, 150, 100])
    slopes = network_slopes(subspace.points(coefficients).numpy())
    expected = slopes_loss(slopes, Slopes(positive=0.6, negative=-0.4), inputs.numpy().ravel(), share)
    assert loss.strategy == "layer by layer"
    np.testing.assert_allclose(loss(coefficients).numpy(), expected, rtol=0, atol=tolerance * max(1, expected.max()))


@pytest.mark.parametrize("reduction", ["mean", "batch-mean"])
def test_reductions_are_those_of_the_objective(replicates: Replicates, inputs: torch.Tensor, reduction: str) -> None:
    loss = SubspaceLoss(
        plane_through(replicates), replicates, replicate=0, x=inputs, y=target(inputs), dtype=torch.float64,
        reduction=reduction, batch_size=150,  # type: ignore[arg-type]
    )  # fmt: skip
    points = torch.randn(5, 3, dtype=torch.float64)
    expected = mean_squared_error(loss.outputs(points), target(inputs), reduction=reduction, batch_size=150)  # type: ignore[arg-type]
    torch.testing.assert_close(loss(points), expected, rtol=1e-12, atol=0)


class Mixing(nn.Module):
    """Its outputs depend on the other samples: nothing for folded axes."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1) to (n, 1)."""
        y: torch.Tensor = self.a(x)
        return (y - y.mean(0)).sum(1, keepdim=True)


class Recurrent(nn.Module):
    """A layer that is not run layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Sequential(nn.Linear(1, 3), nn.LayerNorm(3), nn.Linear(3, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1) to (n, 1)."""
        result: torch.Tensor = self.norm(x)
        return result


@pytest.mark.parametrize("architecture", ["dense", "convolution", "layer norm", "mixing", "loop"])
def test_every_strategy_equals_the_slow_loop(architecture: str, loop: Loop) -> None:
    torch.manual_seed(1)
    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = (1,)
    if architecture == "dense":
        build = lambda: nn.Sequential(nn.Linear(1, 8), nn.GELU(), nn.Linear(8, 1))  # noqa: E731
    elif architecture == "convolution":
        shape = (1, 8, 8)
        build = lambda: nn.Sequential(  # noqa: E731
            nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 1), nn.ReLU()
        )
    else:
        build = Mixing if architecture == "mixing" else Recurrent
    replicates = Replicates.from_modules([build().double() for _ in range(3)])
    if architecture == "loop":
        replicates = Replicates.from_modules([replicates.module(r) for r in range(3)], strategy="loop")
    x, y = torch.randn(23, *shape, dtype=torch.float64), torch.randn(23, 1, dtype=torch.float64)
    subspace = plane_through(replicates, 2)
    loss = SubspaceLoss(subspace, replicates, replicate=0, x=x, y=y, dtype=torch.float64)
    assert (loss.strategy == "layer by layer") == (architecture in ("dense", "convolution"))
    assert bool(loss.reason) == (loss.strategy != "layer by layer")
    if architecture == "mixing":
        assert "depend on other samples" in loss.reason
        loss.samples = len(x)
    points = torch.randn(6, 2, dtype=torch.float64)
    module = replicates.module(0)
    expected = [loop(copy.deepcopy(module), vector, x, y) for vector in subspace.points(points)]
    np.testing.assert_allclose(loss(points).numpy(), expected, rtol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_chunks_do_not_change_a_bit(replicates: Replicates, inputs: torch.Tensor, dtype: torch.dtype) -> None:
    loss = SubspaceLoss(
        plane_through(replicates), replicates, replicate=0, x=inputs, y=target(inputs), dtype=dtype, memory=2**17
    )
    points = torch.randn(4 * loss.points + 3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    whole = loss(points)
    parts = [loss(points[start : start + loss.points]) for start in range(0, len(points), loss.points)]
    assert len(parts) == 5
    assert torch.equal(whole, torch.cat(parts))
    for few in range(1, loss.points):
        assert torch.equal(whole[:few], loss(points[:few]))


def test_blocks_of_samples_agree_with_all_at_once(replicates: Replicates, inputs: torch.Tensor) -> None:
    loss = SubspaceLoss(
        plane_through(replicates), replicates, replicate=0, x=inputs, y=target(inputs), dtype=torch.float64
    )
    points = torch.randn(10, 3, dtype=torch.float64)
    whole = loss(points)
    loss.samples = 33
    torch.testing.assert_close(loss(points), whole, rtol=1e-13, atol=0)


def test_a_smaller_budget_makes_smaller_tiles() -> None:
    replicates = Replicates.from_modules(
        [nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 1)) for _ in range(3)]
    )
    x = torch.randn(5000, 4)
    sizes = []
    for memory in (2**16, 2**20, 2**24):
        loss = SubspaceLoss(
            plane_through(replicates, 2), replicates, replicate=0, x=x, y=torch.zeros(5000, 1), memory=memory
        )
        taken = loss.points * loss.samples * 64 * 4
        assert taken <= memory
        sizes.append(taken)
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


def test_no_tensor_outgrows_the_budget(replicates: Replicates, inputs: torch.Tensor) -> None:
    """Whatever the number of points, no intermediate tensor is larger than the budget."""
    memory = 2**18
    loss = SubspaceLoss(
        plane_through(replicates),
        replicates,
        replicate=0,
        x=inputs,
        y=target(inputs),
        dtype=torch.float64,
        memory=memory,
    )
    points = torch.randn(20_000, 3, dtype=torch.float64)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.numel() * result.element_size())
            return result

    with Watch():
        loss(points)
    coefficients = (len(points) + loss.points) * 4 * 8
    assert largest <= coefficients
    assert largest < 400 * 2 * 8 * len(points) / 50  # the activations of all points at once

    single = Watch()
    largest = 0
    with single:
        loss(points[: loss.points])
    assert largest <= memory


def test_targets_that_do_not_fit_are_refused(replicates: Replicates, inputs: torch.Tensor) -> None:
    with pytest.raises(OptionsError, match=r"targets have the shape \(2,\) and the network's outputs \(1,\)"):
        SubspaceLoss(plane_through(replicates), replicates, replicate=0, x=inputs, y=torch.zeros(400, 2))


def test_targets_without_an_axis_of_their_own_fit_one_output(replicates: Replicates, inputs: torch.Tensor) -> None:
    flat = SubspaceLoss(plane_through(replicates), replicates, replicate=0, x=inputs, y=target(inputs)[:, 0])
    tall = SubspaceLoss(plane_through(replicates), replicates, replicate=0, x=inputs, y=target(inputs))
    points = torch.randn(4, 3, dtype=torch.float64)
    assert torch.equal(flat(points), tall(points))


def test_a_budget_that_holds_nothing_is_refused(replicates: Replicates, inputs: torch.Tensor) -> None:
    with pytest.raises(OptionsError, match="a budget of 10 bytes does not hold one network on one input"):
        SubspaceLoss(plane_through(replicates), replicates, replicate=0, x=inputs, y=target(inputs), memory=10)


def test_what_overflows_is_infinite(replicates: Replicates, inputs: torch.Tensor) -> None:
    loss = SubspaceLoss(plane_through(replicates), replicates, replicate=0, x=inputs, y=target(inputs))
    assert loss(torch.full((1, 3), 1e30, dtype=torch.float64)).item() == float("inf")
