"""Chain: a network whose leaf modules run one after the other, each under a name of its own."""

from __future__ import annotations

import torch
from torch import nn

from identify_core import Shape
from identify_genni.networks.activations import HEADS


class Chain(nn.Module):
    """A network that runs the leaf modules named in `order`, one after the other.

    Attributes:
        order: the names of all leaf modules, in the order in which data flows. Parameters are registered in the same
            order, which is the order of the parameter vector θ.
        hidden: those of them whose outputs are the hidden representations, from the input to the output.
    """

    order: tuple[str, ...]
    hidden: tuple[str, ...]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Inputs (n, *inputs) to outputs (n, *outputs)."""
        for name in self.order:
            x = self.get_submodule(name)(x)
        return x

    def steps(self) -> tuple[tuple[str, nn.Module], ...]:
        """The leaf modules with their names, in the order in which data flows."""
        return tuple((name, self.get_submodule(name)) for name in self.order)

    def _flatten_inputs(self, shape: Shape) -> list[str]:
        """Register what turns inputs of several axes into vectors, where it is needed."""
        if len(shape.inputs) == 1:
            return []
        self.flatten_inputs = nn.Flatten()
        return ["flatten_inputs"]

    def _finish(self, head: str, shape: Shape) -> list[str]:
        """Register the output head and what gives outputs of several axes their shape, where they are needed."""
        names = []
        if head != "identity":
            self.head = HEADS[head]()
            names.append("head")
        if len(shape.outputs) > 1:
            self.unflatten_outputs = nn.Unflatten(1, shape.outputs)
            names.append("unflatten_outputs")
        return names
