"""Convolutional networks: LeNet and KeskarC3 of the study, with their sizes checked before anything is built."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import nn

from identify_core import ACTIVATIONS, OptionsError, Shape
from identify_genni.networks.chain import Chain
from identify_genni.networks.fully_connected import check_dense
from identify_genni.options.networks import KeskarC3Options, LeNetOptions

if TYPE_CHECKING:
    from identify_core import Context


class LeNet(Chain):
    """Two valid 5×5 convolutions with 2×2 pooling and three dense layers; `conv1` … `fc3` as in the study.

    Args:
        options: activation and head; the study's head was relu.
        shape: inputs (channels, height, width).
    """

    def __init__(self, options: LeNetOptions, shape: Shape) -> None:
        super().__init__()
        channels, height, width = shape.inputs
        self.conv1 = nn.Conv2d(channels, 6, 5)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(16 * (height - 12) // 4 * ((width - 12) // 4), 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, math.prod(shape.outputs))
        self.activations = nn.ModuleList(ACTIVATIONS[options.activation]() for _ in range(4))
        self.hidden = tuple(f"activations.{i}" for i in range(4))
        first, second, third, fourth = self.hidden
        features = ("conv1", first, "pool1", "conv2", second, "pool2", "flatten")
        self.order = (*features, "fc1", third, "fc2", fourth, "fc3", *self._finish(options.head, shape))


class KeskarC3(Chain):
    """Two strided convolutions that keep the image's size, and three dense layers, with batch normalisation.

    `conv1` … `out_layer` as in the study. The zero padding is the study's for square images; for others the study
    swapped height and width in the padding before the pools, which this network does not.

    Args:
        options: activation, dropout and head.
        shape: inputs (channels, height, width).
    """

    def __init__(self, options: KeskarC3Options, shape: Shape) -> None:
        super().__init__()
        channels, height, width = shape.inputs
        before_pool = (_pool_padding(width), _pool_padding(width), _pool_padding(height), _pool_padding(height))
        order: list[str] = []
        hidden: list[str] = []
        for number in (1, 2):
            padding = (_convolution_padding(height), _convolution_padding(width))
            block = {
                f"conv{number}": nn.Conv2d(channels if number == 1 else 64, 64, 5, stride=2, padding=padding),
                f"bn{number}": nn.BatchNorm2d(64),
                f"activation{number}": ACTIVATIONS[options.activation](),
                f"pad{number}": nn.ZeroPad2d(before_pool),
                f"pool{number}": nn.MaxPool2d(3, stride=2),
            }
            self._add(block, order)
            hidden.append(f"activation{number}")
        self._add({"flatten": nn.Flatten()}, order)
        sizes = (64 * height * width, 384, 192)
        for number in (1, 2):
            block = {
                f"fc{number}": nn.Linear(sizes[number - 1], sizes[number]),
                f"bn{number + 2}": nn.BatchNorm1d(sizes[number]),
                f"activation{number + 2}": ACTIVATIONS[options.activation](),
                f"dp{number}": nn.Dropout(options.dropout),
            }
            self._add(block, order)
            hidden.append(f"activation{number + 2}")
        self._add({"out_layer": nn.Linear(192, math.prod(shape.outputs))}, order)
        self.hidden = tuple(hidden)
        self.order = (*order, *self._finish(options.head, shape))

    def _add(self, block: dict[str, nn.Module], order: list[str]) -> None:
        for name, module in block.items():
            self.add_module(name, module)
            order.append(name)


def _convolution_padding(size: int) -> int:
    """So that a 5-wide convolution of stride 2 keeps `size`."""
    return (size + 3) // 2 + 1 - size % 2


def _pool_padding(size: int) -> int:
    """So that a 3-wide pool of stride 2 keeps `size`."""
    return (size + 1) // 2 + 1 - size % 2


def _check_image(shape: Shape, name: str) -> None:
    check_dense(None, shape)
    if len(shape.inputs) != 3:
        raise OptionsError(
            f"{name} takes images of shape (channels, height, width), but the dataset's inputs have the shape "
            f"{shape.inputs}",
            hint="give the dataset inputs of three axes, such as input_shape = [1, 28, 28]",
        )


def check_lenet(options: LeNetOptions, shape: Shape) -> None:
    """Whether the two convolutions and pools come out even.

    Raises:
        OptionsError: inputs are not images, or height or width is not 16, 20, 24, …
    """
    _check_image(shape, "lenet")
    for side, size in zip(("height", "width"), shape.inputs[1:], strict=True):
        if size < 16 or (size - 12) % 4:
            above = max(16, size + (-size) % 4)
            raise OptionsError(
                f"lenet cannot take images of {side} {size}: it must be 12 more than a multiple of 4: 16, 20, 24, …",
                hint=f"the nearest {side} that works is {above if size < 16 or above - size <= 2 else above - 4}",
            )


def check_keskar_c3(options: KeskarC3Options, shape: Shape) -> None:
    """Whether the inputs are images; their height and width are free.

    Raises:
        OptionsError: inputs are not images.
    """
    _check_image(shape, "keskar-c3")


def build_lenet(options: LeNetOptions, shape: Shape, context: Context | None) -> LeNet:
    """One LeNet with PyTorch's default initialisation; see `check_lenet` for what it refuses."""
    check_lenet(options, shape)
    return LeNet(options, shape)


def build_keskar_c3(options: KeskarC3Options, shape: Shape, context: Context | None) -> KeskarC3:
    """One KeskarC3 with PyTorch's default initialisation; see `check_keskar_c3` for what it refuses."""
    check_keskar_c3(options, shape)
    return KeskarC3(options, shape)
