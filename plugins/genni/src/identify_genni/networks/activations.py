"""Activations and output heads by name, and the symmetries that an activation gives to the layer before it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


class Absolute(nn.Module):
    """x ↦ |x|."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape in, the same shape out."""
        return x.abs()


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "abs": Absolute,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}

HEADS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "softmax": lambda: nn.Softmax(dim=-1),
}


def activation_name(module: nn.Module) -> str | None:
    """The name under which `ACTIVATIONS` makes modules of this type; None for any other module."""
    for name, make in ACTIVATIONS.items():
        if type(module) is make:
            return name
    return None
