"""The networks of an identifiable variational autoencoder: encoder, decoder and conditional prior."""

from __future__ import annotations

import torch
from torch import nn

from identify_core import dense_network
from identify_mtlcm.options.networks import Activation

_EMBEDDING = 16
_SMALLEST, _LARGEST = -12.0, 8.0  # of the logarithms of variances

Gaussian = tuple[torch.Tensor, torch.Tensor]  # mean and logarithm of the variance, (n, d) each


class ConditionalAutoencoder(nn.Module):
    """q(z | x, u), p(z | u) and p(x | z), where u is a row's target and task, or its targets in all tasks.

    Args:
        inputs: width of x, D.
        tasks: T.
        one_task: whether a row has one target and the number of its task; otherwise it has T targets.
        latents: d.
        hidden: widths of the hidden layers.
        activation: after each of them.
        noise: standard deviation of x around what is decoded; None for a learned one.
    """

    def __init__(
        self,
        *,
        inputs: int,
        tasks: int,
        one_task: bool,
        latents: int,
        hidden: list[int],
        activation: Activation,
        noise: float | None,
    ) -> None:
        super().__init__()
        self.task = nn.Embedding(tasks, _EMBEDDING) if one_task else None
        condition = 1 + 2 * _EMBEDDING if one_task else 2 * tasks
        self.encoder = dense_network([inputs + condition, *hidden, 2 * latents], activation=activation)
        self.decoder = dense_network([latents, *hidden, inputs], activation=activation)
        self.prior = dense_network([condition, *hidden, 2 * latents], activation=activation)
        start = torch.zeros(()) if noise is None else torch.tensor(noise).log()
        self.log_noise = nn.Parameter(start, requires_grad=noise is None)

    def condition(self, y: torch.Tensor, task: torch.Tensor | None) -> torch.Tensor:
        """u as numbers, (n, ·): targets with zeros for missing ones, and who is there.

        Args:
            y: (n,) with `task`, or (n, T).
            task: (n,) or None.
        """
        missing = y.isnan()
        known = y.masked_fill(missing, 0.0)
        if self.task is None or task is None:
            return torch.cat([known, missing.to(y.dtype)], dim=1)
        which = self.task(task)
        # The product lets the law of each latent have a slope of its own in every task.
        return torch.cat([known[:, None], which, which * known[:, None]], dim=1)

    def posterior(self, x: torch.Tensor, y: torch.Tensor, task: torch.Tensor | None) -> Gaussian:
        """q(z | x, u)."""
        return _gaussian(self.encoder(torch.cat([x, self.condition(y, task)], dim=1)))

    def forward(
        self, x: torch.Tensor, y: torch.Tensor, task: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, Gaussian, Gaussian]:
        """x decoded from a draw of the posterior (n, D), log noise, posterior and prior."""
        posterior = self.posterior(x, y, task)
        mean, log_variance = posterior
        z = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        return self.decoder(z), self.log_noise, posterior, _gaussian(self.prior(self.condition(y, task)))


def _gaussian(numbers: torch.Tensor) -> Gaussian:
    mean, log_variance = numbers.chunk(2, dim=1)
    return mean, log_variance.clamp(_SMALLEST, _LARGEST)
