"""How far the decoders of an ensemble disagree, and the energy that charges for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from identify_metric.geometry.maps import Map


@torch.no_grad()
def ensemble_variance(maps: Sequence[Map], z: torch.Tensor) -> torch.Tensor:
    """The variance over S decoders summed over features, (N,): population variance, with 1 / S."""
    return torch.stack([F(z) for F in maps]).var(0, correction=0).sum(1)


@torch.no_grad()
def penalised_energy(maps: Sequence[Map], curves: torch.Tensor, *, points: int = 16) -> torch.Tensor:
    """T Σ_k (|μ_{k+1} − μ_k|² + V_k + V_{k+1}) of curves, (P,), with T = `points` at equal times along them.

    What the predecessor's independent draws of decoders come to in expectation: a decoder θ at one end of a chord and
    another θ' at the other. Its second part grows with T², so that its root is not a length and it has no limit: it is
    an energy with a penalty for uncertainty, at the stated number of points.

    Args:
        maps: one a decoder.
        curves: (P, T₀, d), at equal times; points between them are interpolated.
        points: T.

    Source: Syrota et al., GRaM 2024, arXiv 2408.07507, section 4; the closed form is exact.
    """
    P, there, d = curves.shape
    at = torch.linspace(0, there - 1, points + 1).to(curves)
    low = at.floor().long().clamp_max(there - 2)
    z = torch.lerp(curves[:, low], curves[:, low + 1], (at - low)[None, :, None]).reshape(-1, d)
    decoded = torch.stack([F(z) for F in maps])
    mean = decoded.mean(0).reshape(P, points + 1, -1)
    variance = decoded.var(0, correction=0).sum(1).reshape(P, points + 1)
    steps = (mean[:, 1:] - mean[:, :-1]).square().sum(2)
    return points * (steps + variance[:, 1:] + variance[:, :-1]).sum(1)
