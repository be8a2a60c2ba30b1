"""The model `dense`: encoder and decoders of dense layers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from identify_core import Context, OptionsError, Shape, dense_network
from identify_metric.networks.vae import EnsembleVae
from identify_metric.options.models import Activation, DenseOptions


def check_dense(options: DenseOptions, shape: Shape) -> None:
    """Refuse rows that are not numbers.

    Raises:
        OptionsError: a row of `x` has no numbers.
    """
    if not shape.inputs or not math.prod(shape.inputs):
        raise OptionsError(
            f"the model dense takes rows of numbers, but one row of 'x' has the shape {shape.inputs}",
            hint="choose a dataset with a numeric column 'x'",
        )


def build_dense(options: DenseOptions, shape: Shape, context: Context) -> EnsembleVae:
    """An encoder D → hidden → 2d and S decoders d → hidden, reversed → D, with torch's own initialisation."""
    features = math.prod(shape.inputs)
    outputs = 2 * features if options.law == "gaussian-network" else features
    return EnsembleVae(
        encoder=_dense([features, *options.hidden, 2 * options.latent_dim], options.activation),
        decoder=lambda: _dense([options.latent_dim, *reversed(options.hidden), outputs], options.activation),
        decoders=options.decoders,
        latents=options.latent_dim,
        features=features,
        law=options.law,
        sigma=options.sigma,
    )


def _dense(widths: Sequence[int], activation: Activation) -> nn.Sequential:
    """Dense layers on flattened rows."""
    return nn.Sequential(nn.Flatten(), *dense_network(widths, activation=activation))
