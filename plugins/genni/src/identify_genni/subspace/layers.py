"""Layers with one set of parameters a point, applied to points and samples folded into one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

LAYERS: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d)


def apply_layer(layer: nn.Module, inputs: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The layer's outputs, each point with its own parameters.

    Args:
        layer: one of `LAYERS`, in evaluation mode; batch norms with running statistics.
        inputs: (m · s, *in), points before samples.
        parameters: `weight` and perhaps `bias`, each (m, *shape).

    Returns:
        (m · s, *out).
    """
    weight, bias = parameters["weight"], parameters.get("bias")
    folded = inputs.reshape(len(weight), -1, *inputs.shape[1:])
    if isinstance(layer, nn.Linear):
        outputs = _linear(folded, weight, bias)
    elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        outputs = _batch_norm(layer, folded, weight, bias)
    else:
        outputs = _convolution(layer, folded, weight, bias)
    return outputs.flatten(0, 1)


def combine_maps(weights: torch.Tensor, maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Σ_k weights_k · map_k, and the maximum over the given maps' positions: a max-pooled affine layer in one go.

    Args:
        weights: (m, K + 1).
        maps: one tensor (K + 1, values) for each position of the pooling window; one alone without pooling.

    Returns:
        (m, values).
    """
    combined = weights @ maps[0]
    for position in maps[1:]:
        torch.maximum(combined, weights @ position, out=combined)
    return combined


def window_parts(images: torch.Tensor, window: tuple[int, int]) -> list[torch.Tensor]:
    """The pixels at each position of the pooling window: views of (..., h, w), each (..., h // rows, w // columns)."""
    height, width = (size // step for size, step in zip(images.shape[-2:], window, strict=True))
    return [
        images[..., i : height * window[0] : window[0], j : width * window[1] : window[1]]
        for i in range(window[0])
        for j in range(window[1])
    ]


def max_pool(images: torch.Tensor, window: tuple[int, int]) -> torch.Tensor:
    """`max_pool2d` with a stride equal to its window; on a CPU in a tenth of torch's time, as it needs no indices."""
    if images.device.type != "cpu":
        return functional.max_pool2d(images, window)
    for axis, step in ((-2, window[0]), (-1, window[1])):
        length = images.shape[axis] // step * step
        parts = [images[..., i:length:step, :] if axis == -2 else images[..., i:length:step] for i in range(step)]
        images = parts[0]
        for part in parts[1:]:
            images = torch.maximum(images, part)
    return images


def _linear(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    flat = inputs.flatten(1, -2)
    outputs = torch.bmm(flat, weight.mT) if bias is None else torch.baddbmm(bias.unsqueeze(1), flat, weight.mT)
    return outputs.reshape(*inputs.shape[:-1], -1)


def _batch_norm(
    layer: nn.BatchNorm1d | nn.BatchNorm2d, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    if layer.running_mean is None or layer.running_var is None:
        raise ValueError("a batch norm without running statistics depends on the batch")
    scale = weight / torch.sqrt(layer.running_var + layer.eps)
    shift = -layer.running_mean * scale if bias is None else bias - layer.running_mean * scale
    per_channel = (len(weight), 1, -1, *([1] * (inputs.dim() - 3)))
    return torch.addcmul(shift.view(per_channel), inputs, scale.view(per_channel))


def _convolution(layer: Any, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    call = functional.conv2d if isinstance(layer, nn.Conv2d) else functional.conv1d
    settings = {
        "stride": layer.stride,
        "padding": layer.padding,
        "dilation": layer.dilation,
        "groups": layer.groups,
    }
    if inputs.device.type != "cpu" and layer.groups == 1:
        if bias is None:
            return torch.vmap(lambda x, w: call(x, w, None, **settings))(inputs, weight)
        return torch.vmap(lambda x, w, b: call(x, w, b, **settings))(inputs, weight, bias)
    # One convolution a point: on a CPU the grouped convolution that vmap makes of them takes four times as long.
    each = [call(x, weight[i], None if bias is None else bias[i], **settings) for i, x in enumerate(inputs)]
    return torch.stack(each)
