"""The exact distance by Lipschitz maps between Euclidean spaces, for small samples, in a bracket.

By Kirszbraun's theorem an L-Lipschitz map of the sample extends to the whole space, so that the distance is a
second-order cone program in the images tᵢ: minimise e under |tᵢ − hᵢ| ≤ e and |tᵢ − tⱼ| ≤ L |gᵢ − gⱼ|. For
antisymmetric multipliers Vᵢⱼ, and Uᵢ = −Σⱼ Vᵢⱼ scaled to Σ|Uᵢ| = 1, the value is at least
−Σ⟨Uᵢ, hᵢ⟩ − L Σ_{i<j} |gᵢ − gⱼ| |Vᵢⱼ|.
"""

from __future__ import annotations

from typing import Any

import torch

from identify_core import UsageError
from identify_measures.deformation.lawson import minimax
from identify_measures.deformation.lipschitz import lipschitz_distance, row_distances, smallest_lipschitz
from identify_measures.deformation.maps import Bracket, check_bound, doubles
from identify_measures.deformation.splitting import alternate

MOST_ROWS = 1000
"""Rows at most: memory and time grow with their square times the target's columns."""


def kirszbraun(source: Any, target: Any, bound: float, *, gap: float = 2e-3, iterations: int = 3000) -> Bracket:
    """The smallest, over L-Lipschitz maps with Euclidean norms on both sides, of the largest Euclidean residual.

    Args:
        source: shape (n, p), n ≤ `MOST_ROWS`.
        target: shape (n, q).
        bound: L.
        gap: stop once upper − lower is at most this part of upper.
        iterations: rounds at most.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
        UsageError: there are more rows than that, or the bound is not a finite number from 0 upwards.

    Source: Kirszbraun 1934, Fundamenta Mathematicae 22.
    """
    check_bound(bound)
    g, h = doubles(source, target)
    if len(g) > MOST_ROWS:
        raise UsageError(
            f"Kirszbraun's program has {len(g)} rows", hint=f"give at most {MOST_ROWS}, such as a random part of them"
        )
    away, apart = row_distances(g), row_distances(h)
    if bound * smallest_lipschitz(apart, away) == 0 or bool((away == 0).all()):
        return minimax("constant", g, h, gap=gap)
    if smallest_lipschitz(away, apart) <= bound:
        return Bracket(lower=0.0, upper=0.0, iterations=0)
    program = _Images(bound * away, h)
    size = float(h.abs().max())
    spread = float(torch.linalg.vector_norm(h - h.mean(dim=0), dim=1).mean())
    outcome = alternate(
        program,
        torch.zeros_like(h),
        program.scale * (h[:, None] - h),
        penalty=1 / spread,
        gap=gap,
        iterations=iterations,
        size=size,
    )
    lower = max(outcome.lower, lipschitz_distance(away, apart, bound))
    return Bracket(lower=min(lower, outcome.upper), upper=outcome.upper, iterations=outcome.rounds)


class _Images:
    """The images t as the unknowns; their differences, scaled to weigh as much as they do, as the constrained ones."""

    def __init__(self, limits: torch.Tensor, h: torch.Tensor) -> None:
        self.limits, self.h = limits, h
        self.scale = 3 * len(h) ** -0.5
        same = (limits == 0).to(h.dtype)
        self.merge = same / same.sum(dim=1, keepdim=True) if float(same.sum()) > len(h) else None

    def image(self, wanted: torch.Tensor, split: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Each pair counts once: (I + s² (n I − 11ᵀ)) t = right, whose inverse acts apart from the mean as one number.
        right = wanted + self.h + self.scale * split.sum(dim=1)
        mean = right.mean(dim=0)
        t = mean + (right - mean) / (1 + self.scale**2 * len(right))
        return t - self.h, self.scale * (t[:, None] - t)

    def project(self, split: torch.Tensor) -> torch.Tensor:
        lengths = torch.linalg.vector_norm(split, dim=2)
        limits = self.scale * self.limits
        return split * torch.where(lengths > limits, limits / lengths.clamp_min(1e-300), 1.0)[:, :, None]

    def upper(self, split: torch.Tensor, image: torch.Tensor) -> tuple[float, torch.Tensor]:
        t = image + self.h
        if self.merge is not None:
            t = self.merge @ t
        lengths = row_distances(t)
        ratio = torch.where(self.limits > 0, lengths / self.limits.clamp_min(1e-300), torch.zeros_like(lengths))
        middle = t.mean(dim=0)
        t = middle + (t - middle) / max(1.0, float(ratio.max()))
        return float(torch.linalg.vector_norm(t - self.h, dim=1).max()), t

    def lower(self, dual: torch.Tensor, split: torch.Tensor) -> float:
        pairs = self.scale * split
        rows = -pairs.sum(dim=1)
        total = float(torch.linalg.vector_norm(rows, dim=1).sum())
        if total == 0:
            return 0.0
        reach = 0.5 * float((self.limits * torch.linalg.vector_norm(pairs, dim=2)).sum())
        return (-float((rows * self.h).sum()) - reach) / total
