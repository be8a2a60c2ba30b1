"""The class Replicates: R copies of one module, run together or one after the other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from identify_core.contexts.context import Context
from identify_core.data.fingerprints import Column
from identify_core.errors import RunError
from identify_core.replicates.activations import collecting, layer_names
from identify_core.replicates.calls import Body, Call, Runner, Shared, Tensors, part_of, row
from identify_core.replicates.encoding import encode_in_blocks
from identify_core.replicates.gradients import (
    Batch,
    Gradients,
    Loss,
    gradients_apart,
    gradients_together,
    join_gradients,
    noisy,
)
from identify_core.replicates.layout import copied, fixed, layout_of
from identify_core.replicates.memory import cuts, fitting_together, free_memory, peak_of, say_fitting
from identify_core.replicates.recordings import Recorder, is_pure
from identify_core.replicates.stack import Stack
from identify_core.replicates.strategy import Strategy

__all__ = ["Batch", "Call", "Loss", "Replicates", "Strategy"]

# What torch raises where vmap has no rule for an operation, meets a random number or Python control flow on data.
_VMAP_REFUSALS = (RuntimeError, ValueError, TypeError, NotImplementedError)


class Replicates(Stack):
    """R copies of one module, run together or one after the other with the same results.

    Replicate r gives what it would give among any others. Among two or more, matrix products of a batch are summed
    alike, so that its numbers are the same bits; alone, or in the other strategy, a product may be summed in another
    order, and float32 agrees to a relative 1e-6 for one step. In a loop every number is the same bits, always.

    Made by `build`, `from_modules` or `from_state`; `Stack` has what concerns the numbers alone.
    """

    def __init__(
        self, template: nn.Module, matrix: torch.Tensor, buffers: Tensors, *, strategy: Strategy, numbers: Sequence[int]
    ) -> None:
        super().__init__(template, matrix, buffers, strategy=strategy, numbers=numbers)
        self._runner = Runner(template=template, held=tuple(buffers))
        self._still = Runner(template=copy.deepcopy(template).eval(), held=tuple(buffers))
        self._recorder = Recorder()
        self._fits: dict[Any, int] = {}

    def __call__(self, x: torch.Tensor, *, shared: bool = True) -> torch.Tensor:
        """The outputs of every replicate, (R, n, ...).

        Args:
            x: inputs (n, ...) for all, or (R, n, ...) where not `shared`.
            shared: whether all replicates see the same inputs.
        """
        result: torch.Tensor = self._map(self._runner, _forward, x, shared=shared, noisy=self.training)
        return result

    def values_and_gradients(
        self, loss: Loss, batch: Batch, *, shared: Shared = True
    ) -> tuple[torch.Tensor, Tensors, Tensors]:
        """The loss of every replicate and its gradient.

        Args:
            loss: `loss(call, batch) -> scalar`, or `(scalar, dict of scalars)`; `call(x)` runs one replicate, and
                `call.part("decoders.2")(z)` a part of it.
            batch: name to (n, ...), or to (R, n, ...) where not `shared`.
            shared: whether all replicates see the same batch, or the names of its columns that all see.

        Returns:
            losses (R,), gradients by name (R, *shape), and the loss's further numbers by name (R,).

        Raises:
            RunError: the loss is not a scalar, has no gradient, or vmap was asked for and cannot run it.
        """
        values, gradient, extras = self.loss_vectors(loss, batch, shared=shared)
        return values, self._layout.views(gradient), extras

    def loss_vectors(
        self,
        loss: Loss,
        batch: Batch,
        *,
        shared: Shared = True,
        scale: torch.Tensor | None = None,
        trained: frozenset[str] | None = None,
    ) -> Gradients:
        """As `values_and_gradients`, with the gradients as rows (R, P), of losses multiplied by `scale` (R,).

        With `trained`, names of parameters, the rows hold the gradients of these alone, in registration order.
        """
        runner, layout, matrix = self._runner, self._layout, self._matrix
        shapes = tuple((name, each.shape, each.stride(), each.dtype) for name, each in batch.items())
        code = getattr(loss, "__code__", type(loss))

        def step(matrix: torch.Tensor, buffers: Tensors, batch: Batch, scale: torch.Tensor | None) -> Gradients:
            return gradients_together(
                runner, layout, loss, matrix, buffers, batch, scale, shared=shared, trained=trained
            )

        def some(rows: slice) -> Gradients:
            buffers = {name: buffer[rows] for name, buffer in self._buffers.items()}
            data = part_of(batch, rows, shared)
            arguments = matrix[rows], buffers, data, None if scale is None else scale[rows]
            if not is_pure(loss):
                return step(*arguments)
            modes = (self.training, shared, trained, scale is None, _autocast_state(self.device))
            result: Gradients = self._recorder.run((loss, modes, shapes, len(arguments[0])), step, *arguments)
            return result

        def together() -> Gradients:
            size = self._fitting(("gradients", self.training, shared, trained, code, shapes), one)
            return join_gradients([some(slice(*cut)) for cut in cuts(self.count, size)])

        def one() -> None:
            buffers = {name: buffer[:1].clone() for name, buffer in self._buffers.items()}
            first = None if scale is None else scale[:1]
            gradients_apart(
                runner, layout, loss, matrix[:1], buffers, batch, first, shared=shared, noise=None, trained=trained
            )

        def apart() -> Gradients:
            noise = self.noise if self.training else None
            return gradients_apart(
                runner, layout, loss, matrix, self._buffers, batch, scale, shared=shared, noise=noise, trained=trained
            )

        result: Gradients = self._either(("gradients", self.training, code), together, apart)
        return result

    def map(self, body: Body, data: Any, *, shared: Shared = True, differentiable: bool = False) -> Any:
        """`body(call, data)` of every replicate in the modules' present mode.

        Args:
            body: returns a tensor, or nested dicts and tuples of tensors.
            data: a tensor or a mapping of tensors, with a leading axis R where not `shared`.
            shared: whether all replicates see the same data, or the names of those tensors of a mapping that all see.
            differentiable: whether autograd may go back through the result to `data`; the parameters are constants.

        Returns:
            what `body` returns, each tensor with a leading axis R.
        """
        with torch.set_grad_enabled(differentiable):
            return self._map(self._runner, body, data, shared=shared, noisy=self.training)

    def encode(
        self,
        column: Column | Mapping[str, Column],
        body: Body | None = None,
        *,
        batch_size: int = 1024,
        into: Path | None = None,
        context: Context | None = None,
    ) -> Any:
        """What every replicate makes of each row in evaluation mode, block by block, without gradients.

        Replicates run one after the other on each block, which is read once: replicate r gives the same bits alone as
        among others, in either strategy.

        Args:
            column: tensor (n, ...) anywhere, mapped column or n strings; or several by name.
            body: `body(call, rows) -> (b, ...)`, what is kept of b rows, or several such tensors by name; by default
                what the module returns.
            batch_size: rows at once.
            into: an .npy file, in `context.scratch` for instance, which the result is mapped from, one for each of
                several results, `<file>-<name>.npy`; in memory, on the replicates' device, without one.
            context: of the run: it shows a bar, and its user may stop.

        Returns:
            A tensor (R, n, ...), fit for `Latents`, or several by name.

        Raises:
            RunError: there are no rows, or not one entry a row is given.
            Interrupted: the user stopped the run.

        Example:
            >>> import torch
            >>> replicates = Replicates.from_modules([torch.nn.Linear(3, 2) for _ in range(4)])
            >>> replicates.encode(torch.zeros(10, 3), batch_size=4).shape
            torch.Size([4, 10, 2])
        """
        return encode_in_blocks(
            [self._encoder(replicate, body or _forward) for replicate in range(self.count)],
            column,
            batch_size=batch_size,
            device=self.device,
            dtype=self.dtype,
            into=into,
            context=context,
        )

    def _encoder(self, replicate: int, body: Body) -> Callable[[Any], Any]:
        own = {name: view[replicate] for name, view in self._views.items()}
        held = {name: buffer[replicate] for name, buffer in self._buffers.items()}
        return lambda rows: self._still.alone(body, own, held, rows)

    def part(self, name: str) -> Replicates:
        """A copy of one submodule of every replicate, as replicates with the same numbers, mode and streams.

        Args:
            name: dotted, such as `decoders.2`.

        Raises:
            RunError: there is no such submodule.

        Example:
            >>> import torch
            >>> modules = [torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 5)) for _ in range(4)]
            >>> decoders = Replicates.from_modules(modules).part("1")
            >>> decoders(torch.zeros(4, 7, 2), shared=False).shape
            torch.Size([4, 7, 5])
        """
        module, kept = self._runner.parts.find(name)
        template = copied(module)
        rows = [self._views[kept[own]].reshape(self.count, -1) for own in layout_of(template).names]
        part = type(self)(
            template,
            torch.cat([self._matrix[:, :0], *rows], dim=1),
            {own: self._buffers[kept[own]].clone() for own in fixed(template)},
            strategy=self._wanted,
            numbers=self.numbers,
        )
        part.noise = self.noise.select(range(self.count))
        return part

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

    def _fitting(self, what: Any, one: Callable[[], None]) -> int:
        """How many replicates run together, by an estimate that is made when `what` is first met."""
        if what not in self._fits:
            self._fits[what] = self.count
            free = free_memory(self.device)
            if free is not None and self.count > 1:
                try:
                    needed = peak_of(one)
                except _VMAP_REFUSALS:  # what is wrong comes to light where it is run
                    return self.count
                size = fitting_together(self.count, needed, free)
                self._fits[what] = size
                if size < self.count:
                    self.estimate = say_fitting(size, self.count, needed, free)
        return self._fits[what]

    def _map(self, runner: Runner, body: Body, data: Any, *, shared: Shared, noisy: bool) -> Any:
        parameters, buffers = self._views, self._buffers

        def together() -> Any:
            return runner.together(body, parameters, buffers, data, shared=shared)

        def apart() -> Any:
            return self._apart(runner, body, data, shared=shared, draws=noisy)

        code = getattr(body, "__code__", type(body))
        return self._either(("map", runner.template.training, code), together, apart)

    def _apart(self, runner: Runner, body: Body, data: Any, *, shared: Shared, draws: bool) -> Any:
        results = []
        for replicate in range(self.count):
            own = {name: view[replicate] for name, view in self._views.items()}
            held = {name: buffer[replicate] for name, buffer in self._buffers.items()}
            with noisy(self.noise if draws else None, replicate):
                results.append(runner.alone(body, own, held, row(data, replicate, shared)))
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


def _forward(call: Call, x: torch.Tensor) -> Any:
    return call(x)


def _autocast_state(device: torch.device) -> torch.dtype | None:
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None
