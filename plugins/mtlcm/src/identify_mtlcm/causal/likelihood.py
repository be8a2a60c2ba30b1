"""The exact likelihood of the linear causal model and its gradient, from the statistics of the tasks.

h | y, t ~ N(A a_t y, Σ_t) with Σ_t = A Λ_t Aᵀ + σ_o² I, Λ_t = diag(σ_s² (1 − c_t) + c_t), a_t = γ_t ∘ (1 − c_t)
(section 3 of Chen et al., TMLR 2024). Σ_t is one matrix for a task, so the rows enter only through H, b, s: with m_t =
A a_t,

    Σ_i −log p(h_i) = ½ [n_t (log det Σ_t + d log 2π) + tr Σ_t⁻¹ Q_t],   Q_t = H_t − m_t b_tᵀ − b_t m_tᵀ + s_t m_t m_tᵀ,

at O(T d³) whatever the number of rows. With G_t = ½ Σ_t⁻¹ (n_t Σ_t − Q_t) Σ_t⁻¹ the derivatives are
∂λ_tj = (Aᵀ G_t A)_jj, ∂m_t = −Σ_t⁻¹ (b_t − s_t m_t), ∂A = Σ_t [2 G_t A Λ_t + ∂m_t a_tᵀ], ∂a_t = Aᵀ ∂m_t, here all
divided by N.
"""

from __future__ import annotations

import math

import attrs
import torch

from identify_mtlcm.causal.residuals import Residuals
from identify_mtlcm.causal.statistics import Moments

_NUMBERS = 2**20  # in the covariances of the tasks that are worked on at once: 8 MiB a matrix


class DefinitenessError(ArithmeticError):
    """The covariance of a task is not positive definite in float64."""


@attrs.frozen(kw_only=True, eq=False)
class CausalParameters:
    """The parameters of the model; float64.

    Args:
        mixing: A, (d, d): h = A z + noise.
        logits: of the probabilities c of being causal, (T, d).
        gamma: γ, (T, d).
        spurious_noise: σ_s, (1, 1), or (T, 1).
        noise_covariance: σ_o² I, (d, d), or what it becomes in other coordinates.
    """

    mixing: torch.Tensor
    logits: torch.Tensor
    gamma: torch.Tensor
    spurious_noise: torch.Tensor
    noise_covariance: torch.Tensor

    @property
    def probabilities(self) -> torch.Tensor:
        """c, (T, d)."""
        return self.logits.sigmoid()

    @property
    def variances(self) -> torch.Tensor:
        """λ = σ_s² (1 − c) + c, (T, d)."""
        return self.spurious_noise.square() * (-self.logits).sigmoid() + self.logits.sigmoid()

    @property
    def effects(self) -> torch.Tensor:
        """a = γ (1 − c), (T, d): the mean of the latents is a y."""
        return self.gamma * (-self.logits).sigmoid()


@attrs.frozen(kw_only=True, eq=False)
class Gradient:
    """The gradient of the mean negative log-likelihood.

    Args:
        value: the mean negative log-likelihood of a row, a tensor without dimensions, in nats.
        mixing: (d, d).
        logits: (T, d).
        gamma: (T, d).
        spurious_noise: of the shape of σ_s.
    """

    value: torch.Tensor
    mixing: torch.Tensor
    logits: torch.Tensor
    gamma: torch.Tensor
    spurious_noise: torch.Tensor


def negative_log_likelihood(parameters: CausalParameters, moments: Moments, *, jitter: float = 0.0) -> Gradient:
    """The mean negative log-likelihood of the rows behind `moments` and its gradient, exact.

    Args:
        parameters: of the model; with `mixing` (d, d) for the moments' width d.
        moments: of rows about the centre that the model is to have.
        jitter: added to the diagonals of all Σ_t.

    Raises:
        DefinitenessError: a Σ_t has no Cholesky factor.
    """
    A, variances, effects = parameters.mixing, parameters.variances, parameters.effects
    means = effects @ A.T
    noise = parameters.noise_covariance + jitter * torch.eye(len(A), dtype=A.dtype, device=A.device)
    total = moments.counts.sum()
    value, d_mixing = A.new_zeros(()), torch.zeros_like(A)
    d_variances, d_means = torch.empty_like(variances), torch.empty_like(means)
    for start, stop in parts(len(variances), len(A)):
        own = slice(start, stop)
        m, b, s, n = means[own], moments.cross[own], moments.energy[own], moments.counts[own]
        precision, logdet = _inverses(A, variances[own], noise)
        half = m[:, :, None] * torch.addcmul(b, s[:, None], m, value=-0.5)[:, None, :]  # Q = H − half − halfᵀ
        weighted = precision @ (moments.seconds(start, stop) - half - half.mT)
        trace = torch.diagonal(weighted, dim1=1, dim2=2).sum(1)
        value = value + 0.5 * (n * (logdet + len(A) * math.log(2 * math.pi)) + trace).sum()
        PA = precision @ A
        GA = 0.5 * (n[:, None, None] * PA - weighted @ PA)
        d_variances[own] = (A * GA).sum(1)
        d_means[own] = -(precision @ (b - s[:, None] * m)[:, :, None])[:, :, 0]
        d_mixing = d_mixing + 2 * (GA * variances[own][:, None, :]).sum(0)
    d_effects = d_means @ A
    c, spurious = parameters.logits.sigmoid(), (-parameters.logits).sigmoid()
    noise_square = parameters.spurious_noise.square()
    d_logits = (d_variances * (1 - noise_square) - d_effects * parameters.gamma) * c * spurious
    d_noise = (2 * parameters.spurious_noise * spurious * d_variances).sum(1, keepdim=True)
    return Gradient(
        value=value / total,
        mixing=(d_mixing + d_means.T @ effects) / total,
        logits=d_logits / total,
        gamma=d_effects * spurious / total,
        spurious_noise=(d_noise if len(parameters.spurious_noise) > 1 else d_noise.sum(0, keepdim=True)) / total,
    )


def residual_likelihood(
    mixing: torch.Tensor, variances: torch.Tensor, noise: torch.Tensor, residuals: Residuals
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """½ Σ_t w_t [log det Σ_t + tr Σ_t⁻¹ R_t]: what depends on A and λ where the effects are at their maximum.

    Args:
        mixing: A, (d, d).
        variances: λ, (T, d).
        noise: the covariance of the observation noise, (d, d).
        residuals: R_t and w_t.

    Returns:
        the value and its gradients in A (d, d) and in λ (T, d).

    Raises:
        DefinitenessError: a Σ_t has no Cholesky factor.
    """
    value, d_mixing, d_variances = mixing.new_zeros(()), torch.zeros_like(mixing), torch.empty_like(variances)
    for start, stop in parts(len(variances), len(mixing)):
        w = residuals.weights[start:stop]
        precision, logdet = _inverses(mixing, variances[start:stop], noise)
        weighted = precision @ residuals.covariances(start, stop)
        value = value + 0.5 * w @ (logdet + torch.diagonal(weighted, dim1=1, dim2=2).sum(1))
        PA = precision @ mixing
        GA = 0.5 * w[:, None, None] * (PA - weighted @ PA)
        d_variances[start:stop] = (mixing * GA).sum(1)
        d_mixing = d_mixing + 2 * (GA * variances[start:stop][:, None, :]).sum(0)
    return value, d_mixing, d_variances


def parts(count: int, width: int) -> list[tuple[int, int]]:
    """Ranges of tasks whose covariances together hold a bounded number of numbers."""
    step = max(1, _NUMBERS // (width * width))
    return [(start, min(start + step, count)) for start in range(0, count, step)]


def _inverses(mixing: torch.Tensor, variances: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Σ⁻¹ (m, d, d) and log det Σ (m,)."""
    covariances = (mixing * variances[:, None, :]) @ mixing.T + noise
    factors, failures = torch.linalg.cholesky_ex(covariances)
    if bool(failures.any()):
        raise DefinitenessError(
            f"{int((failures != 0).sum())} of {len(failures)} covariances are not positive definite"
        )
    logdet = 2 * torch.diagonal(factors, dim1=1, dim2=2).log().sum(1)
    eye = torch.eye(len(mixing), dtype=mixing.dtype, device=mixing.device).expand_as(factors)
    inverses = torch.linalg.solve_triangular(factors, eye, upper=False)  # and a product: faster than cholesky_inverse
    return inverses.mT @ inverses, logdet
