"""Networks from elsewhere: any factory of modules by its import path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from identify_core import OptionsError, Shape, import_named
from identify_genni.options.networks import ModuleOptions

if TYPE_CHECKING:
    from identify_core import Context


def check_module(options: ModuleOptions, shape: Shape) -> None:
    """Whether the factory can be imported; this runs its module.

    Raises:
        OptionsError: it cannot.
    """
    import_named(options.factory, "the factory")


def build_module(options: ModuleOptions, shape: Shape, context: Context | None) -> nn.Module:
    """What the factory makes, tried on two samples of zeros.

    Raises:
        OptionsError: the factory cannot be imported, fails, returns no module, or one that does not map inputs of the
            dataset's shape to outputs of its shape.
    """
    factory = import_named(options.factory, "the factory")
    try:
        module = factory(**options.arguments)
    except Exception as error:  # the user's code can fail in any way; the reason is kept
        raise OptionsError(
            f"the factory {options.factory!r} failed with {dict(options.arguments)}: {type(error).__name__}: {error}",
            hint="give its keyword arguments under [model.arguments]",
        ) from error
    if not isinstance(module, nn.Module):
        raise OptionsError(
            f"the factory {options.factory!r} returned an object of type {type(module).__name__}, not an nn.Module"
        )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise OptionsError(f"the network of the factory {options.factory!r} has no parameters to train")
    _try_out(module, options.factory, shape)
    return module


def _try_out(module: nn.Module, factory: str, shape: Shape) -> None:
    training = {name: part.training for name, part in module.named_modules()}
    dtype = next(parameter.dtype for parameter in module.parameters())
    module.eval()  # so that statistics of normalisation layers stay as they are
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = module(torch.zeros(2, *shape.inputs, dtype=dtype))
    except Exception as error:  # the user's code can fail in any way; the reason is kept
        raise OptionsError(
            f"the network of the factory {factory!r} cannot take inputs of shape {shape.inputs}: "
            f"{type(error).__name__}: {error}",
            hint="fit the factory's arguments to the dataset, or the dataset to the network",
        ) from error
    for name, part in module.named_modules():
        part.training = training[name]
    made = tuple(outputs.shape[1:]) if isinstance(outputs, torch.Tensor) else None
    if made != shape.outputs:
        said = f"outputs of shape {made}" if made is not None else f"a {type(outputs).__name__}"
        raise OptionsError(
            f"the network of the factory {factory!r} gives {said} for each sample, but the targets have the shape "
            f"{shape.outputs}",
            hint="fit the factory's arguments to the dataset, or the dataset to the network",
        )
