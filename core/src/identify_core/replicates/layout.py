"""How the parameters of one module lie in one row of a matrix, and which tensors of a module are parameters at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import attrs
import torch
from torch import nn

from identify_core.errors import RunError


@attrs.frozen(kw_only=True)
class Layout:
    """The trainable parameters of one module in registration order; a tied parameter counts once, under its first name.

    Args:
        names: one a parameter.
        shapes: one a parameter.
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers each parameter has."""
        return tuple(math.prod(shape) for shape in self.shapes)

    @property
    def count(self) -> int:
        """How many numbers one replicate has, P."""
        return sum(self.sizes)

    def split(self, vector: torch.Tensor) -> dict[str, torch.Tensor]:
        """Views of a vector (..., P) as named parameters (..., *shape)."""
        leading = vector.shape[:-1]
        pieces = torch.split(vector, list(self.sizes), dim=-1)
        return {
            name: piece.reshape((*leading, *shape))  # one tuple: a scalar of one replicate has no sizes at all
            for name, shape, piece in zip(self.names, self.shapes, pieces, strict=True)
        }

    def views(self, matrix: torch.Tensor) -> dict[str, torch.Tensor]:
        """Named views (R, *shape) that share the memory of a contiguous matrix (R, P)."""
        pieces = torch.split(matrix, list(self.sizes), dim=1)
        return {
            name: piece.view(len(matrix), *shape)
            for name, shape, piece in zip(self.names, self.shapes, pieces, strict=True)
        }

    def join(self, named: Mapping[str, torch.Tensor] | Sequence[torch.Tensor]) -> torch.Tensor:
        """The matrix (R, P) of stacked tensors (R, *shape): the inverse of `split`."""
        stacked = [named[name] for name in self.names] if isinstance(named, Mapping) else list(named)
        return torch.cat([each.reshape(len(each), -1) for each in stacked], dim=1)


def layout_of(module: nn.Module) -> Layout:
    """The layout of a module's trainable parameters.

    Raises:
        RunError: a parameter is not yet initialised, or is not a floating-point tensor.
    """
    for name, parameter in module.named_parameters():
        if nn.parameter.is_lazy(parameter):
            raise RunError(
                f"the parameter {name!r} has no shape yet: replicates need initialised parameters",
                hint="build the module with explicit sizes, or call it once before it is returned",
            )
        if not parameter.is_floating_point():
            raise RunError(f"the parameter {name!r} is {parameter.dtype}: replicates take floating-point parameters")
    parameters = trainable(module)
    return Layout(names=tuple(parameters), shapes=tuple(each.shape for each in parameters.values()))


def trainable(module: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that require a gradient, each once."""
    return {name: each.detach() for name, each in module.named_parameters() if each.requires_grad}


def fixed(module: nn.Module) -> dict[str, torch.Tensor]:
    """What a module carries next to its trainable parameters: its buffers, and the parameters that are held fixed."""
    held = {name: each.detach() for name, each in module.named_parameters() if not each.requires_grad}
    return held | {name: each.detach() for name, each in module.named_buffers()}


def manifolds_of(module: nn.Module) -> dict[str, Any]:
    """Name to manifold, for trainable parameters with an attribute `manifold`."""
    found = {name: getattr(each, "manifold", None) for name, each in module.named_parameters() if each.requires_grad}
    return {name: manifold for name, manifold in found.items() if manifold is not None}


def copied(module: nn.Module) -> nn.Module:
    """A deep copy whose parameters keep their manifolds, which a copy of a plain parameter forgets."""
    copy = deepcopy(module)
    parameters = dict(copy.named_parameters())
    for name, manifold in manifolds_of(module).items():
        if getattr(parameters[name], "manifold", None) is None:
            parameters[name].manifold = manifold  # type: ignore[attr-defined]
    return copy


def check_alike(template: nn.Module, module: nn.Module, number: int) -> None:
    """Refuse a replicate whose tensors are not named and shaped as the template's.

    Raises:
        RunError: names, shapes or manifolds differ.
    """
    here, there = ({name: type(m).__name__ for name, m in manifolds_of(each).items()} for each in (template, module))
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            raise RunError(
                f"replicate {number} differs from replicate 0 in the manifold of {name!r}: "
                f"{there.get(name, 'none')} against {here.get(name, 'none')}",
                hint="the replicates of a run share one architecture and differ in their numbers alone",
            )
    for kind, of in (("parameter", trainable), ("buffer", fixed)):
        ours = {name: tuple(each.shape) for name, each in of(template).items()}
        theirs = {name: tuple(each.shape) for name, each in of(module).items()}
        if ours == theirs:
            continue
        name = next(name for name in [*ours, *theirs] if ours.get(name) != theirs.get(name))
        raise RunError(
            f"replicate {number} differs from replicate 0 in the {kind} {name!r}: "
            f"{theirs.get(name, 'absent')} against {ours.get(name, 'absent')}",
            hint="the replicates of a run share one architecture and differ in their numbers alone",
        )
