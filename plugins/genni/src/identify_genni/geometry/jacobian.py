"""The Jacobian of a network's stacked outputs with respect to its parameters, and its singular values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs
import torch
from torch.func import jacrev, vjp, vmap

from identify_genni.geometry.residual import ParameterFunction

Method = Literal["auto", "svd", "gram", "sketch"]

_BYTES = 8
_MOST_NUMBERS = 8_000_000
# A singular value is the root of an eigenvalue of the Gram matrix, whose rounding error is about 1e-16 of the largest.
GRAM_RESOLUTION = 1e-7


@attrs.frozen(kw_only=True, eq=False)
class Spectrum:
    """The singular values of a Jacobian.

    Args:
        values: in descending order; min(m, P) of them, or the largest ones where `complete` is False.
        rows: m, the number of outputs times samples.
        columns: P, the number of parameters.
        resolution: singular values below this part of the largest are rounding errors of the method.
        complete: whether the values left out, if any, are zero.
        method: how they were computed.
    """

    values: torch.Tensor
    rows: int
    columns: int
    resolution: float
    complete: bool
    method: Method

    def rank(self, tolerance: float) -> int | None:
        """The number of singular values above `tolerance` times the largest.

        None where the method cannot tell: the tolerance is below its resolution, or values beyond those computed may
        also be above it.
        """
        largest = float(self.values[0]) if len(self.values) else 0.0
        if largest == 0.0:
            return 0
        if tolerance < self.resolution:
            return None
        rank = int((self.values > tolerance * largest).sum())
        return None if not self.complete and rank == len(self.values) else rank


def jacobian(
    function: ParameterFunction, vector: torch.Tensor, inputs: torch.Tensor, *, memory: float = 2e9
) -> torch.Tensor:
    """∂f/∂θ of the stacked outputs, (m, P) with m = samples times outputs, sample by sample in order.

    Args:
        function: f(θ (P,), x (n, ...)) -> (n, ...), independent from sample to sample, as networks are in evaluation
            mode.
        vector: θ, (P,).
        inputs: x, (n, ...).
        memory: bytes that intermediate results may take beside the result.
    """
    return torch.cat(list(jacobian_blocks(function, vector, inputs, memory=memory)))


def jacobian_blocks(
    function: ParameterFunction, vector: torch.Tensor, inputs: torch.Tensor, *, memory: float = 2e9
) -> Iterator[torch.Tensor]:
    """The rows of `jacobian` in consecutive blocks, each within 2/5 of `memory` where one sample allows it."""
    if len(inputs) == 0:
        return
    with torch.no_grad():
        outputs = function(vector, inputs[:1]).numel()
    samples = max(1, int(memory / 2.5 // (_BYTES * max(1, outputs) * len(vector))))

    def single(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return function(theta, x.unsqueeze(0)).reshape(-1)

    for part in torch.split(inputs, samples):
        rows = vmap(jacrev(single), in_dims=(None, 0))(vector, part)
        yield rows.detach().reshape(-1, len(vector))


def spectrum(
    function: ParameterFunction,
    vector: torch.Tensor,
    inputs: torch.Tensor,
    *,
    method: Method = "auto",
    memory: float = 2e9,
    sketch: int = 256,
    generator: torch.Generator | None = None,
) -> Spectrum:
    """The singular values of the Jacobian; no P × P matrix is made unless P is the smaller side.

    `svd` keeps the whole Jacobian and is exact to rounding. `gram` makes the smaller of J Jᵀ and (by a streamed QR)
    the triangular factor of J, and never keeps more than two blocks of rows. `sketch` finds the largest values by
    randomised subspace iteration with products alone (Halko, Martinsson & Tropp 2011, algorithm 4.4). `auto` takes the
    first that fits; `gram` also for Jacobians of more than 8 million numbers.

    Args:
        function: as in `jacobian`.
        vector: θ, (P,).
        inputs: x, (n, ...).
        method: which of the three.
        memory: bytes.
        sketch: how many of the largest values `sketch` finds.
        generator: for `sketch`.
    """
    with torch.no_grad():
        rows = function(vector, inputs[:1]).numel() * len(inputs)
    columns = len(vector)
    chosen = _choose(rows, columns, memory) if method == "auto" else method
    complete, resolution = True, 1e-13
    if chosen == "svd":
        values = torch.linalg.svdvals(jacobian(function, vector, inputs, memory=memory))
    elif chosen == "gram" and columns < rows:
        values = torch.linalg.svdvals(_triangular_factor(function, vector, inputs, memory))
    elif chosen == "gram":
        values = torch.linalg.eigvalsh(_gram(function, vector, inputs, memory)).flip(0).clamp(min=0).sqrt()
        resolution = GRAM_RESOLUTION
    else:
        size = min(sketch, rows, columns)
        values = _sketched(function, vector, inputs, size, generator)
        complete, resolution = size == min(rows, columns), 1e-10
    return Spectrum(values=values, rows=rows, columns=columns, resolution=resolution, complete=complete, method=chosen)


def _choose(rows: int, columns: int, memory: float) -> Method:
    smaller = min(rows, columns)
    # The matrix, the copy that LAPACK overwrites, its workspace; for large ones the Gram matrix is much faster.
    if 3 * _BYTES * rows * columns <= memory and rows * columns <= _MOST_NUMBERS:
        return "svd"
    if 3 * _BYTES * smaller**2 <= memory:
        return "gram"
    return "sketch"


def _gram(function: ParameterFunction, vector: torch.Tensor, inputs: torch.Tensor, memory: float) -> torch.Tensor:
    """J Jᵀ (m, m) from pairs of row blocks: blocks are computed again instead of kept."""
    with torch.no_grad():
        outputs = function(vector, inputs[:1]).numel()
    size = outputs * len(inputs)
    gram = vector.new_zeros(size, size)
    start = 0
    for block in jacobian_blocks(function, vector, inputs, memory=memory):
        end = start + len(block)
        below = end
        gram[start:end, start:end] = block @ block.T
        for other in jacobian_blocks(function, vector, inputs[end // outputs :], memory=memory):
            gram[start:end, below : below + len(other)] = block @ other.T
            below += len(other)
        gram[end:, start:end] = gram[start:end, end:].T
        start = end
    return gram


def _triangular_factor(
    function: ParameterFunction, vector: torch.Tensor, inputs: torch.Tensor, memory: float
) -> torch.Tensor:
    """R (P, P) of J = QR, one block of rows after the other: J's singular values without squaring them."""
    factor = vector.new_zeros(0, len(vector))
    for block in jacobian_blocks(function, vector, inputs, memory=memory):
        factor = torch.linalg.qr(torch.cat((factor, block)), mode="r").R
    return factor


def _sketched(
    function: ParameterFunction,
    vector: torch.Tensor,
    inputs: torch.Tensor,
    size: int,
    generator: torch.Generator | None,
) -> torch.Tensor:
    def stacked(theta: torch.Tensor) -> torch.Tensor:
        return function(theta, inputs).reshape(-1)

    value, pull_back = vjp(stacked, vector)[:2]
    # Products J v as the pull-back of the pull-back, which is linear: forward mode lacks rules for some layers.
    push = vjp(lambda weights: pull_back(weights)[0], torch.zeros_like(value))[1]

    def forwards(directions: torch.Tensor) -> torch.Tensor:
        return torch.stack([push(each)[0] for each in directions]).detach()

    def backwards(directions: torch.Tensor) -> torch.Tensor:
        return torch.stack([pull_back(each)[0] for each in directions]).detach()

    probes = torch.randn(size, len(vector), generator=generator, dtype=vector.dtype).to(vector.device)
    for _ in range(3):
        image = torch.linalg.qr(forwards(probes).T).Q
        probes = torch.linalg.qr(backwards(image.T).T).Q.T
    values: torch.Tensor = torch.linalg.svdvals(forwards(probes))
    return values
