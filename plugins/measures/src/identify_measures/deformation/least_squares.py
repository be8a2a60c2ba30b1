"""Affine least squares: one factorisation of a source serves every target.

Minimising |H − G A − 1bᵀ| over A and b projects the centred target onto the centred source's column space. With
G − mean = U S Vᵀ cut at the numerical rank, fitted values are U Uᵀ H and A = V S⁻¹ Uᵀ H: no normal equations.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch

from identify_measures.deformation.maps import AffineMap, doubles
from identify_measures.inputs import as_matrix


def precision_rank(values: torch.Tensor, singular: torch.Tensor | None = None) -> int:
    """The rank to precision: singular values above 5 σ₁ ε max(n, d), ε that of the type of the values.

    Args:
        values: shape (n, d).
        singular: its singular values, where they are known.

    Source: Chan et al., NeurIPS 2024, arXiv 2406.02329, section 6.
    """
    singular = torch.linalg.svdvals(values.double()) if singular is None else singular
    epsilon = torch.finfo(values.dtype).eps if values.is_floating_point() else torch.finfo(torch.float64).eps
    cut = 5 * float(singular.max()) * epsilon * max(values.shape)
    return int((singular > cut).sum())


@attrs.frozen(kw_only=True, eq=False)
class LinearSource:
    """A source made ready for least squares onto any target.

    Args:
        mean: shape (p,).
        basis: an orthonormal basis of the centred source's column space, shape (n, rank).
        back: carries coefficients on the basis to coefficients on the source's own columns, shape (p, rank).
    """

    mean: torch.Tensor
    basis: torch.Tensor
    back: torch.Tensor

    @classmethod
    def of(cls, source: Any) -> LinearSource:
        """Factor a source of shape (n, p) by singular values, or by its Gram matrix where that loses nothing.

        Raises:
            InputError: it is not a matrix of finite real numbers.
        """
        given = as_matrix(source, "source").values
        values = given.double()
        mean = values.mean(dim=0)
        centred = values - mean
        scale = torch.linalg.vector_norm(centred, dim=0)
        rounding = torch.finfo(given.dtype).eps * len(values) ** 0.5 * values.abs().amax(dim=0)
        varies = scale > rounding
        unit = torch.where(varies, scale, torch.inf)
        columns = centred / unit
        fast = _by_gram(columns) if values.shape[0] > values.shape[1] + 1 and bool(varies.all()) else None
        if fast is not None:
            return cls(mean=mean, basis=fast[0], back=fast[1] / unit[:, None])
        u, s, vt = torch.linalg.svd(columns, full_matrices=False)
        rank = precision_rank(columns.to(given.dtype), s) if bool(varies.any()) else 0
        return cls(mean=mean, basis=u[:, :rank], back=vt[:rank].T / s[:rank] / unit[:, None])

    @property
    def rank(self) -> int:
        """Independent columns of the centred source."""
        return self.basis.shape[1]

    @property
    def interpolates(self) -> bool:
        """Whether an affine map fits anything: as many independent columns, with the constant, as rows."""
        return self.rank + 1 >= self.basis.shape[0]

    def fit(self, target: torch.Tensor) -> AffineMap:
        """The affine map of least squares onto a target of shape (n, q), of the smallest matrix where many do."""
        target = target.double()
        matrix = self.back @ (self.basis.T @ target)
        return AffineMap(matrix=matrix, shift=target.mean(dim=0) - self.mean @ matrix)

    def residual(self, target: torch.Tensor) -> torch.Tensor:
        """What the best affine map leaves of a target (n, q)."""
        target = target.double()
        centred = target - target.mean(dim=0)
        return centred - self.basis @ (self.basis.T @ centred)


def _by_gram(columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Basis and way back by two rounds of Cholesky, which is as exact as QR below a condition of 1e6; else None.

    The columns have unit norm.
    """
    basis, back = columns, torch.eye(columns.shape[1], dtype=columns.dtype, device=columns.device)
    for _ in range(2):
        factor, failed = torch.linalg.cholesky_ex(basis.T @ basis)
        diagonal = factor.diagonal()
        if int(failed) or float(diagonal.min()) < 1e-4 * float(diagonal.max()):
            return None
        basis = torch.linalg.solve_triangular(factor.T, basis, upper=True, left=False)
        back = torch.linalg.solve_triangular(factor.T, back, upper=True, left=False)
    return basis, back


def explained(source: Any, target: Any) -> float:
    """R² of affine least squares: the part of the target's variance that an affine map of the source explains.

    Args:
        source: shape (n, p).
        target: shape (n, q).

    Returns:
        Between 0 and 1; 1 for a target that never varies.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
    """
    g, h = doubles(source, target)
    total = float((h - h.mean(dim=0)).square().sum())
    return 1.0 - float(LinearSource.of(g).residual(h).square().sum()) / total if total > 0 else 1.0
