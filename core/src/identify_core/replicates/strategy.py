"""Which way of running R replicates suits a module: all at once with vmap, or one after the other."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from identify_core.kinds import check_option

Strategy = Literal["auto", "vmap", "loop"]
"""How replicates run: together with vmap, one after the other, or whichever fits the module and the device."""


def choose_strategy(module: nn.Module, device: torch.device, wanted: Strategy) -> tuple[Literal["vmap", "loop"], str]:
    """The strategy to begin with, and in words why it is a loop where it was left to us and is one.

    A module, or any part of it, with an attribute `loops_on_cpu = True` asks for a loop there.

    Args:
        module: one replicate.
        device: where it runs.
        wanted: `auto` leaves the choice to this function.

    Raises:
        OptionsError: there is no such strategy.
    """
    check_option("strategy", wanted, Strategy)
    if wanted != "auto":
        return wanted, ""
    if device.type == "cpu" and _holds(module, nn.modules.conv._ConvNd):
        return "loop", "convolutions on a CPU run faster one replicate after the other"
    if device.type == "cpu" and any(getattr(each, "loops_on_cpu", False) for each in module.modules()):
        return "loop", "the model says that it runs faster on a CPU one replicate after the other"
    if any(_draws(each) for each in module.modules()):
        return "loop", "its layers draw random numbers, and each replicate draws from its own stream"
    if _holds(module, nn.RNNBase):
        return "loop", "vmap has no rule for recurrent layers"
    return "vmap", ""


def _holds(module: nn.Module, kind: type[nn.Module]) -> bool:
    return any(isinstance(each, kind) for each in module.modules())


def _draws(layer: nn.Module) -> bool:
    """Whether a layer of torch draws random numbers while it trains."""
    if isinstance(layer, (nn.modules.dropout._DropoutNd, nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)):
        return True
    return isinstance(layer, (nn.RNNBase, nn.MultiheadAttention)) and layer.dropout > 0
