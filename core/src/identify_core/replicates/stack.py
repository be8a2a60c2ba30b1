"""The numbers of R copies of one module: their parameters as the rows of one matrix, and their buffers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Self

import torch
from torch import nn

from identify_core.contexts.streams import Streams
from identify_core.errors import RunError
from identify_core.replicates.calls import Tensors
from identify_core.replicates.layout import check_alike, copied, fixed, layout_of, manifolds_of, trainable
from identify_core.replicates.noise import Noise
from identify_core.replicates.strategy import Strategy, choose_strategy


class Stack:
    """The numbers of R modules of one architecture, and the streams that they draw from.

    Parameters that require no gradient are kept with the buffers. A parameter that a module uses under several names
    counts once.

    Attributes:
        template: a module of the same architecture, on the device; its own numbers are not used.
        numbers: which replicate of the run each row is.
        strategy: "vmap" or "loop". Where it was left open, it turns from vmap into a loop for good when vmap first
            refuses the module or a loss; `reason` then says why.
        reason: why it is a loop where that was not asked for.
        refusal: what vmap said when it refused; empty where it did not.
        estimate: how many replicates run together, and why, where memory does not hold all of them; else empty.
        noise: each replicate's own stream of random numbers.
    """

    def __init__(
        self, template: nn.Module, matrix: torch.Tensor, buffers: Tensors, *, strategy: Strategy, numbers: Sequence[int]
    ) -> None:
        self.template = template
        self.numbers = tuple(numbers)
        self.strategy, self.reason = choose_strategy(template, matrix.device, strategy)
        self.refusal = ""
        self.estimate = ""
        self._wanted: Strategy = strategy
        self._layout = layout_of(template)
        self._matrix = matrix
        self._views = self._layout.views(matrix)
        self._buffers = buffers
        self._proven: set[Any] = set()  # what vmap has been seen to run
        self.seed_noise([Streams(0).derive("noise", number) for number in numbers])

    @classmethod
    def build(
        cls,
        factory: Callable[[int], nn.Module],
        count: int,
        *,
        device: torch.device | str,
        dtype: torch.dtype,
        strategy: Strategy = "auto",
        admit: Callable[[int], None] = lambda parameters: None,
    ) -> Self:
        """R replicates, replicate r being what `factory(r)` returns.

        One module at a time is there next to their numbers.

        Args:
            factory: makes one module.
            count: R.
            device: where the replicates live.
            dtype: of their parameters.
            strategy: vmap or a loop.
            admit: is told how many parameters one module has before the others are built; may raise.

        Raises:
            RunError: the modules differ in more than their numbers, or cannot be stacked.
        """
        _refuse_none(count)
        first = factory(0)
        admit(layout_of(first).count)
        rest = (factory(replicate) for replicate in range(1, count))
        return cls._stacked(first, rest, count, device=device, dtype=dtype, strategy=strategy)

    @classmethod
    def from_modules(
        cls,
        modules: Sequence[nn.Module],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        strategy: Strategy = "auto",
    ) -> Self:
        """Stack modules of one architecture; the modules themselves are not changed.

        Raises:
            RunError: there are none, or they differ in more than their numbers.
        """
        _refuse_none(len(modules))
        return cls._stacked(modules[0], modules[1:], len(modules), device=device, dtype=dtype, strategy=strategy)

    @classmethod
    def _stacked(
        cls,
        first: nn.Module,
        others: Iterable[nn.Module],
        count: int,
        *,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        strategy: Strategy,
    ) -> Self:
        template = copied(first)
        layout = layout_of(template)
        template = template.to(device=device, dtype=dtype).train(first.training)
        place, kind = _place(template, device, dtype)
        matrix = torch.empty(count, layout.count, device=place, dtype=kind)
        kinds = {name: each.dtype for name, each in fixed(template).items()}
        buffers = {
            name: torch.empty(count, *each.shape, device=place, dtype=kinds[name])
            for name, each in fixed(template).items()
        }
        for number, module in enumerate(chain([first], others)):
            check_alike(template, module, number)
            for name, part in layout.split(matrix[number]).items():
                part.copy_(trainable(module)[name])
            for name, each in fixed(module).items():
                buffers[name][number] = each
        return cls(template, matrix, buffers, strategy=strategy, numbers=range(count))

    @classmethod
    def from_state(
        cls,
        template: nn.Module,
        state: Mapping[str, torch.Tensor],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        strategy: Strategy = "auto",
    ) -> Self:
        """Replicates with the numbers that `state()` gave, for a module of the same architecture.

        Raises:
            RunError: the state belongs to another architecture.
        """
        counts = {len(value) for value in state.values()}
        if len(counts) != 1:
            raise RunError(f"the state holds tensors of {sorted(counts)} replicates; all must have the same number")
        modules = [template] * counts.pop()
        replicates = cls.from_modules(modules, device=device, dtype=dtype, strategy=strategy)
        replicates.load_state(state)
        return replicates

    @property
    def count(self) -> int:
        """The number of replicates, R."""
        return len(self._matrix)

    @property
    def device(self) -> torch.device:
        """Where the replicates live."""
        return self._matrix.device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the parameters."""
        return self._matrix.dtype

    @property
    def training(self) -> bool:
        """Whether the modules are in training mode."""
        return self.template.training

    def train(self, mode: bool = True) -> Self:
        """Put the modules into training mode."""
        self.template.train(mode)
        return self

    def eval(self) -> Self:
        """Put the modules into evaluation mode."""
        return self.train(False)

    @property
    def parameters(self) -> Tensors:
        """Name to parameters (R, *shape), in registration order; views, to be changed in place only."""
        return dict(self._views)

    @property
    def buffers(self) -> Tensors:
        """Name to buffers (R, *shape), in registration order, to be changed in place only."""
        return dict(self._buffers)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters, in registration order."""
        return self._layout.names

    @property
    def manifolds(self) -> dict[str, Any]:
        """Name to manifold, for parameters that carry one, as those of geoopt do."""
        return manifolds_of(self.template)

    @property
    def parameter_shapes(self) -> tuple[torch.Size, ...]:
        """The shapes of one replicate's parameters."""
        return self._layout.shapes

    @property
    def parameter_count(self) -> int:
        """How many numbers one replicate has, P."""
        return self._layout.count

    @property
    def matrix(self) -> torch.Tensor:
        """The parameters themselves, one row a replicate, (R, P), to be changed in place only."""
        return self._matrix

    def vectors(self) -> torch.Tensor:
        """A copy of the parameters, one row a replicate, (R, P)."""
        return self._matrix.clone()

    def set_vectors(self, vectors: torch.Tensor) -> None:
        """Take the parameters from rows (R, P)."""
        self._matrix.copy_(vectors.detach())

    def as_parameters(self, vector: torch.Tensor) -> Tensors:
        """A vector (..., P) as named parameters (..., *shape)."""
        return self._layout.split(vector)

    def seed_noise(self, seeds: Sequence[int]) -> None:
        """Begin each replicate's own stream of random numbers, which dropout draws from, at a seed of its own."""
        self.noise = Noise(seeds, self.device)

    def module(self, replicate: int) -> nn.Module:
        """A module of its own with replicate r's numbers, in the replicates' mode."""
        module = copied(self.template)
        self._write_into(module, replicate)
        return module

    def replace(self, replicate: int, module: nn.Module) -> None:
        """Give replicate r the numbers of a module of the same architecture.

        Raises:
            RunError: the module differs in more than its numbers.
        """
        check_alike(self.template, module, replicate)
        for name, value in trainable(module).items():
            self._views[name][replicate].copy_(value)
        for name, value in fixed(module).items():
            self._buffers[name][replicate].copy_(value)

    def select(self, rows: Sequence[int]) -> Self:
        """A copy of some replicates, which keep their numbers and their streams."""
        index = torch.as_tensor(list(rows), dtype=torch.long, device=self.device)
        chosen = type(self)(
            copied(self.template),
            self._matrix[index],
            {name: buffer[index] for name, buffer in self._buffers.items()},
            strategy=self._wanted,
            numbers=[self.numbers[each] for each in index.tolist()],
        )
        chosen.strategy, chosen.reason, chosen.refusal = self.strategy, self.reason, self.refusal
        chosen._proven = set(self._proven)
        chosen.noise = self.noise.select(index.tolist())
        return chosen

    def to(self, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """A copy on another device or in another floating-point type."""
        template = copied(self.template).to(device=device, dtype=dtype)
        place, kind = _place(template, device, dtype)
        kinds = {name: each.dtype for name, each in fixed(template).items()}
        moved = type(self)(
            template,
            self._matrix.to(place, kind, copy=True),
            {name: buffer.to(place, kinds[name], copy=True) for name, buffer in self._buffers.items()},
            strategy=self._wanted,
            numbers=self.numbers,
        )
        if place.type == self.device.type:
            moved.strategy, moved.reason, moved.refusal = self.strategy, self.reason, self.refusal
            moved.noise = self.noise.select(range(self.count))
        return moved

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self.select(range(self.count))

    def state(self) -> Tensors:
        """Copies of all numbers: `parameters/<name>` and `buffers/<name>`, each with a leading axis R."""
        parameters = {f"parameters/{name}": view.clone() for name, view in self._views.items()}
        return parameters | {f"buffers/{name}": buffer.clone() for name, buffer in self._buffers.items()}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take all numbers from what `state` gave.

        Raises:
            RunError: names or shapes differ.
        """
        ours = {f"parameters/{name}": view for name, view in self._views.items()}
        ours |= {f"buffers/{name}": buffer for name, buffer in self._buffers.items()}
        for name in sorted(ours.keys() | state.keys()):
            mine = tuple(ours[name].shape) if name in ours else "absent"
            given = tuple(state[name].shape) if name in state else "absent"
            if mine != given:
                raise RunError(f"the state does not fit the replicates: {name!r} is {given} there and {mine} here")
        for name, tensor in ours.items():
            tensor.copy_(state[name])

    @torch.no_grad()
    def _write_into(self, module: nn.Module, replicate: int) -> None:
        targets = dict(module.named_parameters()) | dict(module.named_buffers())
        for name, stacked in [*self._views.items(), *self._buffers.items()]:
            targets[name].copy_(stacked[replicate])


def _place(
    template: nn.Module, device: torch.device | str | None, dtype: torch.dtype | None
) -> tuple[torch.device, torch.dtype]:
    """The device and type of the template's tensors, or those asked for where it has none."""
    held = [*trainable(template).values(), *fixed(template).values()]
    place = held[0].device if held else torch.device(device or "cpu")
    floating = [each.dtype for each in held if each.is_floating_point()]
    return place, floating[0] if floating else dtype or torch.get_default_dtype()


def _refuse_none(count: int) -> None:
    if count < 1:
        raise RunError("replicates need at least one module")
