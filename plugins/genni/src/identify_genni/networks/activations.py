"""Output heads by name, and the names of activations in a network."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from identify_core import ACTIVATIONS

HEADS: dict[str, Callable[[], nn.Module]] = {
    "relu": ACTIVATIONS["relu"],
    "tanh": ACTIVATIONS["tanh"],
    "sigmoid": ACTIVATIONS["sigmoid"],
    "softplus": ACTIVATIONS["softplus"],
    "softmax": lambda: nn.Softmax(dim=-1),
}


def activation_name(module: nn.Module) -> str | None:
    """The name under which `ACTIVATIONS` makes modules of this type; None for any other module."""
    for name, make in ACTIVATIONS.items():
        if type(module) is make:
            return name
    return None
