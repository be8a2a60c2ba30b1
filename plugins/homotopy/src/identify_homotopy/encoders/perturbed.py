"""Copies of hidden states whose relation to the original is known."""

from __future__ import annotations

import re

import torch

from identify_core import OptionsError

_PATTERN = re.compile(r"rotation|affine|noise|int8|rank-[1-9]\d*")
_NOISE = 0.1  # of the root mean square of a column


def check_perturbation(name: str) -> None:
    """Refuse what is not a perturbation.

    Raises:
        OptionsError: there is none of that name.
    """
    if not _PATTERN.fullmatch(name):
        raise OptionsError(
            f"there is no perturbation {name!r}", hint="allowed: rotation, affine, noise, int8, and rank-N"
        )


def perturb(states: torch.Tensor, name: str, generator: torch.Generator) -> torch.Tensor:
    """A perturbed copy of hidden states (n, d), float32.

    `rotation` is orthogonal, `affine` has condition 10 and a shift, `noise` is normal with a tenth of each column's
    deviation, `int8` rounds each column to 255 levels, `rank-N` keeps the leading singular directions.
    """
    values = states.double()
    mean, width = values.mean(dim=0), values.shape[1]
    if name in ("rotation", "affine"):
        q, _ = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64))
        if name == "affine":
            other, _ = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64))
            q = q * torch.logspace(-0.5, 0.5, width, dtype=torch.float64) @ other
        shift = torch.randn(width, generator=generator, dtype=torch.float64) if name == "affine" else 0.0
        moved: torch.Tensor = values @ q + shift
        return moved.float()
    if name == "noise":
        drawn = torch.randn(values.shape, generator=generator, dtype=torch.float64)
        return (values + _NOISE * values.std(dim=0) * drawn).float()
    if name == "int8":
        step = (values.abs().amax(dim=0) / 127).clamp_min(1e-30)
        return ((values / step).round() * step).float()
    u, s, vt = torch.linalg.svd(values - mean, full_matrices=False)
    rank = int(name.removeprefix("rank-"))
    low: torch.Tensor = mean + u[:, :rank] * s[:rank] @ vt[:rank]
    return low.float()
