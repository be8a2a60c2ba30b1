"""The evidence lower bound of a Gaussian autoencoder with a conditional prior."""

from __future__ import annotations

import math

import torch

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
    squares = ((inputs - decoded) * torch.exp(-log_noise)).square()
    fit = -0.5 * (squares + math.log(2 * math.pi)).sum(1) - inputs.shape[1] * log_noise
    return fit.mean(), divergence(posterior, prior).mean()


def divergence(posterior: Gaussian, prior: Gaussian) -> torch.Tensor:
    """KL(q ‖ p) of diagonal Gaussians, (n,), in nats.

    Args:
        posterior: q.
        prior: p.
    """
    (mean, log_variance), (prior_mean, prior_log_variance) = posterior, prior
    ratio = torch.exp(log_variance - prior_log_variance)
    distance = (mean - prior_mean).square() * torch.exp(-prior_log_variance)
    return 0.5 * (ratio + distance - 1 + prior_log_variance - log_variance).sum(1)
