"""Options of the model `mlp`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, option

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
