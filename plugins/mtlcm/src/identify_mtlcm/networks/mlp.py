"""The dense encoder: hidden layers with one activation, then a linear layer to the representation."""

from __future__ import annotations

from torch import nn

from identify_core import Context, OptionsError, Shape, dense_network
from identify_mtlcm.options.networks import MlpOptions


def check_mlp(options: MlpOptions, shape: Shape) -> None:
    """Refuse rows that are not numbers.

    Raises:
        OptionsError: a row of `x` is not a vector.
    """
    if len(shape.inputs) != 1 or not shape.inputs[0]:
        raise OptionsError(
            f"the encoder mlp takes rows of numbers, (n, D), but one row of 'x' has the shape {shape.inputs}",
            hint="choose a dataset with a numeric column 'x' of vectors",
        )


def build_mlp(options: MlpOptions, shape: Shape, context: Context) -> nn.Module:
    """An encoder x (n, D) -> h (n, d), with torch's own initialisation of dense layers.

    Source: code of the study (Linear-ReLU-Linear, or Linear-ReLU-Linear-ReLU-Linear).
    """
    check_mlp(options, shape)
    widths = (shape.inputs[0], *[options.hidden] * options.layers, options.latent_dim)
    return dense_network(widths, activation=options.activation)


def input_layer(encoder: nn.Module) -> nn.Linear | None:
    """The dense layer that an encoder of this module applies to its inputs first; None for any other encoder."""
    if isinstance(encoder, nn.Sequential) and len(encoder) and isinstance(encoder[0], nn.Linear):
        return encoder[0]
    return None
