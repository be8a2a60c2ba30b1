"""Small networks for tests of whatever runs or trains replicates: each has one thing that is easy to get wrong."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def perceptron(width: int = 5, inputs: int = 3, outputs: int = 2) -> Callable[[int], nn.Module]:
    """Linear, tanh, linear; replicate r is initialised from seed r."""

    def build(replicate: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(replicate)
            return nn.Sequential(nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, outputs))

    return build


def normalised(replicate: int) -> nn.Module:
    """With batch normalisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(replicate)
        return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2))


def dropping(replicate: int) -> nn.Module:
    """With dropout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(replicate)
        return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


def convolutional(replicate: int) -> nn.Module:
    """A convolution, pooling and a linear layer, for inputs (n, 1, 6, 6)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(replicate)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2))


class Tied(nn.Module):
    """One weight used for two layers."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.Linear(3, 3)
            self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.second(torch.tanh(self.first(x)))
        return y


class Replacing(nn.Module):
    """Replaces its buffers by new tensors in each call."""

    calls: torch.Tensor
    mean: torch.Tensor

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = nn.Linear(3, 2)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.layer(x)
        self.calls = self.calls + 1
        self.mean = 0.5 * self.mean + y.detach().mean(0)
        return y


class Branching(nn.Module):
    """Decides in Python by the numbers that it sees, which vmap cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.layer(x)
        return y if y.sum().item() > 0 else -y


def inputs(rows: int = 7, *shape: int, seed: int = 99) -> torch.Tensor:
    """Normal numbers, (rows, *shape)."""
    return torch.randn(rows, *(shape or (3,)), generator=torch.Generator().manual_seed(seed))
