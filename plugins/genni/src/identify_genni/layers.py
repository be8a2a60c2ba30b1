"""The hidden layers of a network whose layers run one after the other, found by tracing the module itself."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs
import torch
from torch import fx, nn

from identify_genni.links import (
    IDENTITY,
    MEAN_PRESERVING,
    Link,
    Parity,
    compose_links,
    link_of_function,
    link_of_module,
)

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_SHAPE_METHODS = {"size", "dim", "numel"}


@attrs.frozen(kw_only=True)
class Norm:
    """A batch normalisation between a layer's weights and its activation.

    Args:
        name: the submodule.
        gamma: the name of its gain; None where it has none.
        beta: the name of its offset; None where it has none.
        mean: the name of the running mean; None where it keeps no statistics.
        variance: the name of the running variance; None where it keeps no statistics.
        eps: what is added to the variance.
    """

    name: str
    gamma: str | None
    beta: str | None
    mean: str | None
    variance: str | None
    eps: float


@attrs.frozen(kw_only=True)
class HiddenLayer:
    """One layer of hidden units, or of channels of a convolution.

    Args:
        name: the submodule whose weights lead into the units.
        width: the number of units or channels, n.
        activation: what the units compute, such as `relu`; `identity` where nothing but pooling stands between weights.
        activation_name: the last submodule before pooling, whose outputs are the hidden representation; None where the
            activation is not a submodule.
        degree: p where the unit is positively homogeneous, φ(s z) = s^p φ(z) for s > 0; None where it is not.
        parity: `odd`, `even`, `complement` for φ(−z) = 1 − φ(z), or None.
        linear: whether the units are linear, so that any invertible map of them can be undone behind them.
        weight: the incoming weights, whose first axis is the units.
        bias: the incoming bias, or None.
        next_weight: the outgoing weights, whose second axis is `width` blocks of `block` columns.
        next_bias: the bias of the layer behind, or None.
        block: columns of the outgoing weights that belong to one unit; above 1 where channels are flattened.
        norm: the batch normalisation before the activation, or None.
    """

    name: str
    width: int
    activation: str
    activation_name: str | None
    degree: float | None
    parity: Parity
    linear: bool
    weight: str
    bias: str | None
    next_weight: str
    next_bias: str | None
    block: int
    norm: Norm | None

    @property
    def general(self) -> bool:
        """Whether GL(n) acts on the layer."""
        return self.linear and self.norm is None


@attrs.frozen(kw_only=True)
class Structure:
    """What is known of a network's layers.

    Args:
        layers: the hidden layers from the input to the output; empty where the structure is not understood.
        reason: why it is not understood; empty where it is.
        shapes: name to shape of the parameters, in the order of the parameter vector θ.
        dense: whether every layer with weights is dense.
        biased: name of each layer with weights to whether it has a bias, from the input to the output.
    """

    layers: tuple[HiddenLayer, ...]
    reason: str
    shapes: Mapping[str, tuple[int, ...]]
    dense: bool = False
    biased: Mapping[str, bool] = attrs.field(factory=dict)

    @property
    def known(self) -> bool:
        """Whether the layers were found."""
        return not self.reason

    @property
    def parameter_count(self) -> int:
        """The number of parameters, P."""
        return sum(torch.Size(shape).numel() for shape in self.shapes.values())

    def vector(self, state: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The parameter vector (P,) of named tensors; buffers are left out."""
        return torch.cat([state[name].reshape(-1) for name in self.shapes])

    def parameters(self, vector: torch.Tensor) -> dict[str, torch.Tensor]:
        """A parameter vector (..., P) as named parameters (..., *shape)."""
        sizes = [torch.Size(shape).numel() for shape in self.shapes.values()]
        parts = torch.split(vector, sizes, dim=-1)
        return {
            name: part.reshape(*vector.shape[:-1], *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }


@attrs.frozen(kw_only=True)
class _Step:
    """One operation of the chain, and the submodule that it is in."""

    name: str
    module: nn.Module | None
    link: Link | None
    inside: str = ""
    flattens: bool = False


class _UnknownStructureError(Exception):
    """Carries the reason in words; never leaves this module."""


def hidden_layers(module: nn.Module) -> tuple[HiddenLayer, ...]:
    """The hidden layers from the input to the output; empty where `describe` does not understand the network."""
    return describe(module).layers


def describe(module: nn.Module) -> Structure:
    """Find the hidden layers of a module by tracing it with torch.fx.

    Dense layers, convolutions, batch normalisation, activations, pooling, zero padding, dropout and flattening are
    understood where they run one after the other. Anything else, such as a skip connection, gives a reason in words.
    """
    shapes = {name: tuple(each.shape) for name, each in module.named_parameters() if each.requires_grad}
    try:
        _refuse_shared(module)
        steps = _chain(module)
        weighted = [step.name for step in steps if _has_weights(step)]
        layers = _layers(steps, module)
        for layer in layers:
            names = (layer.weight, layer.bias, layer.next_weight, layer.next_bias)
            norms = (layer.norm.gamma, layer.norm.beta) if layer.norm else ()
            absent = [name for name in (*names, *norms) if name is not None and name not in shapes]
            if absent:
                raise _UnknownStructureError(f"{absent[0]!r} is not a trainable parameter of its own")
    except _UnknownStructureError as unknown:
        return Structure(layers=(), reason=str(unknown), shapes=shapes)
    return Structure(
        layers=tuple(layers),
        reason="",
        shapes=shapes,
        dense=all(isinstance(step.module, nn.Linear) for step in steps if _has_weights(step)),
        biased={name: module.get_submodule(name).bias is not None for name in weighted},
    )


def _refuse_shared(module: nn.Module) -> None:
    owners = Counter(id(each) for _, each in module.named_parameters(remove_duplicate=False))
    for name, each in module.named_parameters(remove_duplicate=False):
        if owners[id(each)] > 1:
            raise _UnknownStructureError(f"the parameter {name!r} is shared by several layers")


def _trace(module: nn.Module) -> fx.Graph:
    try:
        return fx.Tracer().trace(module)
    except Exception as error:  # a user's forward can fail in any way; the reason is kept
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _UnknownStructureError(f"the network's forward pass cannot be traced ({first_line})") from error


def _chain(module: nn.Module) -> list[_Step]:
    graph = _trace(module)
    inputs = [node for node in graph.nodes if node.op == "placeholder" and _tensor_users(node)]
    if len(inputs) != 1:
        raise _UnknownStructureError(f"the network takes {len(inputs)} inputs")
    node = inputs[0]
    steps: list[_Step] = []
    seen: set[Any] = set()
    while True:
        users = _tensor_users(node)
        if len(users) != 1:
            raise _UnknownStructureError(f"the output of {_words(node)} feeds {len(users)} places (a skip connection?)")
        node = users[0]
        if node.op == "output":
            return steps
        others = [each for each in node.all_input_nodes if not _is_shape(each)]
        if len(others) != 1:
            raise _UnknownStructureError(f"{_words(node)} combines {len(others)} tensors")
        if node.op == "call_module" and node.target in seen:
            raise _UnknownStructureError(f"the submodule {node.target!r} runs more than once")
        seen.add(node.target if node.op == "call_module" else None)
        steps.append(_step(node, module))


def _is_shape(node: fx.Node) -> bool:
    """Whether a node holds sizes rather than a tensor of the network."""
    if node.op == "call_method" and node.target in _SHAPE_METHODS:
        return True
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in ("shape", "ndim", "device", "dtype")
    arguments = node.all_input_nodes
    return (
        node.op == "call_function"
        and bool(arguments)
        and (node.target is operator.getitem or getattr(node.target, "__module__", "") in ("_operator", "math"))
        and all(_is_shape(each) for each in arguments)
    )


def _tensor_users(node: fx.Node) -> list[fx.Node]:
    return [user for user in node.users if not _is_shape(user)]


def _words(node: fx.Node) -> str:
    if node.op == "placeholder":
        return "the input"
    return f"{getattr(node.target, '__name__', node.target)!r}"


def _step(node: fx.Node, module: nn.Module) -> _Step:
    name = str(getattr(node.target, "__name__", node.target))
    if node.op == "call_module":
        submodule = module.get_submodule(name)
        if isinstance(submodule, (nn.Linear, *_CONVOLUTIONS, *_NORMS)):
            return _Step(name=name, module=submodule, link=None)
        flattens = isinstance(submodule, nn.Flatten)
        return _Step(name=name, module=submodule, link=link_of_module(submodule), inside=name, flattens=flattens)
    inside = next(reversed([path for path, _ in node.meta.get("nn_module_stack", {}).values()]), "")
    if node.op == "call_method" and name in ("view", "reshape"):
        return _Step(name=name, module=None, link=MEAN_PRESERVING, inside=inside, flattens=True)
    if node.op == "call_method" and name == "contiguous":
        return _Step(name=name, module=None, link=IDENTITY, inside=inside)
    link = link_of_function(name, node.args[1:], node.kwargs)
    return _Step(name=name, module=None, link=link, inside=inside, flattens=name == "flatten")


def _has_weights(step: _Step) -> bool:
    return isinstance(step.module, (nn.Linear, *_CONVOLUTIONS))


def _layers(steps: Sequence[_Step], module: nn.Module) -> list[HiddenLayer]:
    positions = [index for index, step in enumerate(steps) if _has_weights(step)]
    if not positions:
        raise _UnknownStructureError("the network has no dense or convolutional layer that runs as a submodule")
    own = {name for name, each in module.named_parameters() if each.requires_grad}
    chained = {step.name for step in steps if step.module is not None}
    stray = sorted(name for name in own if name.rpartition(".")[0] not in chained)
    if stray:
        raise _UnknownStructureError(f"the parameter {stray[0]!r} belongs to no layer of the chain")
    return [_layer(steps[start], steps[start + 1 : end], steps[end]) for start, end in pairwise(positions)]


def _layer(before: _Step, between: Sequence[_Step], behind: _Step) -> HiddenLayer:
    for step in (before, behind):
        if getattr(step.module, "groups", 1) != 1:
            raise _UnknownStructureError(f"{step.name!r} is a grouped convolution")
    norm, between = _norm_of(before, between)
    links = []
    for step in between:
        if step.link is None:
            raise _UnknownStructureError(f"what {step.name!r} does to single units is not known")
        links.append(step.link)
    whole = compose_links(links)
    width, block = _sizes(before, behind, flattened=any(step.flattens for step in between))
    weights: Any = behind.module
    parity = whole.parity
    if parity == "complement" and (weights.bias is None or _is_padded(behind)):
        parity = None  # the constant that 1 − φ leaves behind has nowhere to go, or differs at the border
    free = norm is None or norm.gamma is not None
    functions = [step for step in between if step.link is not None and step.link.shapes_units]
    last = functions[-1].inside if functions else (norm.name if norm else before.name)
    return HiddenLayer(
        name=before.name,
        width=width,
        activation=whole.name or "identity",
        activation_name=last or None,
        degree=whole.degree if free else None,
        parity=parity if free else None,
        linear=whole.linear,
        weight=f"{before.name}.weight",
        bias=f"{before.name}.bias" if getattr(before.module, "bias", None) is not None else None,
        next_weight=f"{behind.name}.weight",
        next_bias=f"{behind.name}.bias" if weights.bias is not None else None,
        block=block,
        norm=norm,
    )


def _norm_of(before: _Step, between: Sequence[_Step]) -> tuple[Norm | None, Sequence[_Step]]:
    """The normalisation right behind the weights, and the steps behind it."""
    norm = None
    if between and isinstance(between[0].module, _NORMS):
        name, module = between[0].name, between[0].module
        norm = Norm(
            name=name,
            gamma=f"{name}.weight" if module.affine else None,
            beta=f"{name}.bias" if module.affine else None,
            mean=f"{name}.running_mean" if module.running_mean is not None else None,
            variance=f"{name}.running_var" if module.running_var is not None else None,
            eps=module.eps,
        )
        between = between[1:]
    for step in between:
        if isinstance(step.module, _NORMS):
            raise _UnknownStructureError(
                f"the normalisation {step.name!r} does not follow the weights of {before.name!r}"
            )
    return norm, between


def _is_padded(step: _Step) -> bool:
    module = step.module
    if not isinstance(module, _CONVOLUTIONS):
        return False
    if isinstance(module.padding, str):
        return module.padding != "valid"
    return any(module.padding)


def _sizes(before: _Step, behind: _Step, *, flattened: bool) -> tuple[int, int]:
    """The number of units, and the columns of the weights behind that belong to one of them."""
    first: Any = before.module
    second: Any = behind.module
    width = first.out_features if isinstance(first, nn.Linear) else first.out_channels
    columns = second.in_features if isinstance(second, nn.Linear) else second.in_channels
    alike = isinstance(first, nn.Linear) == isinstance(second, nn.Linear)
    if columns == width and (alike or flattened):
        return width, 1
    if not flattened or columns % width:
        raise _UnknownStructureError(
            f"the {columns} inputs of {behind.name!r} are not blocks of the {width} units before it"
        )
    return width, columns // width
