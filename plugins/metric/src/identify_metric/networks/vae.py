"""EnsembleVae: one encoder and S decoders as parts of one module, and the law of an input given its latent."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from identify_metric.options.models import Law

_LEAST_LOG_SIGMA, _MOST_LOG_SIGMA = -6.0, 4.0


class EnsembleVae(nn.Module):
    """A variational autoencoder whose posterior is shared by several independent decoders.

    The parts are `encoder` and `decoders.0`, `decoders.1`, ...: an encoder gives (n, 2d), mean and log variance of the
    posterior; a decoder gives (n, D), or (n, 2D) where the law is `gaussian-network`: mean and log σ. Inputs of any
    shape are flattened to D numbers where they are compared with what is decoded.

    Args:
        encoder: x (n, ...) -> (n, 2d).
        decoder: makes one decoder, z (n, d) -> (n, D) or (n, 2D).
        decoders: S.
        latents: d.
        features: D.
        law: of an input given its latent.
        sigma: of the law `gaussian`; `learned` for one learned number a feature.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        decoder: Callable[[], nn.Module],
        decoders: int,
        latents: int,
        features: int,
        law: Law,
        sigma: float | str,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoders = nn.ModuleList(decoder() for _ in range(decoders))
        self.latents = latents
        self.features = features
        self.law = law
        start = torch.zeros(features) if sigma == "learned" else torch.full((features,), math.log(float(sigma)))
        if sigma == "learned":
            self.log_sigma = nn.Parameter(start)
        else:
            self.register_buffer("log_sigma", start)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The posterior's mean, (n, d): the latents that a run keeps."""
        posterior: torch.Tensor = self.encoder(x)
        return posterior[:, : self.latents]


def posterior_of(encoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log variance of the posterior, (n, d) each, from what an encoder gives."""
    mean, log_variance = encoded.chunk(2, dim=1)
    return mean, log_variance


def negative_log_likelihood(x: torch.Tensor, decoded: torch.Tensor, log_sigma: torch.Tensor, law: Law) -> torch.Tensor:
    """−log p(x | z) by row, (n,), in nats; of a Gaussian without the constant D log(2π) / 2.

    Args:
        x: (n, D).
        decoded: (n, D), or (n, 2D) where the law is `gaussian-network`.
        log_sigma: of the law `gaussian`, (D,).
        law: Bernoulli takes `decoded` as logits.
    """
    if law == "bernoulli":
        return nn.functional.binary_cross_entropy_with_logits(decoded, x, reduction="none").sum(1)
    mean = decoded
    if law == "gaussian-network":
        mean, log_sigma = split_sigma(decoded)
    return (0.5 * ((x - mean) * torch.exp(-log_sigma)).square() + log_sigma).sum(1)


def split_sigma(decoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log σ, (n, D) each, of a decoder that gives both; log σ is bent smoothly into [-6, 4]."""
    mean, raw = decoded.chunk(2, dim=1)
    half = (_MOST_LOG_SIGMA - _LEAST_LOG_SIGMA) / 2
    middle = (_MOST_LOG_SIGMA + _LEAST_LOG_SIGMA) / 2
    return mean, middle + half * torch.tanh((raw - middle) / half)
