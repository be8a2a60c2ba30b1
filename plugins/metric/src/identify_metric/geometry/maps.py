"""Stacked maps F: Z -> R^D', whose Euclidean pull-back is one of the metrics of a decoder ensemble.

Every metric of the study is J_Fᵀ J_F for one map F: decoders that are concatenated and divided by √S give the mean over
decoders of J_sᵀ J_s; the mean next to σ gives the expected metric of x = μ + σ ε; a variance-stabilising transformation
of a parameter gives the Fisher-Rao metric of its law. So one solver serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch

from identify_core import OptionsError

Map = Callable[[torch.Tensor], torch.Tensor]
"""z (N, d) -> y (N, D')."""

Ensemble = Literal["expected", "mean", "single"]
Ambient = Literal["mean", "gaussian", "precision", "bernoulli", "categorical", "poisson", "exponential"]


def embed(decoded: torch.Tensor, ambient: Ambient, sigma: torch.Tensor | None = None) -> torch.Tensor:
    """What is measured of decoded rows: coordinates in which the metric of the ambient space is Euclidean.

    Args:
        decoded: (N, D): means; logits for `bernoulli` and `categorical`, log rates for `poisson` and `exponential`.
        ambient: `mean` leaves them as they are; `gaussian` puts σ next to them (expected metric of x = μ + σ ε);
            `precision` divides by a σ that does not depend on z; the others are Fisher-Rao: 2 arcsin √p, 2 √p, 2 √λ,
            log λ.
        sigma: (N, D) or (D,), for `gaussian` and `precision`.

    Raises:
        OptionsError: a σ is needed and not given.

    Source: Rao (1945); Arvanitidis et al., Pulling back information geometry, AISTATS 2022, arXiv 2106.05367.
    """
    if ambient in ("gaussian", "precision"):
        if sigma is None:
            raise OptionsError(f"the ambient metric {ambient!r} needs the standard deviation of the decoded law")
        if ambient == "precision":
            return decoded / sigma
        return torch.cat([decoded, sigma.expand_as(decoded)], dim=1)
    if ambient == "bernoulli":
        return 2 * torch.atan(torch.exp(decoded / 2))  # 2 arcsin √p of the logit, without a loss of digits near 0 and 1
    if ambient == "categorical":
        return 2 * torch.exp(torch.log_softmax(decoded, dim=1) / 2)
    if ambient == "poisson":
        return 2 * torch.exp(decoded / 2)
    return decoded


def stack(maps: Sequence[Map], ensemble: Ensemble = "expected", *, weights: torch.Tensor | None = None) -> Map:
    """One map for an ensemble.

    Args:
        maps: one a decoder, S of them, each with the same number of outputs.
        ensemble: `expected`, the mean of the metrics, by concatenation over √S; `mean`, the metric of the mean decoder;
            `single`, the first decoder alone.
        weights: (D',), of the squared differences of each output: a weighted ambient metric.

    Raises:
        OptionsError: a weight is negative.

    Example:
        >>> import torch
        >>> F = stack([lambda z: z, lambda z: 3 * z])
        >>> F(torch.ones(1, 2)).square().sum(1).item()  # (1 + 9) / 2 in each of two dimensions
        10.0
    """
    if weights is not None and bool((weights < 0).any()):
        raise OptionsError(f"a weight of the ambient metric is {float(weights.min()):g}; it must be at least 0")
    roots = None if weights is None else weights.sqrt()

    def weigh(y: torch.Tensor) -> torch.Tensor:
        return y if roots is None else y * roots

    if ensemble == "single" or len(maps) == 1:
        return lambda z: weigh(maps[0](z))
    if ensemble == "mean":
        return lambda z: weigh(torch.stack([f(z) for f in maps]).mean(0))
    root = len(maps) ** -0.5
    return lambda z: torch.cat([weigh(f(z)) for f in maps], dim=1) * root


def in_blocks(function: Map, z: torch.Tensor, size: int) -> torch.Tensor:
    """`function` over rows of z (N, d), so many at once."""
    if len(z) <= size:
        return function(z)
    return torch.cat([function(block) for block in torch.split(z, size)])
