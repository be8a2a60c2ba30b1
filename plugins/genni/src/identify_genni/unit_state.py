"""The state of single hidden units: which are dead, and how far incoming and outgoing weights are out of balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from identify_core import Replicates
from identify_genni.hidden import hidden_of_layer
from identify_genni.layers import HiddenLayer

_ROWS_AT_ONCE = 512


def balancedness(layer: HiddenLayer, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """|w_in|² + b² − |w_out|² of every unit of every replicate, which gradient flow conserves for 1-homogeneous units.

    Source: Du, Hu & Lee, Algorithmic regularization in learning deep homogeneous models: layers are automatically
    balanced, NeurIPS 2018, arXiv 1806.00900, theorem 2.1.

    Args:
        layer: the units; a convolution's channels count as units.
        parameters: name to (R, *shape).

    Returns:
        Shape (R, width), float64.
    """
    incoming = parameters[layer.weight].double().flatten(2).square().sum(-1)
    if layer.bias is not None:
        incoming = incoming + parameters[layer.bias].double().square()
    outgoing = parameters[layer.next_weight].double()
    replicates, outputs = outgoing.shape[:2]
    per_unit = outgoing.reshape(replicates, outputs, layer.width, -1).square().sum((1, 3))
    return incoming - per_unit


def conserves_balance(layer: HiddenLayer) -> bool:
    """Whether gradient flow conserves the balancedness of the layer's units: they are 1-homogeneous, without a norm."""
    return layer.degree == 1 and layer.norm is None


def dead_units(replicates: Replicates, layers: Sequence[HiddenLayer], inputs: torch.Tensor) -> list[torch.Tensor]:
    """Which units give one and the same output for every input; of a channel, at every position.

    Args:
        replicates: in evaluation mode.
        layers: the hidden layers.
        inputs: shape (n, ...).

    Returns:
        One boolean tensor (R, width) a layer.
    """
    names = [hidden_of_layer(layer).name for layer in layers]
    lowest: list[torch.Tensor | None] = [None] * len(names)
    highest: list[torch.Tensor | None] = [None] * len(names)
    for block in torch.split(inputs, _ROWS_AT_ONCE):
        found = replicates.activations(block, names=names)
        for index, name in enumerate(names):
            values = found[name]
            low, high = values.amin(1), values.amax(1)
            before_low, before_high = lowest[index], highest[index]
            lowest[index] = low if before_low is None else torch.minimum(before_low, low)
            highest[index] = high if before_high is None else torch.maximum(before_high, high)
    dead = []
    for low_, high_ in zip(lowest, highest, strict=True):
        assert low_ is not None
        assert high_ is not None
        dead.append((low_ == high_).flatten(2).all(-1) if low_.dim() > 2 else low_ == high_)
    return dead
