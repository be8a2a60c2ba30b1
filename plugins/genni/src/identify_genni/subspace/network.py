"""A network as a function of its coefficients on a subspace, computed layer by layer for many points at once.

The parameters are linear in the coefficients. So are the pre-activations of the first layer, and they are combined
from K + 1 maps that are computed once: for a convolution that is most of the work. Later layers get the parameters of
each point and run batched. Whatever else the module does is called with points and samples folded into one axis, as
it treats samples independently (`identify_genni.subspace.loss` checks that before it relies on it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import fx, nn
from torch.nn import functional

from identify_genni.subspace.layers import LAYERS, apply_layer, combine_maps, max_pool, window_parts

Env = dict[fx.Node, Any]

# Elementwise and non-decreasing: they may change places with a maximum.
_MONOTONE_MODULES = (nn.ReLU, nn.Identity)
_MONOTONE_FUNCTIONS = (functional.relu, torch.relu)


class Unsupported(Exception):  # noqa: N818 - not a failure: the network is evaluated in another way
    """Why a module cannot be run layer by layer."""


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """What a block of samples needs once for all points.

    Args:
        samples: how many there are, s.
        constants: values that no parameter enters, by node.
        maps: the first layers' outputs for each row of the subspace, (K + 1, s · features), by node; where a max-pool
            follows, one such tensor for each position of the pooling window.
        shapes: the shape of one sample of them.
    """

    samples: int
    constants: Env
    maps: Mapping[fx.Node, tuple[torch.Tensor, ...]]
    shapes: Mapping[fx.Node, torch.Size]


class LayeredNetwork:
    """Outputs of a module at many points of a subspace.

    Args:
        module: in evaluation mode; its buffers and frozen parameters are used, the other parameters' values are not.
        shapes: the parameters by name, in the order of the parameter vector.
        rows: the centre above the basis, (K + 1, P), on the module's device and in its dtype.

    Raises:
        Unsupported: `torch.fx` cannot trace the module, a layer is used twice, or a parameter is not in a linear,
            convolution or batch-norm layer.
    """

    def __init__(self, module: nn.Module, shapes: Mapping[str, torch.Size], rows: torch.Tensor) -> None:
        try:
            self._graph = fx.Tracer().trace(module)
        except Exception as error:  # tracing runs the module's own code, which may fail in any way
            raise Unsupported(f"torch.fx cannot trace it ({type(error).__name__})") from error
        self._modules = dict(module.named_modules())
        self._rows = _split_rows(shapes, rows)
        self._count = len(rows)
        self._layers: set[fx.Node] = set()  # their parameters vary and so does their input
        self._first: set[fx.Node] = set()  # their parameters vary, their input does not
        self._varying: set[fx.Node] = set()
        self._per_sample: set[fx.Node] = set()  # constants with one row a sample
        self._sizes: set[fx.Node] = set()  # the sizes of those, which count the points too
        for node in self._graph.nodes:
            self._classify(node)
        self._refuse_what_is_left(shapes)
        self._pools = {pool: first for first in self._first if (pool := self._following_pool(first)) is not None}
        self._pooled_first = {first: pool for pool, first in self._pools.items()}
        self._last_uses = _last_uses(self._graph)

    def prepare(self, inputs: torch.Tensor) -> Prepared:
        """Compute what does not depend on the point for a block of inputs, (s, *in)."""
        constants: Env = {}
        maps: dict[fx.Node, tuple[torch.Tensor, ...]] = {}
        shapes: dict[fx.Node, torch.Size] = {}
        for node in self._graph.nodes:
            if node.op == "placeholder":
                constants[node] = inputs
            elif node in self._first:
                layer, rows = self._module(node), self._rows[node.target]
                source = constants[node.args[0]]
                each = [
                    apply_layer(layer, source, {name: row[k : k + 1] for name, row in rows.items()})
                    for k in range(self._count)
                ]
                pool = self._pooled_first.get(node)
                window = None if pool is None else self._window(pool)
                parts = [torch.stack(each)] if window is None else window_parts(torch.stack(each), window)
                shapes[node] = parts[0].shape[2:]
                maps[node] = tuple(part.reshape(self._count, -1).contiguous() for part in parts)
            elif node.op != "output" and node not in self._varying:
                constants[node] = self._run(node, constants)
        return Prepared(samples=len(inputs), constants=constants, maps=maps, shapes=shapes)

    def __call__(self, prepared: Prepared, weights: torch.Tensor) -> torch.Tensor:
        """The outputs at points given as rows (1, a_1, …, a_K).

        Args:
            prepared: a block of s samples.
            weights: (m, K + 1).

        Returns:
            (m, s, *out).
        """
        outputs, _ = self._forward(prepared, weights)
        return outputs

    def widest(self, inputs: torch.Tensor) -> int:
        """The largest number of values that one point needs for one sample between two layers; `inputs` is (1, *in)."""
        prepared = self.prepare(inputs)
        weights = torch.ones(1, self._count, dtype=inputs.dtype, device=inputs.device)
        return self._forward(prepared, weights)[1]

    def _forward(self, prepared: Prepared, weights: torch.Tensor) -> tuple[torch.Tensor, int]:
        points, widest = len(weights), 1
        env: Env = dict(prepared.constants)
        for node in self._graph.nodes:
            if node.op == "output":
                return env[node.args[0]].unflatten(0, (points, prepared.samples)), widest
            if node not in self._varying:
                continue
            if node in self._first:
                combined = combine_maps(weights, prepared.maps[node])
                env[node] = combined.view(points * prepared.samples, *prepared.shapes[node])
            elif node in self._layers:
                parameters = {
                    name: (weights @ rows.flatten(1)).view(points, *rows.shape[1:])
                    for name, rows in self._rows[node.target].items()
                }
                env[node] = apply_layer(self._module(node), env[node.args[0]], parameters)
            elif node in self._pools:
                env[node] = env[node.args[0]]  # already in the first layer's maps
            else:
                env[node] = self._run(node, env, points)
            if isinstance(env[node], torch.Tensor):
                widest = max(widest, env[node].numel())
            for done in self._last_uses.get(node, ()):
                env.pop(done, None)
        raise AssertionError("a traced graph ends with an output node")

    def _run(self, node: fx.Node, env: Env, points: int = 1) -> Any:
        """Run a node without parameters; constants with one row a sample are repeated for each point."""

        def value(argument: fx.Node) -> Any:
            found = env[argument]
            if points == 1 or argument not in self._per_sample or not isinstance(found, torch.Tensor):
                return found
            if node in self._sizes:  # only its sizes are asked for: no copies
                return found.new_empty(1).expand(points * len(found), *found.shape[1:])
            return found.repeat(points, *([1] * (found.dim() - 1)))

        args: Any = fx.node.map_arg(node.args, value)
        kwargs: Any = fx.node.map_arg(node.kwargs, value)
        if node.op == "get_attr":
            owner, _, name = str(node.target).rpartition(".")
            return getattr(self._modules[owner], name)
        if (window := self._window(node)) is not None:
            return max_pool(args[0], window)
        if node.op == "call_module":
            return self._modules[str(node.target)](*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        return node.target(*args, **kwargs)  # type: ignore[operator]

    def _module(self, node: fx.Node) -> nn.Module:
        module: nn.Module = self._modules[str(node.target)]
        return module

    def _classify(self, node: fx.Node) -> None:
        arguments = set(node.all_input_nodes)
        varying = bool(arguments & self._varying)
        if node.op == "call_module" and type(self._module(node)) in LAYERS and node.target in self._rows:
            (self._layers if varying else self._first).add(node)
            varying = True
        if not varying and arguments & self._per_sample and _asks_for_sizes(node):
            self._sizes.add(node)
            varying = True
        if varying:
            self._varying.add(node)
        elif node.op == "placeholder" or arguments & self._per_sample:
            self._per_sample.add(node)

    def _refuse_what_is_left(self, shapes: Mapping[str, torch.Size]) -> None:
        used = [str(node.target) for node in (*self._first, *self._layers)]
        if len(used) != len(set(used)):
            raise Unsupported("a layer is used twice")
        for name in used:
            layer = self._modules[name]
            if getattr(layer, "padding_mode", "zeros") != "zeros":
                raise Unsupported(f"the padding of {name} is not zeros")
            if not getattr(layer, "track_running_stats", True):
                raise Unsupported(f"{name} has no running statistics")
            if "weight" not in self._rows[name]:
                raise Unsupported(f"the weights of {name} are frozen and its bias is not")
        if any(name.rpartition(".")[0] not in used for name in shapes):
            raise Unsupported("some of its parameters are not in linear, convolution or batch-norm layers")
        if not isinstance(next(reversed(self._graph.nodes)).args[0], fx.Node):
            raise Unsupported("it returns more than one tensor")

    def _window(self, node: fx.Node) -> tuple[int, int] | None:
        """The window of a plain max-pool: stride equal to size, no padding, dilation or indices."""
        if node.op == "call_module" and type(self._module(node)) is nn.MaxPool2d:
            pool: Any = self._module(node)
            settings = (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.return_indices, pool.ceil_mode)
        elif node.op == "call_function" and node.target is functional.max_pool2d:
            named = dict(zip(("input", "kernel_size", "stride"), node.args, strict=False)) | dict(node.kwargs)
            if len(node.args) > 3:
                return None
            settings = (
                named["kernel_size"],
                named.get("stride") or named["kernel_size"],
                named.get("padding", 0),
                named.get("dilation", 1),
                named.get("return_indices", False),
                named.get("ceil_mode", False),
            )
        else:
            return None
        size, stride, padding, dilation = (_pair(setting) for setting in settings[:4])
        plain = size == stride and padding == (0, 0) and dilation == (1, 1) and not any(settings[4:])
        return size if plain else None

    def _following_pool(self, first: fx.Node) -> fx.Node | None:
        """The max-pool after a first convolution, with nothing but monotone activations between them."""
        if type(self._module(first)) is not nn.Conv2d:
            return None
        node = first
        while len(node.users) == 1:
            node = next(iter(node.users))
            if self._window(node) is not None:
                return node
            module = self._modules.get(str(node.target)) if node.op == "call_module" else None
            if not (isinstance(module, _MONOTONE_MODULES) or node.target in _MONOTONE_FUNCTIONS):
                return None
        return None


def _asks_for_sizes(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in ("size", "numel")
    return node.op == "call_function" and node.target is getattr and node.args[1] == "shape"


def _pair(setting: Any) -> tuple[int, int]:
    return (int(setting), int(setting)) if isinstance(setting, int) else (int(setting[0]), int(setting[1]))


def _split_rows(shapes: Mapping[str, torch.Size], rows: torch.Tensor) -> dict[str, dict[str, torch.Tensor]]:
    """The rows as each layer's parameters: layer name to parameter name to (K + 1, *shape)."""
    layers: dict[str, dict[str, torch.Tensor]] = {}
    parts = torch.split(rows, [shape.numel() for shape in shapes.values()], dim=1)
    for (full_name, shape), part in zip(shapes.items(), parts, strict=True):
        layer, _, name = full_name.rpartition(".")
        layers.setdefault(layer, {})[name] = part.reshape(len(rows), *shape).contiguous()
    return layers


def _last_uses(graph: fx.Graph) -> dict[fx.Node, list[fx.Node]]:
    """Which values are no longer needed after each node."""
    last: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        for argument in node.all_input_nodes:
            last[argument] = node
    ends: dict[fx.Node, list[fx.Node]] = {}
    for value, node in last.items():
        ends.setdefault(node, []).append(value)
    return ends
