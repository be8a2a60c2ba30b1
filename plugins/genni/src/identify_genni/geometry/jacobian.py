"""The Jacobian of a network's stacked outputs with respect to its parameters, and its singular values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import attrs
import torch
from torch.func import jacrev, vjp, vmap

from identify_genni.geometry.residual import ParameterFunction

Method = Literal["auto", "svd", "qr", "gram", "sketch"]

_BYTES = 8
_BLOCK = 2e7  # bytes: larger blocks of rows take up to nine times as long, most of it for fresh memory
_MOST_EXACT = 1e10  # multiplications of an exact factorisation; beyond, the Gram matrix is several times faster
_PANELS = 4
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
        memory: bytes that intermediate results may take next to the result.
    """
    return torch.cat(list(jacobian_blocks(function, vector, inputs, memory=memory)))


def jacobian_blocks(
    function: ParameterFunction, vector: torch.Tensor, inputs: torch.Tensor, *, memory: float = 2e9
) -> Iterator[torch.Tensor]:
    """The rows of `jacobian` in consecutive blocks, each within 2/5 of `memory` where one sample allows it."""
    if len(inputs) == 0:
        return
    samples = max(1, int(min(memory / 2.5, _BLOCK) // (_BYTES * _outputs(function, vector, inputs) * len(vector))))

    def single(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return function(theta, x.unsqueeze(0)).reshape(-1)

    for part in torch.split(inputs, samples):
        rows = vmap(jacrev(single), in_dims=(None, 0))(vector, part)
        yield rows.detach().reshape(-1, len(vector))


def _outputs(function: ParameterFunction, vector: torch.Tensor, inputs: torch.Tensor) -> int:
    with torch.no_grad():
        return max(1, function(vector, inputs[:1]).numel())


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
    """The singular values of the Jacobian on one set of inputs; see `spectra`."""
    found = spectra(
        function, vector, {"inputs": inputs}, method=method, memory=memory, sketch=sketch, generator=generator
    )
    return found["inputs"]


def spectra(
    function: ParameterFunction,
    vector: torch.Tensor,
    inputs: Mapping[str, torch.Tensor],
    *,
    method: Method = "auto",
    memory: float = 2e9,
    sketch: int = 256,
    generator: torch.Generator | None = None,
) -> dict[str, Spectrum]:
    """The singular values of the Jacobian on each set of inputs and, where there are several, on all of them: `both`.

    Rows are computed once for a set and its union with the others. No P × P matrix is made unless P is the smaller
    side.

    `svd` keeps the whole Jacobian and is exact to rounding. `qr` does the same with a triangular factor that takes in
    one block of rows after the other, for P below m. `gram` makes the smaller of J Jᵀ and Jᵀ J, three to ten times
    faster, and resolves singular values down to `GRAM_RESOLUTION` of the largest. `sketch` finds the largest values by
    randomised subspace iteration with products alone (Halko, Martinsson & Tropp 2011, algorithm 4.4). `auto` takes the
    first that fits into the memory and into 1e10 multiplications, which `gram` and `sketch` may exceed.

    Args:
        function: as in `jacobian`.
        vector: θ, (P,).
        inputs: name to x, (n, ...).
        method: which of them; `qr` stands for `svd` where P is not below m.
        memory: bytes.
        sketch: how many of the largest values `sketch` finds.
        generator: for `sketch`.
    """
    columns = len(vector)
    outputs = _outputs(function, vector, next(iter(inputs.values())))
    sizes = {name: outputs * len(x) for name, x in inputs.items()}
    if len(inputs) > 1:
        sizes["both"] = sum(sizes.values())
    largest = max(sizes.values())
    chosen = choose(largest, columns, memory) if method == "auto" else method
    if chosen == "qr" and columns >= largest:
        chosen = "svd"
    resolution = {"svd": 1e-13, "qr": 1e-13, "gram": GRAM_RESOLUTION}.get(chosen, 1e-10)
    if chosen == "sketch":
        everything = {**inputs, "both": torch.cat(list(inputs.values()))} if len(inputs) > 1 else inputs
        values = {
            name: _sketched(function, vector, x, min(sketch, sizes[name], columns), generator)
            for name, x in everything.items()
        }
    else:
        ways = {"svd": _by_svd, "qr": _by_qr, "gram": _by_columns if columns < largest else _by_rows}
        values = ways[chosen](function, vector, inputs, memory)
    return {
        name: Spectrum(
            values=values[name][: min(sizes[name], columns)],
            rows=sizes[name],
            columns=columns,
            resolution=resolution,
            complete=chosen != "sketch" or len(values[name]) == min(sizes[name], columns),
            method=chosen,
        )
        for name in sizes
    }


def choose(rows: int, columns: int, memory: float) -> Method:
    """The method that `auto` takes for a Jacobian of these sizes."""
    smaller = min(rows, columns)
    small = rows * columns * smaller <= _MOST_EXACT
    if small and 3 * _BYTES * rows * columns <= memory:  # the matrix, the copy that LAPACK overwrites, its workspace
        return "svd"
    if 3 * _BYTES * smaller**2 <= memory:
        return "qr" if small and columns < rows else "gram"
    return "sketch"


def spectra_work(sizes: Sequence[int], columns: int, memory: float) -> float:
    """Multiplications, about, that `spectra` makes with `auto`, in units of those of a matrix product.

    Args:
        sizes: m of each set of inputs.
        columns: P.
        memory: bytes.
    """
    together = sum(sizes)
    smaller = min(together, columns)
    if choose(together, columns, memory) in ("svd", "qr"):
        return 20.0 * 2 * together * columns * smaller
    return 2.0 * together * columns * smaller + 4.0 * (len(sizes) + 1) * smaller**3


Values = dict[str, torch.Tensor]


def _by_svd(
    function: ParameterFunction, vector: torch.Tensor, inputs: Mapping[str, torch.Tensor], memory: float
) -> Values:
    rows = {name: jacobian(function, vector, x, memory=memory) for name, x in inputs.items()}
    if len(rows) > 1:
        rows["both"] = torch.cat(list(rows.values()))
    return {name: torch.linalg.svdvals(each) for name, each in rows.items()}


def _by_qr(
    function: ParameterFunction, vector: torch.Tensor, inputs: Mapping[str, torch.Tensor], memory: float
) -> Values:
    factors = {}
    for name, x in inputs.items():
        factor = vector.new_zeros(0, len(vector))
        for block in jacobian_blocks(function, vector, x, memory=memory):
            factor = torch.linalg.qr(torch.cat((factor, block)), mode="r").R
        factors[name] = factor
    if len(factors) > 1:
        factors["both"] = torch.cat(list(factors.values()))
    return {name: torch.linalg.svdvals(each) for name, each in factors.items()}


def _by_columns(
    function: ParameterFunction, vector: torch.Tensor, inputs: Mapping[str, torch.Tensor], memory: float
) -> Values:
    """From Jᵀ J (P, P): that of all inputs together is the sum of the others."""
    columns = len(vector)
    edges = torch.linspace(0, columns, _PANELS + 1).long().tolist()
    grams: Values = {}
    for name, x in inputs.items():
        gram = vector.new_zeros(columns, columns)
        for block in jacobian_blocks(function, vector, x, memory=memory):
            for start, end in pairwise(edges):  # only the upper triangle, panel by panel
                gram[start:end, start:].addmm_(block[:, start:end].T, block[:, start:])
        grams[name] = gram
    if len(grams) > 1:
        grams["both"] = torch.stack(list(grams.values())).sum(0)
    return {name: _roots(gram) for name, gram in grams.items()}


def _by_rows(
    function: ParameterFunction, vector: torch.Tensor, inputs: Mapping[str, torch.Tensor], memory: float
) -> Values:
    """From J Jᵀ (m, m) of all inputs together, of which the others are diagonal blocks.

    Where J does not fit into the memory it is made in pieces, which are computed again instead of kept.
    """
    everything = torch.cat(list(inputs.values()))
    outputs = _outputs(function, vector, everything)
    pieces = torch.split(everything, max(1, int(memory / 2.5 // (_BYTES * outputs * len(vector)))))
    gram = vector.new_zeros(outputs * len(everything), outputs * len(everything))
    start = 0
    for index, piece in enumerate(pieces):
        rows = jacobian(function, vector, piece, memory=memory)
        end = below = start + len(rows)
        gram[start:end, start:end] = rows @ rows.T
        for other in pieces[index + 1 :]:
            others = jacobian(function, vector, other, memory=memory)
            gram[start:end, below : below + len(others)] = rows @ others.T
            below += len(others)
        start = end
    found: Values = {}
    start = 0
    for name, x in inputs.items():
        end = start + outputs * len(x)
        found[name] = _roots(gram[start:end, start:end])
        start = end
    if len(found) > 1:
        found["both"] = _roots(gram)
    return found


def _roots(gram: torch.Tensor) -> torch.Tensor:
    """Roots of the eigenvalues of a symmetric matrix of which the upper triangle is given, the largest first.

    Rows and columns of zeros are left out of the factorisation: parameters, or outputs, that nothing depends on.
    """
    alive = (gram.diagonal() > 0).nonzero().squeeze(1)
    squares = torch.linalg.eigvalsh(gram[alive][:, alive], UPLO="U").flip(0).clamp(min=0)
    return torch.nn.functional.pad(squares.sqrt(), (0, len(gram) - len(alive)))


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
