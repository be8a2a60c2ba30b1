"""Fully connected networks: SimpleNet, LinearNet and BatchNormSimpleNet of the study, for any widths and activation."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from torch import nn

from identify_core import ACTIVATIONS, OptionsError, Shape
from identify_genni.networks.chain import Chain
from identify_genni.options.networks import BatchNormOptions, FcnOptions, LinearOptions

if TYPE_CHECKING:
    from identify_core import Context


class SimpleNet(Chain):
    """Dense layers with an activation after each hidden one; `fc_input`, `layers.0`, …, `fc_final` as in the study.

    Args:
        options: widths, activation, bias and head.
        shape: inputs of several axes are flattened, outputs of several axes are shaped at the end.
    """

    def __init__(self, options: FcnOptions, shape: Shape) -> None:
        super().__init__()
        widths = options.layer_widths
        order = self._flatten_inputs(shape)
        self.fc_input = nn.Linear(math.prod(shape.inputs), widths[0], bias=options.bias)
        self.layers = nn.ModuleList(
            nn.Linear(before, after, bias=options.bias) for before, after in itertools.pairwise(widths)
        )
        self.fc_final = nn.Linear(widths[-1], math.prod(shape.outputs), bias=options.bias)
        self.activations = nn.ModuleList(ACTIVATIONS[options.activation]() for _ in widths)
        self.hidden = tuple(f"activations.{i}" for i in range(len(widths)))
        dense = ("fc_input", *(f"layers.{i}" for i in range(len(widths) - 1)))
        for pair in zip(dense, self.hidden, strict=True):
            order.extend(pair)
        self.order = (*order, "fc_final", *self._finish(options.head, shape))


class LinearNet(Chain):
    """One dense layer, `fc_layer` as in the study; it has no hidden representation."""

    def __init__(self, options: LinearOptions, shape: Shape) -> None:
        super().__init__()
        order = self._flatten_inputs(shape)
        self.fc_layer = nn.Linear(math.prod(shape.inputs), math.prod(shape.outputs), bias=options.bias)
        self.hidden = ()
        self.order = (*order, "fc_layer", *self._finish("identity", shape))


class BatchNormSimpleNet(Chain):
    """Dense layers, each with batch normalisation and an activation; `fc1`, `bn1`, …, `fc_final` as in the study."""

    def __init__(self, options: BatchNormOptions, shape: Shape) -> None:
        super().__init__()
        order = self._flatten_inputs(shape)
        width_before = math.prod(shape.inputs)
        hidden = []
        for number, width in enumerate(options.widths, start=1):
            self.add_module(f"fc{number}", nn.Linear(width_before, width))
            self.add_module(f"bn{number}", nn.BatchNorm1d(width))
            self.add_module(f"activation{number}", ACTIVATIONS[options.activation]())
            order.extend((f"fc{number}", f"bn{number}", f"activation{number}"))
            hidden.append(f"activation{number}")
            width_before = width
        self.fc_final = nn.Linear(width_before, math.prod(shape.outputs))
        self.hidden = tuple(hidden)
        self.order = (*order, "fc_final", *self._finish(options.head, shape))


def check_dense(options: object, shape: Shape) -> None:
    """Whether there are inputs and outputs to map between.

    Raises:
        OptionsError: an input or an output has no numbers in it.
    """
    for role, sizes in (("inputs", shape.inputs), ("outputs", shape.outputs)):
        if not sizes or math.prod(sizes) < 1:
            raise OptionsError(
                f"the dataset's {role} have the shape {sizes}, but a network needs at least one number there",
                hint="choose a dataset whose columns x and y hold numbers",
            )


def build_fcn(options: FcnOptions, shape: Shape, context: Context | None) -> SimpleNet:
    """One SimpleNet with PyTorch's default initialisation; see `check_dense` for what it refuses."""
    check_dense(options, shape)
    return SimpleNet(options, shape)


def build_linear(options: LinearOptions, shape: Shape, context: Context | None) -> LinearNet:
    """One LinearNet with PyTorch's default initialisation; see `check_dense` for what it refuses."""
    check_dense(options, shape)
    return LinearNet(options, shape)


def build_batchnorm(options: BatchNormOptions, shape: Shape, context: Context | None) -> BatchNormSimpleNet:
    """One BatchNormSimpleNet with PyTorch's default initialisation; see `check_dense` for what it refuses."""
    check_dense(options, shape)
    return BatchNormSimpleNet(options, shape)
