"""How many directions of a representation the tasks can see: the spectra of the heads and of the targets."""

from __future__ import annotations

import attrs
import torch

from identify_mtlcm.objectives.refitting import Heads
from identify_mtlcm.tasks import TaskRows

_BLOCK = 8192


@attrs.frozen(kw_only=True, eq=False)
class HeadSpectrum:
    """The singular values of the predictions W h, each task in the units of its own targets' spread.

    They do not change under invertible linear maps of h. Only as many directions of h are determined as they have rank.

    Args:
        values: (min(T, d),), descending, divided by √T.
        rank: how many are above the tolerance.
        effective: exp of the entropy of their squares' shares (Roy & Vetterli, EUSIPCO 2007), from 1 to d.
    """

    values: torch.Tensor
    rank: int
    effective: float

    @classmethod
    def of(cls, heads: Heads, scale: torch.Tensor, covariance: torch.Tensor, *, tolerance: float) -> HeadSpectrum:
        """The spectrum of heads on a representation with the given covariance.

        Args:
            heads: of targets in their own units.
            scale: the spread of each task's targets, (T,).
            covariance: of h, (d, d).
            tolerance: share of the largest singular value below which a direction does not count.
        """
        values, vectors = torch.linalg.eigh(covariance)
        root = vectors * values.clamp_min(0.0).sqrt()
        spectrum = torch.linalg.svdvals((heads.weights / scale[:, None]) @ root) / len(scale) ** 0.5
        return cls(values=spectrum, rank=_rank(spectrum, tolerance), effective=_effective(spectrum.square()))


def target_spectrum(tasks: TaskRows) -> torch.Tensor | None:
    """The eigenvalues of `target_correlations`, (T,), descending; None where a row belongs to one task."""
    correlations = target_correlations(tasks)
    return None if correlations is None else torch.linalg.eigvalsh(correlations).flip(0).clamp_min(0.0)


def target_correlations(tasks: TaskRows) -> torch.Tensor | None:
    """The correlation matrix of the targets, (T, T), float64; None where a row belongs to one task.

    Where targets are missing, each correlation is that of the rows which have both. A constant target has none.
    """
    if tasks.task is not None:
        return None
    present = ~tasks.targets.isnan()
    n = present.sum(0).double()
    mean = torch.where(present, tasks.targets, 0.0).double().sum(0) / n
    scale = torch.where(present, tasks.targets.double() - mean, 0.0).square().sum(0).div(n).sqrt()
    scale = torch.where(scale > 0, scale, torch.inf)
    products = torch.zeros(len(n), len(n), dtype=torch.float64, device=n.device)
    pairs = torch.zeros_like(products)
    for start in range(0, len(tasks), _BLOCK):
        seen = present[start : start + _BLOCK].double()
        values = torch.where(seen > 0, (tasks.targets[start : start + _BLOCK].double() - mean) / scale, 0.0)
        products += values.T @ values
        pairs += seen.T @ seen
    correlations: torch.Tensor = products / pairs.clamp_min(1.0)
    return correlations


def spectral_rank(eigenvalues: torch.Tensor, tolerance: float) -> int:
    """How many square roots of eigenvalues exceed `tolerance` times the largest."""
    return _rank(eigenvalues.sqrt(), tolerance)


def _rank(values: torch.Tensor, tolerance: float) -> int:
    return int((values > tolerance * values.max()).sum()) if float(values.max()) > 0 else 0


def _effective(shares: torch.Tensor) -> float:
    total = shares.sum()
    if float(total) == 0:
        return 0.0
    share = shares / total
    return float(torch.special.entr(share).sum().exp())
