"""Running one replicate as a function of its tensors, and all of them at once or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
import torch
from torch import nn
from torch.func import functional_call, vmap

from identify_core.errors import RunError
from identify_core.suggestions import did_you_mean

Tensors = dict[str, torch.Tensor]
Shared = bool | frozenset[str]


class Call(Protocol):
    """One replicate, as a loss or a map is given it: called as its module is."""

    @property
    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Its parameters and buffers by name; one that the module uses under several names stands under the first."""

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        """What the module returns."""

    def part(self, name: str) -> Call:
        """A submodule by its dotted name, such as `decoders.2`, with this replicate's numbers."""


class Parts:
    """The submodules of a module, and under which of the module's names the tensors of each are kept.

    Args:
        template: the module.
    """

    def __init__(self, template: nn.Module) -> None:
        self._template = template
        self._found: dict[str, tuple[nn.Module, dict[str, str]]] = {}
        first: dict[int, str] = {}
        self._kept = {name: first.setdefault(id(tensor), name) for name, tensor in _every_name(template)}

    @property
    def tied(self) -> bool:
        """Whether a parameter or buffer goes by several names."""
        return any(name != kept for name, kept in self._kept.items())

    def find(self, name: str) -> tuple[nn.Module, dict[str, str]]:
        """A submodule, and for each of its own names the one under which the module's tensors are kept.

        Raises:
            RunError: there is no such submodule.
        """
        if name not in self._found:
            there = dict(self._template.named_modules(remove_duplicate=False))
            if name not in there:
                raise RunError(f"the model has no part {name!r}", hint=did_you_mean(name, filter(None, there)))
            prefix = f"{name}." if name else ""
            kept = {own: self._kept[prefix + own] for own, _ in _every_name(there[name])}
            self._found[name] = (there[name], kept)
        return self._found[name]


def _every_name(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]


@attrs.define(kw_only=True)
class Replica:
    """One replicate: a module whose tensors are given from outside, callable like the module itself.

    Args:
        template: the module; its own numbers are not used.
        tensors: name to parameter or buffer. Buffers that the module changes in place change here.
        held: names of the buffers, which the module may also replace by new tensors.
        parts: of the module.
        replaced: the buffers that the module replaced by new tensors, by name.
    """

    template: nn.Module
    tensors: Tensors
    held: tuple[str, ...]
    parts: Parts
    replaced: Tensors = attrs.field(factory=dict)

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        given = dict(self.tensors)
        # functional_call writes into `given` what the module's attributes hold afterwards.
        result = functional_call(self.template, given, inputs, keywords, tie_weights=self.parts.tied)
        for name in self.held:
            if given[name] is not self.tensors[name]:
                self.replaced[name] = self.tensors[name] = given[name]
        return result

    def part(self, name: str) -> Call:
        """A submodule by its dotted name, callable like the submodule itself; what it changes changes here.

        Raises:
            RunError: there is no such submodule.
        """
        module, kept = self.parts.find(name)
        return _Part(whole=self, name=name, template=module, kept=kept)


@attrs.frozen(kw_only=True)
class _Part:
    """A submodule of a replicate; every tensor of it is the whole replicate's."""

    whole: Replica
    name: str
    template: nn.Module
    kept: Mapping[str, str]

    @property
    def tensors(self) -> Mapping[str, torch.Tensor]:
        return {own: self.whole.tensors[kept] for own, kept in self.kept.items()}

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        given = dict(self.tensors)
        result = functional_call(self.template, given, inputs, keywords, tie_weights=False)
        for own, kept in self.kept.items():
            if given[own] is not self.whole.tensors[kept]:
                self.whole.replaced[kept] = self.whole.tensors[kept] = given[own]
        return result

    def part(self, name: str) -> Call:
        return self.whole.part(f"{self.name}.{name}")


Body = Callable[[Call, Any], Any]


@attrs.frozen(kw_only=True)
class Runner:
    """Runs a function of one replicate for each of R.

    Args:
        template: the module whose code runs.
        held: names of the buffers.
    """

    template: nn.Module
    held: tuple[str, ...]
    parts: Parts = attrs.field(init=False, default=attrs.Factory(lambda self: Parts(self.template), takes_self=True))

    def replica(self, tensors: Mapping[str, torch.Tensor]) -> Replica:
        """One replicate with these tensors."""
        return Replica(template=self.template, tensors=dict(tensors), held=self.held, parts=self.parts)

    def together(self, body: Body, parameters: Tensors, buffers: Tensors, data: Any, *, shared: Shared) -> Any:
        """`body(replica, data)` of all replicates under vmap: its tensors with a leading axis R.

        Args:
            body: returns tensors, or nested tuples and dicts of them.
            parameters: name to (R, *shape).
            buffers: name to (R, *shape); changed where the module changes them.
            data: a tensor, or a mapping of tensors.
            shared: all replicates see the same `data`; otherwise its tensors have a leading axis R. A set of names is
                of those tensors of a mapping that all see.
        """

        def one(parameters: Tensors, buffers: Tensors, data: Any) -> tuple[Any, Tensors]:
            replica = self.replica({**parameters, **buffers})
            return body(replica, data), replica.replaced

        run = vmap(one, in_dims=(0, 0, _axes(data, shared)), randomness="error")
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


def _axes(data: Any, shared: Shared) -> Any:
    """Where the replicates' axis of the data is, for vmap."""
    if isinstance(shared, bool):
        return None if shared else 0
    return {name: None if name in shared else 0 for name in data}


def part_of(data: Mapping[str, torch.Tensor], rows: slice, shared: Shared) -> dict[str, torch.Tensor]:
    """Some replicates' part of a mapping of tensors."""
    if isinstance(shared, bool):
        return {name: value if shared else value[rows] for name, value in data.items()}
    return {name: value if name in shared else value[rows] for name, value in data.items()}


def row(data: Any, index: int, shared: Shared) -> Any:
    """One replicate's part of a tensor, or of each tensor of a mapping, where it is not shared."""
    if shared is True:
        return data
    if isinstance(data, Mapping):
        common = shared or frozenset()
        return {name: value if name in common else value[index] for name, value in data.items()}
    return data[index]
