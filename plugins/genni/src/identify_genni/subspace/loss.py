"""J at any number of points of a subspace, in tiles that fit the cache and a memory budget."""

from __future__ import annotations

import math

import torch

from identify_core import OptionsError, Replicates
from identify_genni.loss import Reduction
from identify_genni.subspace.basis import Subspace
from identify_genni.subspace.network import LayeredNetwork, Unsupported

_CACHE_BYTES = (
    2**22
)  # intermediate values of one tile on a CPU: about two cores of second-level cache, measured to be best
_LIVE = 4  # tensors of about the widest layer's size that live at the same time
_POINTS_A_TILE = 8  # enough points to share the reading of the first layer's maps
_AGREEMENT = {torch.float32: 1e-4, torch.float64: 1e-9}


class SubspaceLoss:
    """J(c + Σ a_k b_k) as a function of the coefficients a.

    A tile always has the same number of points (the last one is filled up), so that a point's value does not depend on
    how many others are asked for with it, to the last bit.

    Args:
        subspace: where the points are.
        replicates: networks of the architecture.
        replicate: whose buffers (running statistics) all points use.
        x: inputs (n, *in).
        y: targets (n, *out), or (n,) where there is one output.
        reduction: as in `identify_genni.loss`.
        batch_size: as in `identify_genni.loss`.
        dtype: of the evaluation; sums over blocks of samples are in float64.
        memory: how many bytes intermediate values may take.

    Attributes:
        points: how many points a tile has.
        samples: how many samples a block has.
        strategy: `layer by layer`, `vmap` or `one network at a time`.
        reason: why it is not layer by layer.

    Raises:
        OptionsError: the targets do not fit the outputs, or the budget does not hold one network on one input.
    """

    def __init__(
        self,
        subspace: Subspace,
        replicates: Replicates,
        *,
        replicate: int,
        x: torch.Tensor,
        y: torch.Tensor,
        reduction: Reduction = "mean",
        batch_size: int = 256,
        dtype: torch.dtype = torch.float32,
        memory: int = 2**28,
    ) -> None:
        device = replicates.device
        module = replicates.module(replicate).eval().to(dtype)
        single = Replicates.from_modules([module], device=device, dtype=dtype)
        self._function = single.function(0)
        self._rows = subspace.rows.to(device, dtype)
        self._x = x.to(device, dtype if x.is_floating_point() else None)
        with torch.inference_mode():
            out = self._function(self._rows[0], self._x[:1]).shape[1:]
            self._y = fit_targets(y, out).to(device, dtype)
            self._share = _shares(len(x), reduction, batch_size).to(device, dtype)
            self.reason = ""
            self.strategy = "layer by layer"
            try:
                shapes = dict(zip(single.parameter_names, single.parameter_shapes, strict=True))
                self._network: LayeredNetwork | None = LayeredNetwork(single.module(0).eval(), shapes, self._rows)
                self._check_layers()
            except Unsupported as unsupported:
                self._network, self.reason = None, str(unsupported)
                self.strategy = "vmap" if single.strategy == "vmap" else "one network at a time"
            self.points, self.samples = self._choose_tile(memory)

    def __call__(self, coefficients: torch.Tensor) -> torch.Tensor:
        """J at the points with coefficients (M, K); shape (M,), float64, on the CPU; not finite becomes infinite."""
        total = torch.zeros(len(coefficients), dtype=torch.float64, device=self._rows.device)
        with torch.inference_mode():
            weights = self._weights(coefficients)
            for start in range(0, len(self._x), self.samples):
                block = slice(start, start + self.samples)
                prepared = None if self._network is None else self._network.prepare(self._x[block])
                for first in range(0, len(coefficients), self.points):
                    tile = weights[first : first + self.points]
                    outputs = self._outputs(tile, self._x[block], prepared)
                    error = (outputs - self._y[block]).square_()
                    per_sample = error.flatten(2).mean(-1) if error.dim() > 2 else error
                    values = (per_sample @ self._share[block]).double()
                    total[first : first + self.points] += values[: len(coefficients) - first]
        total = total.cpu()
        return torch.where(torch.isfinite(total), total, math.inf)

    def outputs(self, coefficients: torch.Tensor) -> torch.Tensor:
        """f(x; θ(a)) for coefficients (m, K) on all inputs: (m, n, *out); meant for a few points."""
        with torch.inference_mode():
            tile = self._weights(coefficients)
            prepared = None if self._network is None else self._network.prepare(self._x)
            return self._outputs(tile, self._x, prepared)[: len(coefficients)].cpu()

    def _weights(self, coefficients: torch.Tensor) -> torch.Tensor:
        """The coefficients behind a column of ones, filled up to whole tiles."""
        points = getattr(self, "points", 1)
        missing = -len(coefficients) % points
        filled = torch.cat([coefficients, coefficients[-1:].expand(missing, -1)]) if missing else coefficients
        ones = torch.ones(len(filled), 1, dtype=filled.dtype)
        return torch.cat([ones, filled], dim=1).to(self._rows)

    def _outputs(self, weights: torch.Tensor, x: torch.Tensor, prepared: object) -> torch.Tensor:
        if self._network is not None:
            return self._network(prepared, weights)  # type: ignore[arg-type]
        vectors = weights @ self._rows
        if self.strategy == "vmap":
            return torch.vmap(self._function, in_dims=(0, None))(vectors, x)
        return torch.stack([self._function(vector, x) for vector in vectors])

    def _check_layers(self) -> None:
        """Compare the layered network with the module itself on two points and a few samples.

        It is exact for modules that treat samples independently; a module that mixes them gives other numbers.
        """
        assert self._network is not None
        x = self._x[:3]
        scale = torch.linalg.vector_norm(self._rows[0]).clamp(min=1.0) / 2
        steps = scale * torch.tensor([[0.0], [1.0]], dtype=self._rows.dtype, device=self._rows.device)
        weights = torch.cat([torch.ones_like(steps), steps.expand(-1, len(self._rows) - 1)], dim=1)
        expected = torch.stack([self._function(vector, x) for vector in weights @ self._rows])
        try:
            found = self._network(self._network.prepare(x), weights)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            raise Unsupported(
                f"it does not run with points and samples in one axis ({type(error).__name__})"
            ) from error
        tolerance = _AGREEMENT.get(self._rows.dtype, 1e-2) * float(expected.abs().max().clamp(min=1e-30))
        if found.shape != expected.shape or not torch.allclose(found, expected, rtol=0, atol=tolerance, equal_nan=True):
            raise Unsupported("its outputs for one sample depend on other samples")

    def _choose_tile(self, memory: int) -> tuple[int, int]:
        """How many points and samples to take at once."""
        size, parameters = self._rows.element_size(), self._rows.shape[1]
        if self._network is not None:
            width = self._network.widest(self._x[:1])
        else:
            width = max(self._x[0].numel(), parameters // 64, 64)  # a plain guess: hooks would not see functions
        point = 2 * parameters * size
        value = _LIVE * width * size
        if memory < point + 2 * value:
            needed = point + 2 * value
            raise OptionsError(
                f"a budget of {memory:,} bytes does not hold one network on one input, which takes {needed:,}",
                hint="raise `memory`",
            )
        room = memory if self._rows.device.type != "cpu" else min(memory, _LIVE * _CACHE_BYTES + point)
        samples = max(1, min(len(self._x), room // 2 // (value * _POINTS_A_TILE), 2**15))
        if self.strategy == "one network at a time":
            return 1, max(1, min(len(self._x), memory // 2 // value))
        points = max(1, min(room // (samples * value), memory // 2 // point, 2**14))
        return int(points), int(samples)


def fit_targets(y: torch.Tensor, out: torch.Size) -> torch.Tensor:
    """Targets (n, ...) in the shape of outputs (n, *out): one output a sample may come without an axis of its own.

    Raises:
        OptionsError: they have other sizes.
    """
    if y.shape[1:] == out:
        return y
    if y[0].numel() != out.numel():
        raise OptionsError(f"the targets have the shape {tuple(y.shape[1:])} and the network's outputs {tuple(out)}")
    return y.reshape(len(y), *out)


def _shares(count: int, reduction: Reduction, batch_size: int) -> torch.Tensor:
    """The weight of each sample in J, (n,) in float64: equal, or equal within equally weighted batches."""
    if reduction == "mean":
        return torch.full((count,), 1 / count, dtype=torch.float64)
    sizes = [min(batch_size, count - start) for start in range(0, count, batch_size)]
    return torch.cat([torch.full((size,), 1 / (size * len(sizes)), dtype=torch.float64) for size in sizes])
