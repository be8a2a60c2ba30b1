"""Dense networks, and activations by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from identify_core.errors import OptionsError
from identify_core.kinds import check_option

Activation = Literal[
    "relu", "leaky-relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid", "abs", "identity"
]  # fmt: skip


class Absolute(nn.Module):
    """x ↦ |x|."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape in, the same shape out."""
        return x.abs()


ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "abs": Absolute,
    "identity": nn.Identity,
}
"""By the name that specs have for it, what makes an activation."""


def dense_network(widths: Iterable[int], *, activation: Activation = "relu", bias: bool = True) -> nn.Sequential:
    """Dense layers one after the other with an activation between them, initialised as torch does.

    How many parameters it has, `dense_parameters(widths, bias=bias)` tells without torch.

    Args:
        widths: from the inputs to the outputs, at least two.
        activation: a name of `ACTIVATIONS`.
        bias: whether every layer has one.

    Raises:
        OptionsError: there are fewer than two widths, or no such activation.

    Example:
        >>> [type(each).__name__ for each in dense_network([3, 16, 2], activation="tanh")]
        ['Linear', 'Tanh', 'Linear']
    """
    check_option("activation", activation, Activation)
    several = tuple(widths)
    if len(several) < 2 or min(several) < 1:
        raise OptionsError(f"a dense network has at least two widths of at least 1, not {several}")
    layers: list[nn.Module] = []
    for before, after in pairwise(several):
        layers += [ACTIVATIONS[activation]()] if layers else []
        layers.append(nn.Linear(before, after, bias=bias))
    return nn.Sequential(*layers)
