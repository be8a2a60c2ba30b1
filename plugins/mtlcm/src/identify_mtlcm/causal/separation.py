"""Separation: which pairs of latents no task tells apart, judged from the likelihood at the solution.

Two latents are identified against each other if the ratio of their variances given the target takes at least two values
over the tasks; otherwise any rotation of the pair (after scaling) fits as well, and they stay mixed. For the criterion
f of joint diagonalisation the Hessian block of the pair (i, j) is [[Γ_ij, 1], [1, Γ_ji]] with Γ_ij = Σ_t w_t D_tjj /
D_tii; its eigenvalue along the rotation vanishes exactly if the ratio D_tii / D_tjj is constant (Cauchy-Schwarz). From
finitely many rows the ratio is never quite constant, so the question is whether this curvature exceeds its sampling
error.

The test. Per task let x_t = ½ √ν_t [log(D_tii / D_tjj) − mean] and y_t = √ν_t D_tij / √(D_tii D_tjj), ν_t the residual
degrees of freedom (of a task that was lent rows: (ν_t + lent)² / ν_t, because lending shrinks its deviations). To
second order the exact curvature of f along the rotation is proportional to Σ x_t² − Σ y_t². If no task separates the
pair, (x_t, y_t) is, after scaling, isotropic Gaussian noise of variance 1, rotating the pair by θ rotates (x_t, y_t) by
2θ, and the solution takes that rotation for which Σ x_t² is the largest: the largest eigenvalue of a Wishart matrix of
T − 1 degrees of freedom. By Davidson & Szarek (2001, theorem II.13) √(Σ x_t²) then exceeds √(T − 1) + √m + τ with
probability at most exp(−τ²/2); m is 2 for a single pair, and here d, for a block of up to d mixed latents among which
the rotation was chosen. A model that does not hold makes y_t larger than sampling would; x_t is then judged in units of
the larger of 1 and the root mean square of y_t. A pair is called separated if √(Σ x_t²) is above the bound at a level
of 1 % over all pairs together.

Where every task sees the same rows (a pseudo-likelihood that counts a row once a task), the errors of the tasks are not
independent, but the variances share most of their error, so that their ratios vary less: the test then errs on the side
of "not separated".
"""

from __future__ import annotations

import math

import attrs
import torch

from identify_mtlcm.causal.likelihood import parts
from identify_mtlcm.causal.residuals import Residuals

LEVEL = 0.01
_NAMED = 6


@attrs.frozen(kw_only=True, eq=False)
class Separation:
    """Which pairs stay mixed.

    Args:
        unseparated: (d, d), bool, symmetric, False on the diagonal.
        evidence: √(Σ x_t²) over its bound, (d, d): below 1 for pairs that are not separated; 0 on the diagonal.
        sentence: the answer in words.
    """

    unseparated: torch.Tensor
    evidence: torch.Tensor
    sentence: str


def separation_of(residuals: Residuals) -> Separation:
    """Which pairs of latents the tasks tell apart.

    Args:
        residuals: in the coordinates of the latents: of W h.
    """
    d, count = residuals.width, residuals.count
    used = residuals.freedom > 0
    rows = torch.where(used, (residuals.freedom + residuals.lent).square() / residuals.freedom.clamp_min(1.0), 0.0)
    variances = torch.where(used[:, None], residuals.variances().clamp_min(torch.finfo(rows.dtype).tiny), 1.0)
    logs = variances.log()
    weights = (rows / rows.sum().clamp_min(1.0))[:, None]
    logs = logs - (weights * logs).sum(0)
    # Σ ν (ℓ_i − ℓ_j)² / 4, expanded, so that nothing of size T d² is needed
    product = logs.T @ (rows[:, None] * logs)
    own = torch.diagonal(product)
    between = ((own[:, None] + own[None, :] - product - product.T) / 4).clamp_min(0.0)
    cross = torch.zeros_like(between)
    for start, stop in parts(count, d):
        part = slice(start, stop)
        correlations = residuals.covariances(start, stop) / (
            variances[part].sqrt()[:, :, None] * variances[part].sqrt()[:, None, :]
        )
        cross += torch.einsum("t,tij->ij", rows[part], correlations.square())
    freedom = max(1, int(used.sum()) - 1)
    error = (cross / freedom).clamp_min(1.0)
    pairs = d * (d - 1) // 2
    bound = math.sqrt(freedom) + math.sqrt(d) + math.sqrt(2 * math.log(max(pairs, 1) / LEVEL))
    evidence = (between / error).sqrt() / bound
    evidence.fill_diagonal_(0.0)
    unseparated = (evidence <= 1) & ~torch.eye(d, dtype=torch.bool, device=evidence.device)
    return Separation(unseparated=unseparated, evidence=evidence, sentence=_in_words(unseparated))


def mixed_groups(unseparated: torch.Tensor) -> list[list[int]]:
    """Groups of latents that stay mixed: the connected components of more than one latent, each in order."""
    left, groups = set(range(len(unseparated))), []
    while left:
        group, border = set(), {min(left)}
        while border:
            group |= border
            border = {j for i in border for j in unseparated[i].nonzero().flatten().tolist()} - group
        left -= group
        if len(group) > 1:
            groups.append(sorted(group))
    return groups


def _in_words(unseparated: torch.Tensor) -> str:
    d = len(unseparated)
    if d == 1:
        return "there is one latent: nothing to separate"
    pairs = [(i, j) for i in range(d) for j in range(i + 1, d) if unseparated[i, j]]
    total = d * (d - 1) // 2
    if not pairs:
        return f"the tasks separate all {total} pairs of latents"
    groups = "; ".join(", ".join(str(each) for each in group) for group in mixed_groups(unseparated)[:_NAMED])
    return (
        f"no task separates {len(pairs)} of {total} pairs of latents, by the likelihood's curvature along their "
        f"rotation: mixed among each other stay {groups}"
    )
