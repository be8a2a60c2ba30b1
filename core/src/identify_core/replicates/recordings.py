"""Recording a computation once as a list of tensor operations, and replaying it without Python's overhead."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

_Function = TypeVar("_Function", bound=Callable[..., Any])
_WORTH_RECORDING = 20  # a recording costs about as much as a hundred steps of a small network
_MOST_RECORDINGS = 16


def pure(function: _Function) -> _Function:
    """Promise that a loss depends on nothing but its arguments and on tensors that never change.

    A pure loss may be recorded as a list of tensor operations and replayed without running its Python code again. A
    loss that reads a schedule, counts its calls or draws random numbers is not pure.
    """
    function.identify_pure = True  # type: ignore[attr-defined]
    return function


def is_pure(function: object) -> bool:
    """Whether `pure` was promised."""
    return bool(getattr(function, "identify_pure", False))


class Recorder:
    """Replays functions of tensors once they have been called often enough with equal shapes and strides.

    A replay runs the same kernels on the same layouts, so its numbers are those of the function itself, bit for bit.
    """

    def __init__(self) -> None:
        self._calls: OrderedDict[Hashable, int] = OrderedDict()
        self._replays: OrderedDict[Hashable, Callable[..., Any]] = OrderedDict()

    def run(self, key: Hashable, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(*arguments)`.

        Args:
            key: equal only where function, shapes, strides, types and modes are equal.
            function: of nested dicts of tensors; it may change tensors in place.
            arguments: nested dicts of tensors, or None.
        """
        replay = self._replays.get(key)
        if replay is not None:
            return replay(*arguments)
        calls = self._calls[key] = self._calls.pop(key, 0) + 1
        if calls > _WORTH_RECORDING:
            del self._calls[key]
            # What cannot be recorded is kept as it is, so that it is not tried again.
            self._replays[key] = record(function, *arguments) or function
            if len(self._replays) > _MOST_RECORDINGS:
                self._replays.popitem(last=False)
        elif len(self._calls) > 4 * _MOST_RECORDINGS:
            self._calls.popitem(last=False)
        return function(*arguments)


def record(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any] | None:
    """The tensor operations of one call of `function`, as a function of like arguments.

    The arguments themselves stay as they are. The recording is tried on other numbers before it is given out.

    Returns:
        the recording, or None where Python code decides by the numbers, so that no recording stands for the function.
    """
    copies = tree_map(_copy, arguments)
    tape = _Tape(_tensors(copies))
    try:
        with tape:
            result = function(*copies)
    except _ReadsNumbers:
        return None
    play = tape.finish(result)

    def replay(*given: Any) -> Any:
        return play(*_tensors(given))

    return replay if _agree(function, replay, arguments) else None


class _ReadsNumbers(Exception):  # noqa: N818 - never leaves this module
    """An operation handed a number to Python."""


class _Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down every tensor operation of a block, below autograd and vmap."""

    def __init__(self, inputs: list[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph = torch.fx.Graph()
        self._root = torch.nn.Module()
        self._alive: list[torch.Tensor] = []  # an id stands for a tensor only while the tensor lives
        self._nodes: dict[int, torch.fx.Node] = {}
        for position, tensor in enumerate(inputs):
            self._know(tensor, self._graph.placeholder(f"input_{position}"))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: torch would import its compiler, which takes seconds, only to keep it away from this class."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func in _VIEWS and result.shape == args[0].shape and result.stride() == args[0].stride():
            self._know(result, self._node(args[0]))  # vmap leaves many views that change nothing
            return result
        node = self._graph.call_function(func, *tree_map(self._written, (tuple(args), kwargs)))
        if isinstance(result, torch.Tensor):
            self._know(result, node)
        elif isinstance(result, (tuple, list)) and all(isinstance(each, (torch.Tensor, type(None))) for each in result):
            for position, each in enumerate(result):
                if each is not None:
                    self._know(each, self._graph.call_function(operator.getitem, (node, position)))
        elif result is not None:
            raise _ReadsNumbers
        return result

    def finish(self, result: Any) -> Callable[..., Any]:
        """The operations as a function of the inputs that gives the result, nested dicts and tuples of tensors."""
        self._graph.output(tree_map(self._written, result))
        self._alive.clear()
        play: Callable[..., Any] = torch.fx.GraphModule(self._root, self._graph).forward
        return play

    def _written(self, value: Any) -> Any:
        return self._node(value) if isinstance(value, torch.Tensor) else value

    def _node(self, tensor: torch.Tensor) -> torch.fx.Node:
        node = self._nodes.get(id(tensor))
        if node is None:  # a constant, from outside the function
            name = f"constant_{len(self._alive)}"
            setattr(self._root, name, tensor)
            node = self._graph.get_attr(name)
            self._know(tensor, node)
        return node

    def _know(self, tensor: torch.Tensor, node: torch.fx.Node) -> None:
        self._alive.append(tensor)
        self._nodes[id(tensor)] = node


_VIEWS = frozenset(
    (
        torch.ops.aten.view.default,
        torch.ops.aten._unsafe_view.default,
        torch.ops.aten.expand.default,
        torch.ops.aten.detach.default,
    )
)


def _tensors(arguments: Any) -> list[torch.Tensor]:
    """The tensors in nested tuples and dicts, in order; torch's own pytree takes ten times as long."""
    found: list[torch.Tensor] = []
    for each in arguments:
        if isinstance(each, torch.Tensor):
            found.append(each)
        elif isinstance(each, dict):
            found.extend(_tensors(each.values()))
    return found


def _copy(leaf: Any) -> Any:
    """A copy that lies in memory as the original does: which operations a function runs depends on it."""
    if not isinstance(leaf, torch.Tensor):
        return leaf
    span = 1 + sum((size - 1) * stride for size, stride in zip(leaf.shape, leaf.stride(), strict=True))
    spanned = leaf.as_strided((span if leaf.numel() else 0,), (1,))
    return spanned.clone().as_strided(leaf.shape, leaf.stride())


def _other(leaf: Any) -> Any:
    """A copy with other numbers, so that a number that was written down as a constant shows."""
    copy = _copy(leaf)
    if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() and leaf.numel():
        copy.as_strided((copy.untyped_storage().nbytes() // copy.element_size(),), (1,), 0).mul_(1.25)
    return copy


def _agree(function: Callable[..., Any], replay: Callable[..., Any], arguments: Any) -> bool:
    """Whether both give the same bits, in their results and in what they change, for other numbers."""
    ours, theirs = tree_map(_other, arguments), tree_map(_other, arguments)
    expected, given = (function(*ours), ours), (replay(*theirs), theirs)
    return all(
        torch.equal(a.nan_to_num(), b.nan_to_num()) and torch.equal(a.isnan(), b.isnan())
        for a, b in zip(tree_leaves(expected), tree_leaves(given), strict=True)
        if isinstance(a, torch.Tensor)
    )
