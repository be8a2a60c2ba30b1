"""Joint diagonalisation: the matrix W that makes every task's residual covariance as diagonal as it can be.

For σ_o = 0 and W = A⁻¹ the likelihood of the residual covariances R_t (weights w_t = n_t / N) is, but for a constant,

    f(W) = ½ Σ_t w_t Σ_i [log λ_ti + D_tii / λ_ti] − log |det W|,   D_t = W R_t Wᵀ.

With every λ_ti free its minimum over λ is λ_ti = D_tii, and f is the criterion of Pham, "Joint approximate
diagonalization of positive definite Hermitian matrices", SIAM J. Matrix Anal. Appl. 22 (2001). With λ_ti between bounds
(the spurious variance below, 1 above) the minimum is D_tii clipped to them, and the same iteration maximises the
likelihood of the model for σ_o = 0.

The iteration is the relative quasi-Newton method of Ablin, Cardoso & Gramfort, "Beyond Pham's algorithm for joint
diagonalization" (2018, arXiv 1811.11433): W ← (I + αE) W with the relative gradient G_ij = Σ_t w_t D_tij / λ_ti − δ_ij
and the part of the Hessian that stays where the D_t are diagonal, a 2 × 2 block [[Γ_ij, 1], [1, Γ_ji]] for each pair
with Γ_ij = Σ_t w_t D_tjj / λ_ti. It starts from whitening, and because both the start and the steps are relative, the
result for h M is the result for h times M⁻¹.
"""

from __future__ import annotations

import attrs
import torch

from identify_mtlcm.causal.residuals import Residuals

_JOINED = 1e-10  # of the pooled covariance: what a target determines exactly has no bound without it
_CURVATURE = 1e-2  # the least eigenvalue that a pair's block is given: a pair that no task separates has 0
_ROUNDING = 1e-13  # of f: close to the minimum the gradient still tells which of two points is lower
_ENDED = 1e-5  # a slope below this, from which no step goes down, is rounding
_SHORTEST = 2.0**-30


@attrs.frozen(kw_only=True, eq=False)
class Diagonalisation:
    """Where the iteration ended.

    Args:
        unmixing: W, (d, d).
        residuals: as W h has them.
        variances: λ, (T, d).
        criterion: f(W).
        iterations: how many it took.
        slope: the largest entry of the relative gradient.
        converged: whether that is below the tolerance, or rounding ends every further step.
    """

    unmixing: torch.Tensor
    residuals: Residuals
    variances: torch.Tensor
    criterion: float
    iterations: int
    slope: float
    converged: bool


def whitening(residuals: Residuals) -> torch.Tensor:
    """W with W R̄ Wᵀ = I for the pooled covariance R̄, (d, d); its rows go from the largest variance downwards."""
    spectrum, vectors = torch.linalg.eigh(residuals.pooled())
    rows: torch.Tensor = (vectors * spectrum.rsqrt()).T.flip(0)
    return rows


def diagonalise(
    residuals: Residuals,
    start: torch.Tensor,
    *,
    lowest: torch.Tensor | None = None,
    iterations: int = 500,
    tolerance: float = 1e-8,
) -> Diagonalisation:
    """Minimise f from a start.

    Args:
        residuals: of the representation.
        start: W, (d, d), invertible.
        lowest: the bound of λ from below, (T, 1) or (1, 1); the bound from above is then 1. None leaves λ free:
            the rows of W then give each latent the mean residual variance 1, and every R_t is joined by 10⁻¹⁰ R̄,
            because f has no bound where a target determines a direction of h exactly.
        iterations: at most.
        tolerance: of the largest entry of the relative gradient.

    Returns:
        the end, converged or not; f never rises on the way.
    """
    if lowest is None:
        residuals = residuals.joined_by(_JOINED)
    unmixing, seen = start, residuals.seen_through(start)
    variances, value = _criterion(seen, unmixing, lowest)
    identity = torch.eye(len(start), dtype=start.dtype, device=start.device)
    made, slope, ended = 0, float("inf"), False
    for made in range(iterations + 1):
        gradient = seen.weighted(1 / variances) - identity
        slope = slope_of(seen, variances)
        if slope <= tolerance or made == iterations:
            break
        step = _direction(seen, variances, gradient, lowest)
        length = 1.0
        while length >= _SHORTEST:
            move = identity + length * step
            trial = residuals.seen_through(move @ unmixing)
            trial_variances, trial_value = _criterion(trial, move @ unmixing, lowest)
            level = trial_value <= value + _ROUNDING * max(1.0, abs(value))
            if trial_value < value or (level and slope_of(trial, trial_variances) < 0.9 * slope):
                break
            length /= 2
        else:
            ended = True
            break
        unmixing, seen, variances, value = move @ unmixing, trial, trial_variances, trial_value
    if lowest is None:
        scales = (residuals.weights @ seen.variances()).rsqrt()
        unmixing, seen = scales[:, None] * unmixing, seen.seen_through(torch.diag(scales))
        variances = variances * scales.square()
    return Diagonalisation(
        unmixing=unmixing,
        residuals=seen,
        variances=variances,
        criterion=value,
        iterations=made,
        slope=slope,
        converged=slope <= tolerance or (ended and slope <= _ENDED),
    )


def variances_within(variances: torch.Tensor, lowest: torch.Tensor | None) -> torch.Tensor:
    """The λ that are most likely given the residual variances D (T, d)."""
    if lowest is None:
        return variances
    return torch.minimum(torch.maximum(variances, lowest), torch.ones_like(variances))


def curvatures(residuals: Residuals, variances: torch.Tensor) -> torch.Tensor:
    """Γ_ij = Σ_t w_t D_tjj / λ_ti, (d, d)."""
    return (residuals.weights[:, None] / variances).T @ residuals.variances()


def _criterion(residuals: Residuals, unmixing: torch.Tensor, lowest: torch.Tensor | None) -> tuple[torch.Tensor, float]:
    observed = residuals.variances()
    variances = variances_within(observed, lowest)
    fit = residuals.weights @ (variances.log() + observed / variances).sum(1)
    value = 0.5 * fit - torch.linalg.slogdet(unmixing).logabsdet
    return variances, float(value) if bool(torch.isfinite(value)) else float("inf")


def slope_of(residuals: Residuals, variances: torch.Tensor) -> float:
    """The largest entry of the relative gradient G at the identity for variances λ, (T, d)."""
    gradient = residuals.weighted(1 / variances)
    gradient.diagonal().sub_(1)
    return float(gradient.abs().max())


def _direction(
    residuals: Residuals, variances: torch.Tensor, gradient: torch.Tensor, lowest: torch.Tensor | None
) -> torch.Tensor:
    """E: each pair's block solved with its eigenvalues kept away from 0; each scale by its own second derivative."""
    pairs = curvatures(residuals, variances)
    determinant = pairs * pairs.T - 1
    # The smaller eigenvalue of [[a, 1], [1, b]] is close to (ab − 1) / (a + b): lift the block where it vanishes.
    lift = (_CURVATURE - determinant / (pairs + pairs.T)).clamp_min(0.0)
    a, b = pairs + lift, pairs.T + lift
    step = -(b * gradient - gradient.T) / (a * b - 1)
    scale = torch.zeros_like(torch.diagonal(step))
    if lowest is not None:
        observed = residuals.variances()
        clipped = observed != variances
        second = 2 * (residuals.weights @ torch.where(clipped, observed / variances, 0.0))
        scale = -torch.diagonal(gradient) / second.clamp_min(_CURVATURE)
    step = step.clone()
    step.fill_diagonal_(0.0)
    return step + torch.diag(scale)
