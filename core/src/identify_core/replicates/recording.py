"""Recording a computation once as a list of tensor operations and replaying it, which saves most of Python's overhead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch

_Function = TypeVar("_Function", bound=Callable[..., Any])
_WORTH_RECORDING = 20  # a recording costs about as much as fifty steps of a small network
_MOST_RECORDINGS = 16


def pure(function: _Function) -> _Function:
    """Promise that a loss depends on nothing but its arguments and on tensors that never change.

    A pure loss may be recorded as a list of tensor operations and replayed without running its Python code again. A loss
    that reads a schedule, counts its calls or draws random numbers is not pure.
    """
    function.identify_pure = True  # type: ignore[attr-defined]
    return function


def is_pure(function: object) -> bool:
    """Whether `pure` was promised."""
    return bool(getattr(function, "identify_pure", False))


class Recorder:
    """Replays functions of tensors once they have been called often enough with equal shapes.

    A replay runs the same kernels on the same shapes, so its numbers are those of the function itself, bit for bit.
    """

    def __init__(self) -> None:
        self._calls: OrderedDict[Hashable, int] = OrderedDict()
        self._replays: OrderedDict[Hashable, Callable[..., Any]] = OrderedDict()

    def run(self, key: Hashable, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(*arguments)`.

        Args:
            key: equal only where function, shapes, types and modes are equal.
            function: of nested dicts of tensors; it may change tensors in place.
            arguments: nested dicts of tensors.
        """
        replay = self._replays.get(key)
        if replay is not None:
            return replay(*arguments)
        calls = self._calls[key] = self._calls.pop(key, 0) + 1
        if calls <= _WORTH_RECORDING:
            if len(self._calls) > 4 * _MOST_RECORDINGS:
                self._calls.popitem(last=False)
            return function(*arguments)
        del self._calls[key]
        if len(self._replays) == _MOST_RECORDINGS:
            self._replays.popitem(last=False)
        self._replays[key] = replay = record(function, *arguments)
        return replay(*arguments)


def record(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The tensor operations of one call of `function`, as a function; the arguments themselves stay as they are."""
    from torch.fx.experimental.proxy_tensor import make_fx

    copies = torch.utils._pytree.tree_map_only(torch.Tensor, torch.clone, arguments)
    graph = make_fx(function)(*copies)
    _drop_views_of_the_same_shape(graph)
    replay: Callable[..., Any] = graph.forward
    return replay


def _drop_views_of_the_same_shape(graph: torch.fx.GraphModule) -> None:
    """Remove the views that vmap leaves everywhere although they change neither shape nor strides."""
    views = {
        torch.ops.aten.view.default,
        torch.ops.aten._unsafe_view.default,
        torch.ops.aten.expand.default,
        torch.ops.aten.detach.default,
    }
    for node in list(graph.graph.nodes):
        if node.op != "call_function" or node.target not in views:
            continue
        before, after = node.args[0].meta.get("tensor_meta"), node.meta.get("tensor_meta")
        if before is not None and after is not None and before.shape == after.shape and before.stride == after.stride:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
    graph.recompile()
