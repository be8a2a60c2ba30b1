"""Diagonal Gaussians in losses: log-likelihood and Kullback-Leibler divergence, coordinate by coordinate."""

from __future__ import annotations

import math

import torch

Number = torch.Tensor | float


def gaussian_log_likelihood(x: torch.Tensor, mean: Number, log_variance: Number) -> torch.Tensor:
    """log N(x; mean, exp(log_variance)) of each coordinate, in nats, with its constant; sum over those of a row.

    Args:
        x: any shape.
        mean: of a shape that goes with it.
        log_variance: logarithm of the variance, likewise.

    Example:
        >>> gaussian_log_likelihood(torch.zeros(3), 0.0, math.log(4)).sum().exp().item()  # (8π)^(-3/2)
        0.0079...
    """
    log_variance = torch.as_tensor(log_variance, dtype=x.dtype, device=x.device)
    squares = (x - mean).square() * torch.exp(-log_variance)
    return -0.5 * (squares + log_variance + math.log(2 * math.pi))


def gaussian_divergence(
    mean: torch.Tensor, log_variance: torch.Tensor, prior_mean: Number = 0.0, prior_log_variance: Number = 0.0
) -> torch.Tensor:
    """KL(q ‖ p) of each coordinate, in nats; sum over those of a row. p is the standard normal where nothing is said.

    Args:
        mean: of q, any shape.
        log_variance: of q, the same shape.
        prior_mean: of p, of a shape that goes with it.
        prior_log_variance: of p, likewise.

    Example:
        >>> gaussian_divergence(torch.tensor([3.0]), torch.tensor([0.0])).item()
        4.5
    """
    prior_log_variance = torch.as_tensor(prior_log_variance, dtype=mean.dtype, device=mean.device)
    ratio = torch.exp(log_variance - prior_log_variance)
    distance = (mean - prior_mean).square() * torch.exp(-prior_log_variance)
    return 0.5 * (ratio + distance - 1 + prior_log_variance - log_variance)
