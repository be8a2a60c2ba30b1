"""Running one replicate as a function of its tensors, and all of them at once or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch
from torch import nn
from torch.func import functional_call, vmap

Tensors = dict[str, torch.Tensor]
Call = Callable[..., Any]


@attrs.define(kw_only=True)
class Replica:
    """One replicate: a module whose tensors are given from outside, callable like the module itself.

    Args:
        template: the module; its own numbers are not used.
        tensors: name to parameter or buffer. Buffers that the module changes in place change here.
        held: names of the buffers, which the module may also replace by new tensors.
        tied: whether the module uses one parameter under several names.
        replaced: the buffers that the module replaced by new tensors, by name.
    """

    template: nn.Module
    tensors: Tensors
    held: tuple[str, ...]
    tied: bool
    replaced: Tensors = attrs.field(factory=dict)

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        given = dict(self.tensors)
        # functional_call writes into `given` what the module's attributes hold afterwards.
        result = functional_call(self.template, given, inputs, keywords, tie_weights=self.tied)
        for name in self.held:
            if given[name] is not self.tensors[name]:
                self.replaced[name] = self.tensors[name] = given[name]
        return result


Body = Callable[[Replica, Any], Any]


@attrs.frozen(kw_only=True)
class Runner:
    """Runs a function of one replicate for each of R.

    Args:
        template: the module whose code runs.
        held: names of the buffers.
        tied: whether the module uses one parameter under several names.
    """

    template: nn.Module
    held: tuple[str, ...]
    tied: bool

    def replica(self, tensors: Mapping[str, torch.Tensor]) -> Replica:
        """One replicate with these tensors."""
        return Replica(template=self.template, tensors=dict(tensors), held=self.held, tied=self.tied)

    def together(self, body: Body, parameters: Tensors, buffers: Tensors, data: Any, *, shared: bool) -> Any:
        """`body(replica, data)` of all replicates under vmap: its tensors with a leading axis R.

        Args:
            body: returns tensors, or nested tuples and dicts of them.
            parameters: name to (R, *shape).
            buffers: name to (R, *shape); changed where the module changes them.
            data: a tensor, or a mapping of tensors.
            shared: all replicates see the same `data`; otherwise its tensors have a leading axis R.
        """

        def one(parameters: Tensors, buffers: Tensors, data: Any) -> tuple[Any, Tensors]:
            replica = self.replica({**parameters, **buffers})
            return body(replica, data), replica.replaced

        run = vmap(one, in_dims=(0, 0, None if shared else 0), randomness="error")
        result, replaced = run(parameters, buffers, data)
        for name, value in replaced.items():
            buffers[name].copy_(value.detach())
        return result

    def alone(self, body: Body, parameters: Tensors, buffers: Tensors, data: Any) -> Any:
        """`body(replica, data)` of one replicate, given views of its own parameters and buffers."""
        replica = self.replica({**parameters, **buffers})
        result = body(replica, data)
        for name, value in replica.replaced.items():
            buffers[name].copy_(value.detach())
        return result


def row(data: Any, index: int) -> Any:
    """One replicate's part of a tensor, or of each tensor of a mapping."""
    if isinstance(data, Mapping):
        return {name: value[index] for name, value in data.items()}
    return data[index]


def is_tied(module: nn.Module) -> bool:
    """Whether a parameter or buffer goes by several names."""
    every = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return len({id(tensor) for _, tensor in every}) < len(every)
