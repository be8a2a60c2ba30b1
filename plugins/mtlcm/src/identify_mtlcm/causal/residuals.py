"""Residuals: the covariance of each task's representation given its target: all that the mixing has to explain.

In the model h | y, t ~ N(A a_t y, Σ_t) the effects a_t are free (a = γ (1 − c) with γ free), and with A invertible the
maximum over them is A a_t = b_t / s_t, the regression of h on y, whatever Σ_t is. What is left of the likelihood is
½ Σ_t n_t [log det Σ_t + tr Σ_t⁻¹ R_t] with R_t = (H_t − b_t b_tᵀ / s_t) / n_t.
"""

from __future__ import annotations

import attrs
import torch

from identify_mtlcm.causal.statistics import Moments


@attrs.frozen(kw_only=True, eq=False)
class Residuals:
    """The residual covariance R_t = base_t − loading_t loading_tᵀ of each task.

    With one `base` for all tasks nothing here is of size T d²: what the solvers ask for costs O(T d² + d³) time.

    Args:
        weights: each task's part of all rows, n_t / N, (T,).
        freedom: residual degrees of freedom of each task, ν, (T,).
        lent: rows of the pooled covariance that each task was lent, (T,); 0 where it is long enough.
        base: (T, d, d), or one (d, d).
        loadings: (T, d); None for zeros.
        slopes: the regression coefficients of h on y, b_t / s_t, (T, d); zero where the target is constant.
        powers: the mean squared target of each task, s_t / n_t, (T,).
    """

    weights: torch.Tensor
    freedom: torch.Tensor
    lent: torch.Tensor
    base: torch.Tensor
    loadings: torch.Tensor | None
    slopes: torch.Tensor
    powers: torch.Tensor

    @property
    def count(self) -> int:
        """T."""
        return len(self.weights)

    @property
    def width(self) -> int:
        """d."""
        return self.slopes.shape[1]

    def seen_through(self, matrix: torch.Tensor) -> Residuals:
        """The residuals of M h for a matrix M (d, d)."""
        return attrs.evolve(
            self,
            base=matrix @ self.base @ matrix.T,
            loadings=None if self.loadings is None else self.loadings @ matrix.T,
            slopes=self.slopes @ matrix.T,
        )

    def joined_by(self, part: float) -> Residuals:
        """With a small part of the pooled covariance added to that of each task, so that none is singular."""
        return attrs.evolve(self, base=self.base + part * self.pooled())

    def variances(self) -> torch.Tensor:
        """The diagonals, (T, d)."""
        diagonals = torch.diagonal(self.base, dim1=-2, dim2=-1)
        return diagonals.clone() if self.loadings is None else diagonals - self.loadings.square()

    def explained(self) -> torch.Tensor:
        """What the target explains of the second moments: the squared slope times the mean squared target, (T, d)."""
        return self.slopes.square() * self.powers[:, None]

    def weighted(self, factors: torch.Tensor) -> torch.Tensor:
        """Σ_t w_t f_ti (R_t)_ij for factors f (T, d): (d, d)."""
        scaled = self.weights[:, None] * factors
        if self.loadings is None:
            return torch.einsum("ti,tij->ij", scaled, self.base)
        return scaled.sum(0)[:, None] * self.base - (scaled * self.loadings).T @ self.loadings

    def pooled(self) -> torch.Tensor:
        """Σ_t w_t R_t, (d, d)."""
        return self.weighted(torch.ones_like(self.slopes))

    def covariances(self, start: int, stop: int) -> torch.Tensor:
        """R of tasks `start` to `stop`, (stop - start, d, d)."""
        if self.loadings is None:
            return self.base[start:stop]
        loadings = self.loadings[start:stop]
        return self.base - loadings[:, :, None] * loadings[:, None, :]


def residuals_of(moments: Moments) -> Residuals:
    """The residual covariances that the moments of the tasks leave when h is regressed on y.

    A task with ν < d residual degrees of freedom has a singular R_t, for which the profile likelihood has no bound: a
    row of the unmixing matrix in the null space of R_t explains that task infinitely well. Tasks with ν < 2d are
    therefore lent 2d − ν rows of the pooled covariance R̄, R_t = (ν R̂_t + (2d − ν) R̄) / 2d: the mode under an inverse
    Wishart prior around R̄, equivariant in h like the rest. At 2d degrees of freedom E[R_t⁻¹] is about twice R⁻¹, which
    is when a sample covariance begins to be of use in a likelihood. Longer tasks are left as they are.
    """
    n, d = moments.counts, moments.width
    varying = moments.energy > 0
    energy = torch.where(varying, moments.energy, 1.0)
    freedom = (n - moments.spent - 1.0).clamp_min(0.0)
    lent = (2.0 * d - freedom).clamp_min(0.0)
    divisor = torch.where(lent > 0, freedom + lent, n)
    loadings = torch.where(varying, energy.rsqrt(), 0.0)[:, None] * moments.cross
    own: torch.Tensor | None = None
    if moments.shared:  # and then all tasks have the same rows, and are lent the same
        pooled = (len(n) * moments.second - loadings.T @ loadings) / freedom.sum().clamp_min(1.0)
        base = (moments.second + lent[0] * pooled) / divisor[0]
        own = loadings / divisor[0].sqrt()
    else:
        base = moments.second - loadings[:, :, None] * loadings[:, None, :]
        pooled = base.sum(0) / freedom.sum().clamp_min(1.0)
        base = (base + lent[:, None, None] * pooled) / divisor[:, None, None]
    return Residuals(
        weights=n / n.sum(),
        freedom=freedom,
        lent=lent,
        base=base,
        loadings=own,
        slopes=torch.where(varying[:, None], moments.cross / energy[:, None], 0.0),
        powers=torch.where(varying, energy, 0.0) / n,
    )
