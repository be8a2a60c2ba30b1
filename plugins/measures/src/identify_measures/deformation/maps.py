"""Affine maps, the sizes of what they leave, and brackets around a smallest largest residual."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import torch

from identify_core import UsageError
from identify_measures.inputs import paired

Norm = Literal["l2", "linf"]
Reduction = Literal["max", "q99", "mean", "rms"]


@attrs.frozen(kw_only=True, eq=False)
class AffineMap:
    """x ↦ x A + b.

    Args:
        matrix: A, shape (p, q).
        shift: b, shape (q,).
    """

    matrix: torch.Tensor
    shift: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The images of the rows of x (n, p), shape (n, q)."""
        return x.to(self.matrix.dtype) @ self.matrix + self.shift

    def stretch(self) -> float:
        """The smallest Lipschitz constant with Euclidean norms on both sides: the spectral norm of A."""
        return float(torch.linalg.matrix_norm(self.matrix, 2)) if self.matrix.numel() else 0.0


@attrs.frozen(kw_only=True, eq=False)
class Bracket:
    """A value known to lie between two numbers.

    Args:
        lower: no map of the class does better.
        upper: what the map attains.
        iterations: rounds until the two were close enough, or until no more were allowed.
        map: attains `upper`; None where what attains it is not an affine map.
        weights: shape (n,), they add up to one: the rows that decide the value have the large ones. Empty: not known.
    """

    lower: float
    upper: float
    iterations: int
    map: AffineMap | None = None
    weights: torch.Tensor = attrs.field(factory=lambda: torch.empty(0))

    @property
    def gap(self) -> float:
        """Upper minus lower, as a part of upper; 0 where both are."""
        return (self.upper - self.lower) / self.upper if self.upper > 0 else 0.0


def doubles(source: Any, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Both representations checked, in float64.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
    """
    first, second = paired(source, target, ("source", "target"))
    return first.values.double(), second.values.double()


def row_norms(residual: torch.Tensor, norm: Norm) -> torch.Tensor:
    """The size of each row of (n, q): Euclidean, or its largest entry; shape (n,)."""
    if norm == "l2":
        lengths: torch.Tensor = torch.linalg.vector_norm(residual, dim=1)
        return lengths
    return residual.abs().amax(dim=1)


def reduce_rows(sizes: torch.Tensor, reduction: Reduction) -> float:
    """One number for the sizes (n,) of all rows: the largest, their 0.99 quantile, mean, or root mean square."""
    if reduction == "max":
        return float(sizes.max())
    if reduction == "q99":
        return float(torch.quantile(sizes, 0.99))
    if reduction == "mean":
        return float(sizes.mean())
    return float(sizes.square().mean().sqrt())


def check_bound(bound: float) -> None:
    """Refuse a bound that no map keeps.

    Raises:
        UsageError: it is negative, infinite or NaN.
    """
    if not 0 <= bound < float("inf"):
        raise UsageError(f"the Lipschitz bound is {bound!r}", hint="give a finite number from 0 upwards")
