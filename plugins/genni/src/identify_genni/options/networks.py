"""Options of the models: the architectures of the study, any activation, and modules from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from identify_core import at_least, between, not_empty, option

Activation = Literal["relu", "leaky-relu", "abs", "tanh", "sigmoid", "gelu", "silu", "softplus", "identity"]
Head = Literal["identity", "relu", "tanh", "sigmoid", "softplus", "softmax"]

_STUDY = "genni 1.0.3, nets/Nets.py"


@attrs.frozen
class FcnOptions:
    """The options of `fcn`."""

    widths: tuple[int, ...] = option(
        (2,),
        help="Units of each hidden layer, from the input to the output.",
        source=f"{_STUDY}: the released FCN_Sample run has one hidden layer of 2",
        limit=(not_empty(), at_least(1)),
    )
    width: int | None = option(
        None,
        help="Units of every hidden layer; together with num_layers it takes the place of widths.",
        source=f"{_STUDY}: SimpleNet(width, num_layers)",
        limit=at_least(1),
    )
    num_layers: int | None = option(
        None,
        help="Hidden layers, each of `width` units.",
        source=f"{_STUDY}: SimpleNet(width, num_layers)",
        limit=at_least(1),
    )
    activation: Activation = option("relu", help="The function after every hidden layer.", source=_STUDY)
    bias: bool = option(True, help="Whether every layer has a bias.", source=f"{_STUDY}: add_bias")
    head: Head = option("identity", help="The function after the last layer.", source=_STUDY)

    def __attrs_post_init__(self) -> None:
        if (self.width is None) != (self.num_layers is None):
            given, missing = ("num_layers", "width") if self.width is None else ("width", "num_layers")
            raise ValueError(
                f"{given} is given without {missing}: give both, or list the hidden layers' units in `widths`"
            )

    @property
    def layer_widths(self) -> tuple[int, ...]:
        """The hidden widths, in whichever of the two ways they were given."""
        if self.width is not None and self.num_layers is not None:
            return (self.width,) * self.num_layers
        return self.widths


@attrs.frozen
class LinearOptions:
    """The options of `linear`."""

    bias: bool = option(True, help="Whether the layer has a bias.", source=f"{_STUDY}: LinearNet")


@attrs.frozen
class BatchNormOptions:
    """The options of `batchnorm`."""

    widths: tuple[int, ...] = option(
        (256, 256, 256),
        help="Units of each hidden layer, from the input to the output.",
        source=f"{_STUDY}: BatchNormSimpleNet",
        limit=(not_empty(), at_least(1)),
    )
    activation: Activation = option("relu", help="The function after every normalisation.", source=_STUDY)
    head: Head = option("identity", help="The function after the last layer.", source=_STUDY)


@attrs.frozen
class LeNetOptions:
    """The options of `lenet`."""

    activation: Activation = option("relu", help="The function after every hidden layer.", source=_STUDY)
    head: Head = option(
        "identity",
        help="The function after the last layer; the study's was relu, which leaves a third of all networks dead.",
        source=f"{_STUDY}: LeNet.relu5",
    )


@attrs.frozen
class KeskarC3Options:
    """The options of `keskar-c3`."""

    activation: Activation = option("relu", help="The function after every normalisation.", source=_STUDY)
    dropout: float = option(
        0.5, help="The part of the dense units that is dropped in training.", source=_STUDY, limit=between(0.0, 1.0)
    )
    head: Head = option("identity", help="The function after the last layer.", source=_STUDY)


@attrs.frozen
class ModuleOptions:
    """The options of `module`."""

    factory: str = option(
        help="'package.module:factory' that returns one network; naming it imports and runs that code.",
        limit=not_empty(),
        names_code=True,
    )
    arguments: Mapping[str, Any] = option(
        attrs.Factory(dict), help="Keyword arguments of the factory, such as { width = 8 }."
    )
