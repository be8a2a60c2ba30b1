"""Options of the model `mlp`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import Known, Sizes, at_least, dense_parameters, option

_STUDY = "multitask_synthetic, exp_config.yaml"

Activation = Literal["relu", "leaky-relu", "elu", "gelu", "silu", "softplus", "tanh"]


@attrs.frozen
class MlpOptions:
    """The options of `mlp`."""

    latent_dim: int = option(20, help="Width of the representation, d.", source=_STUDY, limit=at_least(1))
    hidden: int = option(200, help="Units of each hidden layer.", source=_STUDY, limit=at_least(1))
    layers: int = option(
        1, help="Hidden layers; 0 makes the encoder linear.", source="1 or 2 in the study", limit=at_least(0)
    )
    activation: Activation = option("relu", help="The function after each hidden layer.", source="code of the study")


def mlp_sizes(options: MlpOptions, known: Known) -> Sizes:
    """The model `mlp`."""
    if known.inputs is None or len(known.inputs) != 1:
        return Sizes()
    widths = (known.inputs[0], *[options.hidden] * min(options.layers, 10_000), options.latent_dim)
    more = max(0, options.layers - 10_000) * (options.hidden + 1) * options.hidden
    return Sizes(parameters=dense_parameters(widths) + more, latents=options.latent_dim)
