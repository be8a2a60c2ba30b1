"""Layer by layer gives what the module gives for each point's own parameters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from identify_genni.subspace.layers import max_pool
from identify_genni.subspace.network import LayeredNetwork, Unsupported


class Skip(nn.Module):
    """A skip connection from the inputs, and operations on tensors instead of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(6, 6)
        self.b = nn.Linear(6, 6)
        self.register_buffer("scale", torch.linspace(0.5, 1.5, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 6) to (n, 6)."""
        y = torch.tanh(self.a(x)) * self.scale + x
        result: torch.Tensor = (functional.gelu(self.b(y)) - x).view(x.size(0), -1)
        return result


class Pooling(nn.Module):
    """A convolution, relu and max-pool as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1)
        self.deep = nn.Conv2d(3, 4, 2, stride=2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 2, 9, 8) to (n, 16)."""
        y = functional.max_pool2d(functional.relu(self.conv(x)), 2)
        return functional.max_pool2d(self.deep(y), 1, stride=1).flatten(1)


def batch_norm() -> nn.Module:
    convolution = (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    module = nn.Sequential(*convolution, nn.Dropout(0.5), nn.Linear(36, 3), nn.BatchNorm1d(3))
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
    return module


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "dense": (lambda: nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)), (3,)),
    "no bias": (lambda: nn.Sequential(nn.Linear(3, 5, bias=False), nn.ReLU(), nn.Linear(5, 1, bias=False)), (3,)),
    "pooled first": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 2), nn.Flatten()),
        (2, 9, 7),
    ),
    "pooled later": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.MaxPool2d((2, 3)), nn.Flatten(), nn.Linear(18, 2)),
        (1, 8, 8),
    ),
    "overlapping pool": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(3, 2, 1), nn.Flatten()), (1, 8, 8)),
    "batch norm": (batch_norm, (1, 8, 8)),
    "sequence": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Linear(6, 3)), (2, 8)),
    "flat image": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), (3, 4)),
    "skip": (Skip, (6,)),
    "functions": (Pooling, (2, 9, 8)),
}


def rows_and_direct(module: nn.Module, weights: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Random rows (K + 1, P), and the outputs of each point by the module itself."""
    shapes = {name: each.shape for name, each in module.named_parameters() if each.requires_grad}
    count = sum(shape.numel() for shape in shapes.values())
    rows = torch.randn(weights.shape[1], count, dtype=x.dtype)
    outputs = []
    for vector in weights @ rows:
        parts = torch.split(vector, [shape.numel() for shape in shapes.values()])
        state = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        outputs.append(functional_call(module, state, (x,)))
    return rows, torch.stack(outputs)


def layered(module: nn.Module, rows: torch.Tensor) -> LayeredNetwork:
    return LayeredNetwork(module, {n: p.shape for n, p in module.named_parameters() if p.requires_grad}, rows)


@pytest.mark.parametrize("name", CASES)
def test_layers_equal_the_module(name: str) -> None:
    torch.manual_seed(0)
    build, shape = CASES[name]
    module = build().double().eval()
    x, weights = torch.randn(7, *shape, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    with torch.no_grad():
        rows, expected = rows_and_direct(module, weights, x)
        network = layered(module, rows)
        found = network(network.prepare(x), weights)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-11)


def test_a_frozen_layer_keeps_its_own_numbers() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    module[0].requires_grad_(False)
    x, weights = torch.randn(6, 3, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    with torch.no_grad():
        rows, expected = rows_and_direct(module, weights, x)
        network = layered(module, rows)
        assert torch.allclose(network(network.prepare(x), weights), expected, atol=1e-12)


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (2, 3)])
@pytest.mark.parametrize("window", [(2, 2), (1, 3), (2, 1)])
def test_fast_max_pool_equals_torch(size: tuple[int, int], window: tuple[int, int]) -> None:
    images = torch.randn(4, 3, *size)
    assert torch.equal(max_pool(images, window), functional.max_pool2d(images, window))


class Branches(nn.Module):
    """Python control flow on data: nothing to trace."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 2) to (n, 2)."""
        result: torch.Tensor = self.a(x) if x.sum() > 0 else -self.a(x)
        return result


class Reused(nn.Module):
    """One layer used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 2) to (n, 2)."""
        result: torch.Tensor = self.a(torch.relu(self.a(x)))
        return result


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Branches(), "cannot trace"),
        (Reused(), "used twice"),
        (nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), "not in linear"),
        (nn.Sequential(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular")), "padding of 0 is not zeros"),
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)), "no running statistics"),
    ],
)
def test_what_is_not_understood_is_said(module: nn.Module, reason: str) -> None:
    count = sum(parameter.numel() for parameter in module.parameters())
    with pytest.raises(Unsupported, match=reason):
        layered(module.eval(), torch.zeros(2, count))
