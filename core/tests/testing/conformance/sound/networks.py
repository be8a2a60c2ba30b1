"""Networks of the sound plugin."""

from __future__ import annotations

import torch
from torch import nn

from identify_core.contexts.context import Context
from identify_core.data import Shape

from .options import DeepOptions, MlpOptions


def build_mlp(options: MlpOptions, shape: Shape, context: Context) -> nn.Module:
    """Linear, tanh, linear."""
    return nn.Sequential(
        nn.Linear(shape.inputs[0], options.widths[0]), nn.Tanh(), nn.Linear(options.widths[0], shape.outputs[0])
    )


def build_deep(options: DeepOptions, shape: Shape, context: Context) -> nn.Module:
    """Layers with normalisation and dropout."""
    return Deep(shape.inputs[0], options.width, shape.outputs[0])


class Deep(nn.Module):
    """Layers with normalisation and dropout."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("offset", torch.ones(width))
        self.first = nn.Linear(inputs, width)
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, outputs)."""
        hidden = self.drop(self.norm(self.first(x) + self.offset))
        y: torch.Tensor = self.last(torch.tanh(hidden))
        return y
