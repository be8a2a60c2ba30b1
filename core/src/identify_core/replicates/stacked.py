"""The class Replicates: R copies of one module whose parameters are the rows of one matrix."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from identify_core.errors import RunError
from identify_core.replicates.activations import collecting, layer_names
from identify_core.replicates.calling import Body, Call, Runner, Tensors, is_tied, row
from identify_core.replicates.gradients import (
    Batch,
    Gradients,
    Loss,
    gradients_apart,
    gradients_together,
    noisy,
)
from identify_core.replicates.layout import check_alike, fixed, layout_of, trainable
from identify_core.replicates.noise import Noise
from identify_core.replicates.recording import Recorder, is_pure
from identify_core.replicates.strategy import Strategy, choose_strategy
from identify_core.run.streams import Streams

__all__ = ["Batch", "Call", "Loss", "Replicates", "Strategy"]

# What torch raises where vmap has no rule for an operation, meets a random number or Python control flow on data.
_VMAP_REFUSALS = (RuntimeError, ValueError, TypeError, NotImplementedError)


class Replicates:
    """R copies of one module, run together or one after the other with the same results.

    Replicate r gives what it would give alone. The two strategies, and runs with other numbers of replicates, agree up
    to the order in which a matrix product is summed: to the last bit wherever the backend sums alike (see the tests),
    and to a relative 1e-6 of float32 otherwise. Parameters that require no gradient are kept with the buffers. A
    parameter that a module uses under several names counts once.

    Made by `build`, `from_modules` or `from_state`.

    Attributes:
        template: a module of the same architecture, on the device; its own numbers are not used.
        numbers: which replicate of the run each row is.
        strategy: "vmap" or "loop". Where it was left open, it turns from vmap into a loop for good when vmap first
            refuses the module or a loss; `reason` then says why.
        reason: why it is a loop where that was not asked for.
        refusal: what vmap said when it refused; empty where it did not.
    """

    def __init__(
        self, template: nn.Module, matrix: torch.Tensor, buffers: Tensors, *, strategy: Strategy, numbers: Sequence[int]
    ) -> None:
        self.template = template
        self.numbers = tuple(numbers)
        self.strategy, self.reason = choose_strategy(template, matrix.device, strategy)
        self.refusal = ""
        self._wanted: Strategy = strategy
        self._layout = layout_of(template)
        self._matrix = matrix
        self._views = MappingProxyType(self._layout.views(matrix))
        self._buffers = buffers
        tied = is_tied(template)
        self._runner = Runner(template=template, held=tuple(buffers), tied=tied)
        self._still = Runner(template=copy.deepcopy(template).eval(), held=tuple(buffers), tied=tied)
        self._recorder = Recorder()
        self._proven: set[Any] = set()
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
    ) -> Replicates:
        """R replicates, replicate r being what `factory(r)` returns.

        Raises:
            RunError: the modules differ in more than their numbers, or cannot be stacked.
        """
        return cls.from_modules(
            [factory(replicate) for replicate in range(count)], device=device, dtype=dtype, strategy=strategy
        )

    @classmethod
    def from_modules(
        cls,
        modules: Sequence[nn.Module],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        strategy: Strategy = "auto",
    ) -> Replicates:
        """Stack modules of one architecture; the modules themselves are not changed.

        Raises:
            RunError: there are none, or they differ in more than their numbers.
        """
        if not modules:
            raise RunError("replicates need at least one module")
        template = copy.deepcopy(modules[0])
        layout = layout_of(template)
        for number, module in enumerate(modules):
            check_alike(template, module, number)
        template = template.to(device=device, dtype=dtype).train(modules[0].training)
        place, kind = _place(template, device, dtype)
        matrix = torch.empty(len(modules), layout.count, device=place, dtype=kind)
        for row_of_matrix, module in zip(matrix, modules, strict=True):
            for name, part in layout.split(row_of_matrix).items():
                part.copy_(trainable(module)[name])
        kinds = {name: each.dtype for name, each in fixed(template).items()}
        buffers = {
            name: torch.stack([fixed(module)[name].to(place, kinds[name]) for module in modules]) for name in kinds
        }
        return cls(template, matrix, buffers, strategy=strategy, numbers=range(len(modules)))

    @classmethod
    def from_state(
        cls,
        template: nn.Module,
        state: Mapping[str, torch.Tensor],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        strategy: Strategy = "auto",
    ) -> Replicates:
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

    def train(self, mode: bool = True) -> Replicates:
        """Put the modules into training mode."""
        self.template.train(mode)
        return self

    def eval(self) -> Replicates:
        """Put the modules into evaluation mode."""
        return self.train(False)

    @property
    def parameters(self) -> Mapping[str, torch.Tensor]:
        """Name to parameters (R, *shape), in registration order; views, to be changed in place only."""
        return self._views

    @property
    def buffers(self) -> Mapping[str, torch.Tensor]:
        """Name to buffers (R, *shape), in registration order, to be changed in place only."""
        return MappingProxyType(self._buffers)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters, in registration order."""
        return self._layout.names

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
        self._matrix.copy_(vectors)

    def as_parameters(self, vector: torch.Tensor) -> Tensors:
        """A vector (..., P) as named parameters (..., *shape)."""
        return self._layout.split(vector)

    def seed_noise(self, seeds: Sequence[int]) -> None:
        """Begin each replicate's own stream of random numbers, which dropout draws from, at a seed of its own."""
        self.noise = Noise(seeds, self.device)

    def __call__(self, x: torch.Tensor, *, shared: bool = True) -> torch.Tensor:
        """The outputs of every replicate, (R, n, ...).

        Args:
            x: inputs (n, ...) for all, or (R, n, ...) where not `shared`.
            shared: whether all replicates see the same inputs.
        """
        result: torch.Tensor = self._map(self._runner, _forward, x, shared=shared, noisy=self.training)
        return result

    def values_and_gradients(
        self, loss: Loss, batch: Batch, *, shared: bool = True
    ) -> tuple[torch.Tensor, Tensors, Tensors]:
        """The loss of every replicate and its gradient.

        Args:
            loss: `loss(call, batch) -> scalar`, or `(scalar, dict of scalars)`; `call(x)` runs one replicate.
            batch: name to (n, ...), or to (R, n, ...) where not `shared`.
            shared: whether all replicates see the same batch.

        Returns:
            losses (R,), gradients by name (R, *shape), and the loss's further numbers by name (R,).

        Raises:
            RunError: the loss is no scalar, has no gradient, or vmap was asked for and cannot run it.
        """
        values, gradient, extras = self.loss_vectors(loss, batch, shared=shared)
        return values, self._layout.views(gradient), extras

    def loss_vectors(
        self, loss: Loss, batch: Batch, *, shared: bool = True, scale: torch.Tensor | None = None
    ) -> Gradients:
        """As `values_and_gradients`, with the gradients as rows (R, P), of losses multiplied by `scale` (R,)."""
        runner, layout, matrix = self._runner, self._layout, self._matrix

        def together() -> Gradients:
            def step(matrix: torch.Tensor, buffers: Tensors, batch: Batch, scale: torch.Tensor | None) -> Gradients:
                return gradients_together(runner, layout, loss, matrix, buffers, batch, scale, shared=shared)

            if not is_pure(loss):
                return step(matrix, self._buffers, batch, scale)
            shapes = tuple((name, each.shape, each.dtype) for name, each in batch.items())
            key = (loss, self.training, shared, scale is None, shapes, _autocast_state(self.device))
            result: Gradients = self._recorder.run(key, step, matrix, self._buffers, dict(batch), scale)
            return result

        def apart() -> Gradients:
            noise = self.noise if self.training else None
            return gradients_apart(
                runner, layout, loss, matrix, self._buffers, batch, scale, shared=shared, noise=noise
            )

        code = getattr(loss, "__code__", type(loss))
        result: Gradients = self._either(("gradients", self.training, code), together, apart)
        return result

    def map(self, body: Body, data: Any, *, shared: bool = True) -> Any:
        """`body(call, data)` of every replicate in the modules' present mode, without gradients.

        Args:
            body: returns a tensor, or nested dicts and tuples of tensors.
            data: a tensor or a mapping of tensors, with a leading axis R where not `shared`.
            shared: whether all replicates see the same data.

        Returns:
            what `body` returns, each tensor with a leading axis R.
        """
        with torch.no_grad():
            return self._map(self._runner, body, data, shared=shared, noisy=self.training)

    def function(self, replicate: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Replicate r in evaluation mode as `f(vector (P,), x) -> outputs`, fit for vmap, jacrev and jvp."""
        runner, layout = self._still, self._layout
        buffers = {name: buffer[replicate].clone() for name, buffer in self._buffers.items()}

        def f(vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = runner.replica({**layout.split(vector), **buffers})(x)
            return result

        return f

    def pure_function(self, body: Body) -> Callable[[torch.Tensor, Tensors, Any], Any]:
        """`body(call, data)` in evaluation mode as `f(vector (P,), buffers, data)`, fit for vmap, jacrev, jvp and vjp.

        Args:
            body: of one replicate; `buffers` are one replicate's part of `buffers`.
        """
        runner, layout = self._still, self._layout

        def f(vector: torch.Tensor, buffers: Tensors, data: Any) -> Any:
            return body(runner.replica({**layout.split(vector), **buffers}), data)

        return f

    def module(self, replicate: int) -> nn.Module:
        """A module of its own with replicate r's numbers, in the replicates' mode."""
        module = copy.deepcopy(self.template)
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

    def select(self, rows: Sequence[int]) -> Replicates:
        """A copy of some replicates, which keep their numbers and their streams."""
        index = torch.as_tensor(list(rows), dtype=torch.long, device=self.device)
        chosen = Replicates(
            copy.deepcopy(self.template),
            self._matrix[index],
            {name: buffer[index] for name, buffer in self._buffers.items()},
            strategy=self._wanted,
            numbers=[self.numbers[each] for each in index.tolist()],
        )
        chosen.strategy, chosen.reason, chosen.refusal = self.strategy, self.reason, self.refusal
        chosen._proven = set(self._proven)
        chosen.noise = self.noise.select(index.tolist())
        return chosen

    def to(self, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Replicates:
        """A copy on another device or in another floating-point type."""
        template = copy.deepcopy(self.template).to(device=device, dtype=dtype)
        place, kind = _place(template, device, dtype)
        kinds = {name: each.dtype for name, each in fixed(template).items()}
        moved = Replicates(
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

    def __deepcopy__(self, memo: dict[int, Any]) -> Replicates:
        return self.select(range(self.count))

    def activations(self, x: torch.Tensor, names: Sequence[str] | None = None) -> Tensors:
        """The outputs of submodules in evaluation mode, each (R, n, ...), without gradients.

        Args:
            x: inputs (n, ...).
            names: of submodules; by default every layer that does work of its own. A submodule that runs several
                times appears as `name`, `name#2` and so on.

        Raises:
            RunError: a submodule does not exist.
        """
        runner = self._still
        chosen = layer_names(runner.template) if names is None else tuple(names)

        def body(call: Call, x: torch.Tensor) -> Tensors:
            with collecting(runner.template, chosen) as found:
                call(x)
            return found

        with torch.no_grad():
            result: Tensors = self._map(runner, body, x, shared=True, noisy=False)
        return result

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

    def _map(self, runner: Runner, body: Body, data: Any, *, shared: bool, noisy: bool) -> Any:
        parameters, buffers = dict(self._views), self._buffers

        def together() -> Any:
            return runner.together(body, parameters, buffers, data, shared=shared)

        def apart() -> Any:
            return self._apart(runner, body, data, shared=shared, draws=noisy)

        code = getattr(body, "__code__", type(body))
        return self._either(("map", runner.template.training, code), together, apart)

    def _apart(self, runner: Runner, body: Body, data: Any, *, shared: bool, draws: bool) -> Any:
        results = []
        for replicate in range(self.count):
            own = {name: view[replicate] for name, view in self._views.items()}
            held = {name: buffer[replicate] for name, buffer in self._buffers.items()}
            with noisy(self.noise if draws else None, replicate):
                results.append(runner.alone(body, own, held, data if shared else row(data, replicate)))
        return torch.utils._pytree.tree_map(lambda *each: torch.stack(each), *results)

    def _either(self, what: Any, together: Callable[[], Any], apart: Callable[[], Any]) -> Any:
        """Run in the present strategy; the first time that vmap meets `what`, find out whether it can."""
        if self.strategy == "loop":
            return apart()
        if what in self._proven:
            return together()
        before = {name: buffer.clone() for name, buffer in self._buffers.items()}
        try:
            result = together()
        except _VMAP_REFUSALS as error:
            for name, buffer in before.items():
                self._buffers[name].copy_(buffer)
            result = apart()  # whatever is wrong with the module itself comes to light here
            why = str(error).strip().splitlines()[0]
            if self._wanted == "vmap":
                raise RunError(f"vmap cannot run this model: {why}", hint="the strategy 'loop' can") from error
            self.strategy, self.reason = "loop", "vmap cannot run it"
            self.refusal = f"vmap cannot run this model: {why}"
            return result
        self._proven.add(what)
        return result

    @torch.no_grad()
    def _write_into(self, module: nn.Module, replicate: int) -> None:
        targets = dict(module.named_parameters()) | dict(module.named_buffers())
        for name, stacked in [*self._views.items(), *self._buffers.items()]:
            targets[name].copy_(stacked[replicate])


def _forward(call: Call, x: torch.Tensor) -> Any:
    return call(x)


def _place(
    template: nn.Module, device: torch.device | str | None, dtype: torch.dtype | None
) -> tuple[torch.device, torch.dtype]:
    """The device and type of the template's tensors, or those asked for where it has none."""
    held = [*trainable(template).values(), *fixed(template).values()]
    place = held[0].device if held else torch.device(device or "cpu")
    floating = [each.dtype for each in held if each.is_floating_point()]
    return place, floating[0] if floating else dtype or torch.get_default_dtype()


def _autocast_state(device: torch.device) -> torch.dtype | None:
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None
