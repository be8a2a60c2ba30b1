"""The blocks of the study's networks, with its initialisation: dense, convolution, transposed convolution and style."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from torch import nn

SLOPE = 0.2
EPSILON = 1e-6
KERNELS = {3: (1, 1), 4: (2, 1)}
"""Kernel size to (stride, padding): 3 keeps the size of a map, 4 halves or doubles it."""

StyleForm = Literal["relu", "linear", "one-plus"]


class InstanceNorm(nn.Module):
    """(x − mean) / √(variance + 1e-6) over each map of each sample, then a weight and a bias a channel.

    Equal to `nn.InstanceNorm2d(affine=True, eps=1e-6)`; under autocast it computes in the type of its weight.

    Args:
        channels: C of inputs (n, C, h, w).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, h, w) to the same."""
        return normalise(x.to(self.weight.dtype)) * self.weight[:, None, None] + self.bias[:, None, None]


def normalise(x: torch.Tensor) -> torch.Tensor:
    """Each map of each sample with mean 0 and (biased) variance 1, (n, C, h, w)."""
    variance, mean = torch.var_mean(x, dim=(-2, -1), correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + EPSILON)


class LayerNorm(nn.LayerNorm):
    """`nn.LayerNorm` that computes in the type of its weight, under autocast too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, width) to the same."""
        return super().forward(x.to(self.weight.dtype))


class Style(nn.Module):
    """A transposed convolution whose maps a style vector scales and shifts.

    y = norm(leaky ReLU(convT(x))) without weights of its own, then a(w) y + b(w) a channel, (a, b) = form(Linear(w)).
    The study's code has form = ReLU, so that scales and shifts are never negative and many channels are dead; `linear`
    leaves them as they are and `one-plus` has 1 + a for a.

    Args:
        inputs: channels of x.
        outputs: channels of y.
        kernel: 3 or 4.
        style: width of w.
        form: of the scale and the shift.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, style: int, form: StyleForm) -> None:
        super().__init__()
        self.convolution = transposed(inputs, outputs, kernel)
        self.style = nn.Linear(style, 2 * outputs)
        self.form = form

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) and (n, style) to (n, outputs, h', w')."""
        moved = nn.functional.leaky_relu(self.convolution(x), SLOPE)
        y = normalise(moved.to(self.style.weight.dtype))
        scale_and_shift = self.style(w)
        if self.form == "relu":
            scale_and_shift = torch.relu(scale_and_shift)
        scale, shift = scale_and_shift[..., None, None].chunk(2, dim=1)
        if self.form == "one-plus":
            scale = 1 + scale
        styled: torch.Tensor = scale * y + shift
        return styled


def transposed(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
    """A transposed convolution without bias, drawn from U(±1/√(inputs · kernel²)); torch counts the outputs instead."""
    stride, padding = KERNELS[kernel]
    layer = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, bias=False)
    bound = 1 / math.sqrt(inputs * kernel**2)
    nn.init.uniform_(layer.weight, -bound, bound)
    return layer


def dense_blocks(inputs: int, widths: Sequence[int], *, norm: bool = False) -> Iterator[nn.Module]:
    """Linear, layer norm where it is asked for, ReLU, for each width."""
    for width in widths:
        yield nn.Linear(inputs, width)
        if norm:
            yield LayerNorm(width)
        yield nn.ReLU()
        inputs = width


def convolution_blocks(inputs: int, widths: Sequence[int], kernels: Sequence[int], *, up: bool) -> Iterator[nn.Module]:
    """(Transposed) convolution without bias, instance norm, leaky ReLU, for each width."""
    layer: Callable[[int, int, int], nn.Module] = transposed if up else _convolution
    for width, kernel in zip(widths, kernels, strict=True):
        yield layer(inputs, width, kernel)
        yield InstanceNorm(width)
        yield nn.LeakyReLU(SLOPE)
        inputs = width


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    stride, padding = KERNELS[kernel]
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
