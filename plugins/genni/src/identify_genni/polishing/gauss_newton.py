"""The Gauss-Newton system of R replicates: (JᵀJ + μI) step = −Jᵀr, solved in the smaller of its two forms or without J.

With residuals r (m,) and their Jacobian J (m, P), the step is −(JᵀJ + μI)⁻¹Jᵀr = −Jᵀ(JJᵀ + μI)⁻¹r.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol

import attrs
import torch
from torch.func import jacrev, jvp, vjp, vmap

from identify_core import Batch, Call, Replicates

Residuals = Callable[[Call, Batch], torch.Tensor]
Form = Literal["parameters", "residuals", "conjugate-gradient"]
_CONJUGATE_GRADIENT_STEPS = 200
_CONJUGATE_GRADIENT_TOLERANCE = 1e-8


class System(Protocol):
    """Gauss-Newton systems of some replicates at their present parameters."""

    @property
    def gradient(self) -> torch.Tensor:
        """Jᵀr, (k, P)."""
        ...

    @property
    def largest(self) -> torch.Tensor:
        """The largest diagonal entry of JᵀJ, (k,), or a stand-in of its size."""
        ...

    def solve(self, damping: torch.Tensor) -> torch.Tensor:
        """The steps (k, P) for dampings μ (k,); NaN where the matrix is not positive definite in float64."""
        ...


@attrs.frozen(kw_only=True)
class Problem:
    """Residuals of R replicates on fixed rows.

    Args:
        replicates: in float64; their own parameters are not used.
        residuals: of one replicate on a batch; row by row, so that a batch of one row gives that row's residuals.
        columns: name to tensor (n, ...).
        rows: how many there are, n.
        per_row: residuals a row.
        memory: bytes that Jacobians may take at once.
    """

    replicates: Replicates
    residuals: Residuals
    columns: Mapping[str, torch.Tensor]
    rows: int
    per_row: int
    memory: int

    @classmethod
    def of(cls, replicates: Replicates, residuals: Residuals, columns: Batch, memory: int) -> Problem:
        """Measure the residuals of one row; replicates and columns are as `widen` gives them."""
        first = {name: column[:1] for name, column in columns.items()}
        per_row = replicates.map(_flat(residuals), first).shape[1]
        return cls(
            replicates=replicates,
            residuals=residuals,
            columns=columns,
            rows=len(next(iter(columns.values()))),
            per_row=per_row,
            memory=memory,
        )

    @property
    def size(self) -> int:
        """The number of residuals of one replicate, m."""
        return self.rows * self.per_row

    @property
    def form(self) -> Form:
        """The smaller of the P x P and the m x m system, or conjugate gradients where neither fits into `memory`."""
        P, m = self.replicates.parameter_count, self.size
        if m >= P:
            return "parameters" if 8 * P * (2 * P + self.per_row) <= self.memory else "conjugate-gradient"
        return "residuals" if 8 * m * (2 * P + 2 * m) <= self.memory else "conjugate-gradient"

    @property
    def group(self) -> int:
        """How many replicates' systems fit into `memory` at once, at least 1."""
        P, m = self.replicates.parameter_count, self.size
        needed = {
            "parameters": 8 * P * (2 * P + self.per_row),
            "residuals": 8 * m * (2 * P + 2 * m),
            "conjugate-gradient": 8 * 8 * P,
        }
        return max(1, self.memory // needed[self.form])

    def values(self, vectors: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        """The mean squared residual of replicates `which` (k,) at `vectors` (k, P): (k,)."""

        def squares(vector: torch.Tensor, buffers: Any, batch: Any) -> torch.Tensor:
            return self._function(vector, buffers, batch).square().sum()

        total = torch.zeros(len(vectors), dtype=vectors.dtype, device=vectors.device)
        for batch in self._batches(len(vectors) * self.per_row * 64):
            total += self._each(squares, vectors, which, batch)
        return total / self.size

    def system(self, vectors: torch.Tensor, which: torch.Tensor) -> System:
        """The systems of replicates `which` (k,) at `vectors` (k, P)."""
        if self.form == "parameters":
            return _in_parameters(self, vectors, which)
        if self.form == "residuals":
            return _in_residuals(self, vectors, which)
        return _MatrixFree.at(self, vectors, which)

    def jacobians(self, vectors: torch.Tensor, which: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Residuals (k, b) and Jacobians (k, b, P), some rows at a time."""

        def one_row(vector: torch.Tensor, buffers: Any, row: Any) -> tuple[torch.Tensor, torch.Tensor]:
            values = self._function(vector, buffers, {name: each[None] for name, each in row.items()})
            return values, values

        def rows(vector: torch.Tensor, buffers: Any, batch: Any) -> Any:
            jacobian, values = vmap(jacrev(one_row, has_aux=True), in_dims=(None, None, 0))(vector, buffers, batch)
            return jacobian, values

        for batch in self._batches(2 * 8 * len(vectors) * self.per_row * self.replicates.parameter_count):
            jacobian, values = self._each(rows, vectors, which, batch)
            yield values.flatten(1), jacobian.flatten(1, 2)

    def product(self, vectors: torch.Tensor, which: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        """JᵀJv for directions v (k, P), without J."""

        def one(vector: torch.Tensor, buffers: Any, data: Any) -> torch.Tensor:
            def f(v: torch.Tensor) -> torch.Tensor:
                return self._function(v, buffers, data[1])

            pushed: torch.Tensor = jvp(f, (vector,), (data[0],))[1]
            return _pull(f, vector, pushed)

        return self._sum_over_batches(one, vectors, which, directions)

    def gradient(self, vectors: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        """Jᵀr, (k, P), without J."""

        def one(vector: torch.Tensor, buffers: Any, data: Any) -> torch.Tensor:
            def f(v: torch.Tensor) -> torch.Tensor:
                return self._function(v, buffers, data[1])

            return _pull(f, vector)

        return self._sum_over_batches(one, vectors, which, vectors)

    def _sum_over_batches(
        self, one: Any, vectors: torch.Tensor, which: torch.Tensor, own: torch.Tensor
    ) -> torch.Tensor:
        total = torch.zeros_like(vectors)
        for batch in self._batches(len(vectors) * self.per_row * 64):
            total += self._each(one, vectors, which, batch, own)
        return total

    @property
    def _function(self) -> Callable[[torch.Tensor, Any, Any], torch.Tensor]:
        return self.replicates.pure_function(_flat(self.residuals))

    def _batches(self, bytes_a_row: int) -> Iterator[dict[str, torch.Tensor]]:
        size = max(1, self.memory // max(1, bytes_a_row))
        for start in range(0, self.rows, size):
            yield {name: column[start : start + size] for name, column in self.columns.items()}

    def _each(
        self, function: Any, vectors: torch.Tensor, which: torch.Tensor, batch: Any, own: torch.Tensor | None = None
    ) -> Any:
        """`function(vector, buffers, batch)` of each replicate; with `own` (k, P), `(its own, batch)` for `batch`."""
        buffers = {name: buffer[which] for name, buffer in self.replicates.buffers.items()}
        if self.replicates.strategy == "vmap":
            data, axes = (batch, None) if own is None else ((own, batch), (0, None))
            return vmap(function, in_dims=(0, 0, axes))(vectors, buffers, data)
        results = [
            function(
                vectors[k],
                {name: buffer[k] for name, buffer in buffers.items()},
                batch if own is None else (own[k], batch),
            )
            for k in range(len(vectors))
        ]
        return torch.utils._pytree.tree_map(lambda *each: torch.stack(each), *results)


@attrs.frozen(kw_only=True)
class _Dense:
    """A system with its matrix at hand: `gram` is JᵀJ, or JJᵀ with `jacobian` next to it."""

    gradient: torch.Tensor
    largest: torch.Tensor
    gram: torch.Tensor
    jacobian: torch.Tensor | None
    right: torch.Tensor

    def solve(self, damping: torch.Tensor) -> torch.Tensor:
        identity = torch.eye(self.gram.shape[-1], dtype=self.gram.dtype, device=self.gram.device)
        factor, failed = torch.linalg.cholesky_ex(self.gram + damping[:, None, None] * identity)
        solved = torch.cholesky_solve(self.right[..., None], factor)
        if self.jacobian is not None:
            solved = self.jacobian.mT @ solved
        return torch.where(failed[:, None] == 0, -solved[..., 0], torch.nan)


def _in_parameters(problem: Problem, vectors: torch.Tensor, which: torch.Tensor) -> _Dense:
    k, P = vectors.shape
    gram, gradient = vectors.new_zeros(k, P, P), torch.zeros_like(vectors)
    for values, jacobian in problem.jacobians(vectors, which):
        gram += jacobian.mT @ jacobian
        gradient += (jacobian.mT @ values[..., None])[..., 0]
    largest = gram.diagonal(dim1=1, dim2=2).amax(1)
    return _Dense(gradient=gradient, largest=largest, gram=gram, jacobian=None, right=gradient)


def _in_residuals(problem: Problem, vectors: torch.Tensor, which: torch.Tensor) -> _Dense:
    pieces = list(problem.jacobians(vectors, which))
    values = torch.cat([piece[0] for piece in pieces], dim=1)
    jacobian = torch.cat([piece[1] for piece in pieces], dim=1)
    return _Dense(
        gradient=(jacobian.mT @ values[..., None])[..., 0],
        largest=jacobian.square().sum(1).amax(1),
        gram=jacobian @ jacobian.mT,
        jacobian=jacobian,
        right=values,
    )


@attrs.frozen(kw_only=True)
class _MatrixFree:
    """A system solved by conjugate gradients, with products JᵀJv alone."""

    problem: Problem
    vectors: torch.Tensor
    which: torch.Tensor
    gradient: torch.Tensor
    largest: torch.Tensor

    @classmethod
    def at(cls, problem: Problem, vectors: torch.Tensor, which: torch.Tensor) -> _MatrixFree:
        gradient = problem.gradient(vectors, which)
        length = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        direction = gradient / torch.where(length > 0, length, 1.0)
        # The curvature along the gradient stands in for the largest diagonal entry, which would cost P products.
        curvature = (direction * problem.product(vectors, which, direction)).sum(1)
        return cls(problem=problem, vectors=vectors, which=which, gradient=gradient, largest=curvature)

    def solve(self, damping: torch.Tensor) -> torch.Tensor:
        step = torch.zeros_like(self.gradient)
        residual = -self.gradient
        direction = residual.clone()
        square = residual.square().sum(1, keepdim=True)
        enough = _CONJUGATE_GRADIENT_TOLERANCE**2 * square
        for _ in range(min(_CONJUGATE_GRADIENT_STEPS, 3 * self.gradient.shape[1])):
            going = square > enough
            if not bool(going.any()):
                break
            product = self.problem.product(self.vectors, self.which, direction) + damping[:, None] * direction
            curvature = (direction * product).sum(1, keepdim=True)
            length = torch.where(going & (curvature > 0), square / curvature, 0.0)
            step = step + length * direction
            residual = residual - length * product
            new = residual.square().sum(1, keepdim=True)
            direction = torch.where(going, residual + new / square * direction, direction)
            square = torch.where(going, new, square)
        return step


def _pull(
    f: Callable[[torch.Tensor], torch.Tensor], vector: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Jᵀ times weights, by default times f itself."""
    values, pull = vjp(f, vector)[:2]
    result: torch.Tensor = pull(values if weights is None else weights)[0]
    return result


def _flat(residuals: Residuals) -> Callable[[Call, Any], torch.Tensor]:
    def body(call: Call, batch: Any) -> torch.Tensor:
        return residuals(call, batch).reshape(-1)

    return body
