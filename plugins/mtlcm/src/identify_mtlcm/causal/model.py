"""CausalModel: a linear causal model fitted to a representation, and what its solver did."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from identify_mtlcm.causal.likelihood import CausalParameters
from identify_mtlcm.causal.statistics import Centring

Note = float | int | str | bool


@attrs.frozen(kw_only=True, eq=False)
class CausalModel:
    """h = A z + centre + noise, with what each task says about z; float64.

    Conventions: a causal latent has variance 1 in the model; latents go from the one with the largest mean variance
    given the target (most often causal) downwards; the largest entry of each column of A is positive.

    Args:
        mixing: A, (d, d).
        centre: the mean of h over all rows that is taken off before z is read out, (d,); zero with centring "none".
        probabilities: c of being causal, (T, d); the relaxation (λ − σ_s²) / (1 − σ_s²) of the fitted variances λ.
        gamma: γ, (T, d). Only γ (1 − c) enters the likelihood: where c is close to 1 it says nothing.
        kinds: the most likely c in {0, 1} at the same latents, (T, d), bool: where the relaxation is not believed.
        units: the factors, (d,), that give latents the variance 1 where they are causal by `kinds`: the likelihood of
            the relaxed model stretches latents by some tens of per cent where σ_s is too large or effects take up
            variance.
        spurious_noise: σ_s as given or as learned, (1, 1), or (T, 1) where each task has its own.
        observation_noise: σ_o.
        scaling: the matrix S that the representation was standardised with, (r, d): noise of variance σ_o² lies on S h.
        centring: what was taken off the rows.
        nll: the mean exact negative log-likelihood of a row, in nats, of h about its centre; of the r-dimensional S h
            where the rank r is below d.
        unseparated: pairs of latents that no task separates, (d, d), bool.
        separation: the same in a sentence.
        rank: of the representation's covariance; latents beyond it do not exist and are zero on every row.
        task_rank: of the regressions of h on the targets, (T, d): how many directions the targets know of.
        notes: what the solver did, plain values by name.
        warnings: what a reader should know, one sentence each.
    """

    mixing: torch.Tensor
    centre: torch.Tensor
    probabilities: torch.Tensor
    gamma: torch.Tensor
    kinds: torch.Tensor
    units: torch.Tensor
    spurious_noise: torch.Tensor
    observation_noise: float
    scaling: torch.Tensor
    centring: Centring
    nll: float
    unseparated: torch.Tensor
    separation: str
    rank: int
    task_rank: int
    notes: Mapping[str, Note]
    warnings: tuple[str, ...]

    @property
    def unmixing(self) -> torch.Tensor:
        """W = A⁻¹, (d, d)."""
        inverse: torch.Tensor = torch.linalg.inv(self.mixing)
        return inverse

    @property
    def effects(self) -> torch.Tensor:
        """a = γ (1 − c), (T, d): what the target adds to each latent."""
        return self.gamma * (1 - self.probabilities)

    @property
    def parameters(self) -> CausalParameters:
        """For `negative_log_likelihood` on moments of h with the same centring; only for full rank."""
        inverse = torch.linalg.inv(self.scaling)
        return CausalParameters(
            mixing=self.mixing,
            logits=torch.logit(self.probabilities),
            gamma=self.gamma,
            spurious_noise=self.spurious_noise,
            noise_covariance=self.observation_noise**2 * inverse @ inverse.T,
        )

    def latents(self, h: torch.Tensor) -> torch.Tensor:
        """z = A⁻¹ (h − centre), (n, d), in float64, for rows h (n, d)."""
        z: torch.Tensor = torch.linalg.solve(self.mixing, (h.to(self.mixing) - self.centre).T).T
        return z
