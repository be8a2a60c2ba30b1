"""Scales: the length of each latent, the spurious noise, and which latents are causal, each in closed form.

Joint diagonalisation leaves the scale of each latent open. The model with c ∈ {0, 1} fixes it: in task t latent j
either is causal, N(0, 1) whatever the target, or spurious, N(a y, σ_s²). With u_j = s w_j h, residual variances D_t
given the target and second moments V_t = D_t + (what the target explains), minus the mean log-likelihood of latent j is

    ½ Σ_{causal} w_t s² V_t + ½ Σ_{spurious} w_t [log σ_s² + s² D_t / σ_s²] − log s.

For a given s a task is causal where s² (D_t / σ_s² − V_t) > −log σ_s²: the causal tasks are those at the top of one
fixed order. For each of the T + 1 sets of causal tasks that this leaves, the best s is closed form, and the best of
them is the maximum.
"""

from __future__ import annotations

from typing import Literal

import attrs
import torch

SpuriousNoise = float | Literal["learned", "per-task"]
_STARTS = (0.03, 0.1, 0.3)  # of σ_s where it is learned: the alternation is a descent, its end depends on the start
_HIGHEST = 0.999  # a spurious latent has less noise than a causal one has variance
_LOWEST = 1e-6
_ROUNDS = 100


@attrs.frozen(kw_only=True, eq=False)
class Scales:
    """How long each latent is, and what it is in each task.

    Args:
        factors: s, (d,): multiply the rows of the unmixing matrix.
        causal: (T, d), bool.
        spurious_noise: σ_s, (1, 1), or (T, 1) where each task has its own.
        one_kind: latents of one kind in all tasks, bool (d,). The likelihood then tells the scale but not the kind:
            causal at one scale and spurious at another are equally likely where the target explains nothing. They are
            called spurious where the target leaves less than σ_s of their variance, causal otherwise.
    """

    factors: torch.Tensor
    causal: torch.Tensor
    spurious_noise: torch.Tensor
    one_kind: torch.Tensor


def scale_latents(
    variances: torch.Tensor, explained: torch.Tensor, weights: torch.Tensor, spurious_noise: SpuriousNoise
) -> Scales:
    """The most likely scales and kinds, and the most likely spurious noise where it is not given.

    Args:
        variances: D, residual variances given the target, (T, d).
        explained: what the target explains of the second moments, (T, d).
        weights: w, (T,), of sum 1.
        spurious_noise: σ_s; "learned": one number, or "per-task": one for each task, alternating between σ_s² = the
            mean residual variance of what is spurious and the exact solution given σ_s, from several starts.
    """
    if not isinstance(spurious_noise, str):
        given = variances.new_full((1, 1), spurious_noise)
        return scales_given(variances, explained, weights, given)
    best: tuple[Scales, torch.Tensor] | None = None
    for start in _STARTS:
        found = _learn_noise(variances, explained, weights, start, spurious_noise == "per-task")
        if best is None or bool(found[1] < best[1]):
            best = found
    assert best is not None
    return best[0]


def scales_given(
    variances: torch.Tensor, explained: torch.Tensor, weights: torch.Tensor, noise: torch.Tensor
) -> Scales:
    """The most likely scales and kinds for σ_s (1, 1) or (T, 1); the other arguments as in `scale_latents`."""
    return _given_noise(variances, explained, weights, noise)[0]


def _given_noise(
    variances: torch.Tensor, explained: torch.Tensor, weights: torch.Tensor, noise: torch.Tensor
) -> tuple[Scales, torch.Tensor]:
    """The exact maximum for σ_s (1, 1) or (T, 1), and minus its log-likelihood, summed over the latents."""
    logs = noise.square().log().expand_as(variances)
    moments, ratios = variances + explained, variances / noise.square()
    w = weights[:, None].expand_as(variances)
    order = ((ratios - moments) / -logs).argsort(dim=0, descending=True)

    def summed(values: torch.Tensor, of_the_first: bool) -> torch.Tensor:
        """Sums over the first m, or over all but the first m, in the order; m = 0..T."""
        zero = values.new_zeros(1, values.shape[1])
        ordered = values.gather(0, order)
        if of_the_first:
            return torch.cat([zero, ordered.cumsum(0)])
        return torch.cat([ordered.flip(0).cumsum(0).flip(0), zero])

    precision = summed(w * moments, True) + summed(w * ratios, False)
    costs = 0.5 * (1 + summed(w * logs, False) + precision.log())
    first = costs.argmin(0)
    one_kind = (first == 0) | (first == len(variances))
    left = (weights @ variances) / (weights @ moments)
    settled = torch.where(left < noise.mean(), 0, len(variances))
    first = torch.where(one_kind, settled, first)
    place = torch.empty_like(order).scatter_(
        0, order, torch.arange(len(order), device=order.device)[:, None].expand_as(order)
    )
    scales = Scales(
        factors=precision.gather(0, first[None])[0].rsqrt(),
        causal=place < first,
        spurious_noise=noise,
        one_kind=one_kind,
    )
    return scales, costs.gather(0, first[None]).sum()


def _learn_noise(
    variances: torch.Tensor, explained: torch.Tensor, weights: torch.Tensor, start: float, per_task: bool
) -> tuple[Scales, torch.Tensor]:
    noise = variances.new_full((len(variances), 1) if per_task else (1, 1), start)
    scales, cost = _given_noise(variances, explained, weights, noise)
    for _ in range(_ROUNDS):
        share = weights[:, None] * (~scales.causal)
        spread = share * variances * scales.factors.square()
        pooled = spread.sum() / share.sum() if bool(share.any()) else noise.square().mean()
        if per_task:
            own = spread.sum(1, keepdim=True) / share.sum(1, keepdim=True).clamp_min(torch.finfo(share.dtype).tiny)
            pooled = torch.where((share > 0).any(1, keepdim=True), own, pooled)
        noise = pooled.sqrt().clamp(_LOWEST, _HIGHEST).expand_as(noise)
        found, value = _given_noise(variances, explained, weights, noise)
        if bool(value >= cost - 1e-12 * cost.abs()):
            break
        scales, cost = found, value
    return scales, cost
