"""Polish: the exact likelihood maximised by L-BFGS, from a solution of joint diagonalisation or from anywhere else.

The effects are at their maximum in closed form (see `residuals`), what remains are A and λ. The search runs in the
coordinates of its start, A = W₀⁻¹ (I + E), where the covariances are well conditioned whatever the mixing is, over E_ij
and log λ_tj, each in units of its curvature at the start: Γ_ij (2 on the diagonal) and w_t / 2. λ stays in [σ_s², 1] by
the bounds of L-BFGS-B (Byrd, Lu, Nocedal & Zhu 1995), so that the relaxed c = (λ − σ_s²) / (1 − σ_s²) is a probability.

With σ_s fixed and latents whose noise differs from it, such as those that the study standardises within each task, this
likelihood is misspecified. Its maximum stays where it should be: at the true A the expected relative gradient
Σ_t w_t E[D_tij] / λ_ti vanishes for every pair and any λ, because the latents are uncorrelated given the target. A
wrong λ changes the weights of the tasks, which is a matter of precision, and the scale of the latents, which grow where
σ_s is too large.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import scipy.optimize
import torch

from identify_mtlcm.causal.joint_diagonalisation import curvatures
from identify_mtlcm.causal.likelihood import DefinitenessError, residual_likelihood
from identify_mtlcm.causal.residuals import Residuals

_MEMORY = 20
_EVALUATIONS_A_STEP = 3


@attrs.frozen(kw_only=True, eq=False)
class Polished:
    """Where L-BFGS ended.

    Args:
        unmixing: W = A⁻¹, (d, d).
        variances: λ, (T, d).
        value: ½ Σ_t w_t [log det Σ_t + tr Σ_t⁻¹ R_t].
        gained: by how much that is lower than at the start.
        iterations: made.
        evaluations: of the likelihood.
        refused: how many of them lost the definiteness of a covariance: the line search stepped back from them.
        slope: the largest entry of the projected gradient, in units of the curvature.
        converged: whether L-BFGS stopped by itself.
        message: what it said.
    """

    unmixing: torch.Tensor
    variances: torch.Tensor
    value: float
    gained: float
    iterations: int
    evaluations: int
    refused: int
    slope: float
    converged: bool
    message: str


def polish(
    residuals: Residuals,
    start: torch.Tensor,
    variances: torch.Tensor,
    *,
    lowest: torch.Tensor,
    noise: torch.Tensor,
    iterations: int = 500,
    tolerance: float = 1e-8,
) -> Polished:
    """Maximise the exact likelihood over A and λ.

    Args:
        residuals: of the representation.
        start: W₀, (d, d).
        variances: λ at the start, (T, d), within the bounds.
        lowest: σ_s², (1, 1) or (T, 1).
        noise: the covariance of the observation noise, (d, d).
        iterations: at most.
        tolerance: of the largest entry of the projected gradient.

    Raises:
        DefinitenessError: at the start.
    """
    seen, noise_seen = residuals.seen_through(start), start @ noise @ start.T
    d, identity = len(start), torch.eye(len(start), dtype=start.dtype, device=start.device)
    pairs = curvatures(seen, variances).clamp_min(1e-12)
    mixing_units = torch.where(identity.bool(), 2.0, pairs).rsqrt()
    variance_units = (
        (2 / residuals.weights.clamp_min(torch.finfo(start.dtype).tiny)).sqrt()[:, None].expand_as(variances)
    )
    offset = float(torch.linalg.slogdet(start).logabsdet)
    refused = 0

    def unpack(vector: np.ndarray[Any, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        whole = torch.as_tensor(vector, dtype=start.dtype, device=start.device)
        A = identity + mixing_units * whole[: d * d].view(d, d)
        return A, (variance_units * whole[d * d :].view_as(variances)).exp()

    def objective(vector: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        nonlocal refused
        A, lam = unpack(vector)
        try:
            value, d_mixing, d_variances = residual_likelihood(A, lam, noise_seen, seen)
        except DefinitenessError:
            refused += 1
            return float("inf"), np.zeros_like(vector)
        slopes = torch.cat([(mixing_units * d_mixing).flatten(), (variance_units * lam * d_variances).flatten()])
        return float(value), slopes.cpu().numpy()

    low = (lowest.log() / variance_units).flatten().cpu().numpy()
    vector = torch.cat([torch.zeros_like(start).flatten(), (variances.log() / variance_units).flatten()]).cpu().numpy()
    before = objective(vector)[0]
    if refused:
        raise DefinitenessError(
            "the covariance of a task is not positive definite where the likelihood's search starts"
        )
    infinite = np.full(d * d, np.inf)
    bounds = scipy.optimize.Bounds(np.concatenate([-infinite, low]), np.concatenate([infinite, np.zeros_like(low)]))
    result = scipy.optimize.minimize(
        objective,
        vector,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={
            "maxiter": iterations,
            "maxfun": _EVALUATIONS_A_STEP * iterations + 20,
            "maxcor": _MEMORY,
            "gtol": tolerance,
            "ftol": 4 * np.finfo(np.float64).eps,
        },
    )
    A, lam = unpack(result.x)
    stepped = np.clip(result.x - result.jac, bounds.lb, bounds.ub) - result.x
    return Polished(
        unmixing=torch.linalg.solve(A, start),
        variances=torch.minimum(torch.maximum(lam, lowest), torch.ones_like(lam)),
        value=float(result.fun) - offset,
        gained=before - float(result.fun),
        iterations=int(result.nit),
        evaluations=int(result.nfev) + 1,
        refused=refused,
        slope=float(np.abs(stepped).max()),
        converged=bool(result.success),
        message=str(result.message),
    )
