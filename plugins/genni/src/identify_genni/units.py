"""The numbers that belong to one hidden unit: its incoming weights, its normalisation, its outgoing weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from identify_genni.layers import HiddenLayer, Norm, Structure

State = dict[str, torch.Tensor]


def norm_scale(norm: Norm, state: Mapping[str, Any]) -> tuple[Any, Any]:
    """The running mean, and √(variance + ε), each (n,), of tensors or of arrays.

    A normalisation without running statistics uses those of the batch, so it has neither: the network is then not a
    function of single samples, and the two are taken as 0 and 1.
    """
    if norm.mean is None or norm.variance is None:
        reference = state[norm.gamma or norm.name]
        return 0 * reference, 0 * reference + 1
    return state[norm.mean], (state[norm.variance] + norm.eps) ** 0.5


def incoming(layer: HiddenLayer, state: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What leads into each unit: weights and bias, (n, inputs + 1), without a bias (n, inputs)."""
    weights = state[layer.weight].reshape(layer.width, -1)
    return weights if layer.bias is None else torch.cat((weights, state[layer.bias][:, None]), dim=1)


def outgoing(layer: HiddenLayer, state: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What leads out of each unit, (n, outputs × block × kernel)."""
    weights = state[layer.next_weight]
    return weights.reshape(len(weights), layer.width, -1).transpose(0, 1).reshape(layer.width, -1)


def with_outgoing(layer: HiddenLayer, state: State, blocks: torch.Tensor) -> None:
    """Put outgoing weights (outputs, n, block × kernel) into `state`."""
    state[layer.next_weight] = blocks.reshape(state[layer.next_weight].shape)


def standardise_norms(structure: Structure, state: Mapping[str, torch.Tensor]) -> State:
    """Move the running statistics into gain and offset, so that networks compare by their parameters alone.

    Every running mean becomes 0 and every running variance 1 − ε; the function in evaluation mode stays what it was.
    Normalisations without gain and offset keep their statistics.
    """
    result = dict(state)
    for layer in structure.layers:
        norm = layer.norm
        if norm is None or norm.gamma is None or norm.beta is None or norm.mean is None or norm.variance is None:
            continue
        mean, scale = norm_scale(norm, state)
        result[norm.gamma] = state[norm.gamma] / scale
        result[norm.beta] = state[norm.beta] - state[norm.gamma] * mean / scale
        result[norm.mean] = torch.zeros_like(mean)
        result[norm.variance] = torch.full_like(mean, 1 - norm.eps)
    return result
