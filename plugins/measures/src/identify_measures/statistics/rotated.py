"""What unrelated representations would give: cross-products after a random rotation of one side's rows."""

from __future__ import annotations

import torch

from identify_measures.statistics.derived import Principal, Statistics, Subset


class RotatedRows(Statistics):
    """A pair with its own covariances and the cross-products of rows rotated against each other at random.

    A random permutation of the rows has the same expected squares, and the same law where rows are many.

    Args:
        origin: where the covariances come from.
        i: the first representation.
        j: the second, whose rows are rotated.
        generator: draws the rotation.
    """

    def __init__(self, origin: Statistics, i: int, j: int, generator: torch.Generator) -> None:
        super().__init__(
            members=(origin.members[i], origin.members[j]),
            counts=(origin.rows(),),
            home=origin.home,
            units=(origin.units[i], origin.units[j]),
            budget=0.0,
        )
        self._origin = origin
        self._pair = (i, j)
        x, y = origin.principal(i), origin.principal(j)
        self._overlap = draw_overlap(origin.rows() - 1, x.rank, y.rank, generator).to(origin.home)

    def total_products(self, i: int, j: int) -> torch.Tensor:
        if i == j:
            return self._origin.products(self._pair[i], self._pair[j]).clone()
        x, y = self.principal(i), self.principal(j)
        overlap = self._overlap if i < j else self._overlap.T
        return (x.vectors * x.values.sqrt()) @ overlap @ (y.vectors * y.values.sqrt()).T

    def block_products(self, i: int, j: int, block: int) -> torch.Tensor:
        return self.total_products(i, j)

    def block_sums(self, i: int) -> torch.Tensor:
        return torch.zeros(1, len(self.principal(i).vectors), dtype=torch.float64, device=self.home)

    def norm_sums(self, i: int, j: int, subset: Subset | None = None) -> tuple[float, float, float]:
        a, b = self.trace(i), self.trace(j)
        return a * b / self.rows(), a, b

    def variances(self, i: int, subset: Subset | None = None) -> torch.Tensor:
        return self._origin.variances(self._pair[i])

    def principal(self, i: int, subset: Subset | None = None) -> Principal:
        return self._origin.principal(self._pair[i])

    def whitened(self, i: int, j: int, subset: Subset | None = None) -> torch.Tensor:
        return self._overlap if i < j else self._overlap.T


def draw_overlap(dimensions: int, p: int, q: int, generator: torch.Generator) -> torch.Tensor:
    """UᵀV of two independent uniformly distributed orthonormal frames of p and q vectors, shape (p, q).

    Drawn as (G Gᵀ + W)^(−1/2) G with G of standard normals and W Wishart, where there is room for both frames.
    """
    normal = {"generator": generator, "dtype": torch.float64}
    if dimensions >= p + q:
        gaussian = torch.randn(p, q, **normal)  # type: ignore[call-overload]
        # Bartlett: the Cholesky factor of W has normals below a diagonal of chi variables.
        freedom = torch.arange(dimensions - q, dimensions - q - p, -1, dtype=torch.float64)
        factor = torch.randn(p, p, **normal).tril(-1)  # type: ignore[call-overload]
        factor += torch.diag((2 * torch._standard_gamma(freedom / 2, generator=generator)).sqrt())
        total = torch.linalg.cholesky(gaussian @ gaussian.T + factor @ factor.T)
        overlap: torch.Tensor = torch.linalg.solve_triangular(total, gaussian, upper=False)
        return overlap
    frame, triangle = torch.linalg.qr(torch.randn(dimensions, p, **normal))  # type: ignore[call-overload]
    uniform: torch.Tensor = frame * triangle.diagonal().sign()
    return uniform[:q].T
