"""The dense encoder: hidden layers with one activation, then a linear layer to the representation."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from identify_core import Context, OptionsError, Shape
from identify_mtlcm.options.networks import Activation, MlpOptions

_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


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
    return mlp(shape.inputs[0], [options.hidden] * options.layers, options.latent_dim, activation=options.activation)


def mlp(inputs: int, hidden: list[int], outputs: int, *, activation: Activation = "relu") -> nn.Sequential:
    """Dense layers of the given widths, the activation between them."""
    widths = [inputs, *hidden, outputs]
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise(widths)):
        layers += [_ACTIVATIONS[activation]()] if number else []
        layers.append(nn.Linear(before, after))
    return nn.Sequential(*layers)


def input_layer(encoder: nn.Module) -> nn.Linear | None:
    """The dense layer that an encoder of this module applies to its inputs first; None for any other encoder."""
    if isinstance(encoder, nn.Sequential) and len(encoder) and isinstance(encoder[0], nn.Linear):
        return encoder[0]
    return None
