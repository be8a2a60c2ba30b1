"""Affine maps under a bound on the spectral norm: the smallest largest Euclidean residual, in a bracket.

For multipliers Uᵢ with Σ|Uᵢ| ≤ 1 and ΣUᵢ = 0, every A with |A|₂ ≤ L leaves at least ⟨U, H⟩ − L |GᵀU|_* on some row:
that is the lower bound. The upper one is the residual of a map whose singular values are cut at L.
"""

from __future__ import annotations

from typing import Any

import torch

from identify_measures.deformation.lawson import minimax
from identify_measures.deformation.maps import AffineMap, Bracket, check_bound, doubles
from identify_measures.deformation.splitting import alternate


def bounded_minimax(source: Any, target: Any, bound: float, *, gap: float = 1e-3, iterations: int = 2000) -> Bracket:
    """The smallest, over affine maps with spectral norm at most L, of the largest Euclidean residual.

    Args:
        source: shape (n, p).
        target: shape (n, q).
        bound: L.
        gap: stop once upper − lower is at most this part of upper.
        iterations: rounds at most.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
        UsageError: the bound is not a finite number from 0 upwards.
    """
    check_bound(bound)
    g, h = doubles(source, target)
    if bound == 0 or bool((g == g[0]).all()):
        return minimax("constant", g, h, gap=gap)
    free = minimax("affine", g, h, gap=gap)
    if free.map is not None and free.map.stretch() <= bound:
        return free
    program = _Spectral(g, h, bound)
    size = float(h.abs().max())
    rows = program.centre - h
    outcome = alternate(
        program,
        rows,
        program.start,
        penalty=1 / (float(torch.linalg.vector_norm(rows, dim=1).mean()) * len(h) ** 0.5),
        gap=gap,
        iterations=iterations,
        size=size,
    )
    lower = max(outcome.lower, free.lower)
    weights = torch.linalg.vector_norm(outcome.dual, dim=1) if outcome.dual.numel() else free.weights
    return Bracket(
        lower=min(lower, outcome.upper),
        upper=outcome.upper,
        iterations=outcome.rounds,
        map=outcome.point,
        weights=weights / weights.sum(),
    )


class _Spectral:
    """A and b as the unknowns; A as the constrained quantity, scaled so that it weighs as much as the residual."""

    def __init__(self, g: torch.Tensor, h: torch.Tensor, bound: float) -> None:
        self.mean, self.g, self.h, self.bound = g.mean(dim=0), g - g.mean(dim=0), h, bound
        self.centre = h.mean(dim=0).expand_as(h)
        square = self.g.T @ self.g
        self.scale = float(square.diagonal().mean().sqrt())
        identity = torch.eye(len(square), dtype=g.dtype, device=g.device)
        self.factor = torch.linalg.cholesky(square + self.scale**2 * identity)
        self.start = self.scale * torch.linalg.lstsq(self.g, h, driver="gelsd").solution

    def image(self, wanted: torch.Tensor, split: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = wanted + self.h
        right = self.g.T @ rows + self.scale * split
        matrix = torch.cholesky_solve(right, self.factor)
        return self.g @ matrix + rows.mean(dim=0) - self.h, self.scale * matrix

    def project(self, split: torch.Tensor) -> torch.Tensor:
        u, s, vt = torch.linalg.svd(split, full_matrices=False)
        cut: torch.Tensor = u @ (s.clamp(max=self.bound * self.scale)[:, None] * vt)
        return cut

    def upper(self, split: torch.Tensor, image: torch.Tensor) -> tuple[float, AffineMap]:
        matrix = split / self.scale
        shift = (image + self.h).mean(dim=0)
        value = torch.linalg.vector_norm(self.g @ matrix + shift - self.h, dim=1).max()
        return float(value), AffineMap(matrix=matrix, shift=shift - self.mean @ matrix)

    def lower(self, dual: torch.Tensor, split: torch.Tensor) -> float:
        balanced = dual - dual.mean(dim=0)
        total = float(torch.linalg.vector_norm(balanced, dim=1).sum())
        if total == 0:
            return 0.0
        reach = self.bound * float(torch.linalg.matrix_norm(self.g.T @ balanced, "nuc"))
        return (-float((balanced * self.h).sum()) - reach) / total
