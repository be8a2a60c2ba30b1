"""The evidence lower bound of a Gaussian autoencoder with a conditional prior."""

from __future__ import annotations

import torch

from identify_core import gaussian_divergence, gaussian_log_likelihood
from identify_mtlcm.networks.conditional_autoencoder import Gaussian


def evidence_lower_bound(
    inputs: torch.Tensor, decoded: torch.Tensor, log_noise: torch.Tensor, posterior: Gaussian, prior: Gaussian
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two parts of the bound, E_q log p(x | z) at the given draws of z, and KL(q ‖ p); means over rows, in nats.

    Args:
        inputs: x, (n, D).
        decoded: the mean of p(x | z) at draws z of q, (n, D).
        log_noise: logarithm of the standard deviation of x around it, a scalar.
        posterior: q(z | x, u).
        prior: p(z | u).
    """
    fit = gaussian_log_likelihood(inputs, decoded, 2 * log_noise).sum(1)
    return fit.mean(), gaussian_divergence(*posterior, *prior).sum(1).mean()
