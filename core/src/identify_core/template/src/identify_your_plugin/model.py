"""The model `autoencoder`: an encoder with one hidden layer and a linear decoder."""

from __future__ import annotations

import torch
from identify_core import Context, OptionsError, Shape
from torch import nn

from identify_your_plugin.options import AutoencoderOptions


class Autoencoder(nn.Module):
    """x (n, d) to its reconstruction (n, d); `encoder(x)` is the representation, (n, latents)."""

    def __init__(self, inputs: int, width: int, latents: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, latents))
        self.decoder = nn.Linear(latents, inputs, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Encode and decode."""
        reconstruction: torch.Tensor = self.decoder(self.encoder(x))
        return reconstruction


def check_autoencoder(options: AutoencoderOptions, shape: Shape) -> None:
    """Refuse sizes that the architecture cannot take, before anything is built.

    Raises:
        OptionsError: inputs are not vectors, or the representation is wider than they are.
    """
    if len(shape.inputs) != 1:
        raise OptionsError(f"autoencoder takes vectors, not inputs of shape {shape.inputs}")
    if options.latents > shape.inputs[0]:
        raise OptionsError(f"latents is {options.latents}, but the inputs have only {shape.inputs[0]} columns")


def build_autoencoder(options: AutoencoderOptions, shape: Shape, context: Context) -> nn.Module:
    """One replicate; torch's global generator stands at the beginning of this replicate's own stream."""
    return Autoencoder(shape.inputs[0], options.width, options.latents)
