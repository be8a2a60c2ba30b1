"""Information: mutual information between binned latents and factors, from one count of all their joint values."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch

from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array, TrueFactor

_EDGE = 1e-9  # of a bin's width
_ON_EDGES = 0.01
_CROWDED = 0.95
_CHUNK = 1 << 22  # joint values counted at a time


@attrs.frozen(kw_only=True, eq=False)
class Information:
    """Mutual information in nats.

    Args:
        values: of latent i and factor j, shape (d, F).
        entropies: of the factors, shape (F,).
        notes: what could mislead about the bins.
    """

    values: Array
    entropies: Array
    notes: tuple[str, ...]


def mutual_information(study: Study, bins: int) -> Information:
    """The mutual information of every latent with every factor, all rows counted.

    Each latent is cut into equal-width bins from its smallest to its largest value; a factor counts by its classes.
    It is the plug-in estimate: of independent variables it is about (bins − 1)(classes − 1) / 2n nats, not 0.

    Args:
        study: latents and factors.
        bins: of each latent.
    """
    binned, notes = bin_latents(study.codes, bins)
    joint = count_joint(binned, study.truth, bins, study.device)
    of_latent = _entropy(joint[:, :, : study.truth[0].classes].sum(axis=2), study.n, axis=1)
    values = np.empty((study.width, len(study.truth)))
    entropies = np.empty(len(study.truth))
    start = 0
    for j, factor in enumerate(study.truth):
        block = joint[:, :, start : start + factor.classes]
        start += factor.classes
        entropies[j] = _entropy(block[0].sum(axis=0), study.n, axis=0)
        together = _entropy(block.reshape(study.width, -1), study.n, axis=1)
        values[:, j] = np.maximum(of_latent + entropies[j] - together, 0.0)
    # Rounding leaves 1e-16 for a latent in one bin, which says nothing of anything: that must be nothing exactly.
    values[(binned == binned[:1]).all(axis=0)] = 0.0
    return Information(values=values, entropies=entropies, notes=notes)


def bin_latents(codes: Array, bins: int) -> tuple[Array, tuple[str, ...]]:
    """The bin of every value, shape (n, d), and what could mislead about them.

    Bins are closed below and open above, the last one closed: `numpy.histogram`'s edges, as disentanglement_lib's.
    """
    binned = np.empty(codes.shape, dtype=np.int64)
    on_edges = crowded = 0
    for i, column in enumerate(codes.T):
        low, high = float(column.min()), float(column.max())
        if low == high:
            binned[:, i] = 0
            continue
        edges = np.linspace(low, high, bins + 1)
        binned[:, i] = np.searchsorted(edges[:-1], column, side="right") - 1
        place = (column - low) * (bins / (high - low))
        nearest = np.round(place)
        inner = (nearest > 0) & (nearest < bins)
        on_edges += bool(np.mean(inner & (np.abs(place - nearest) < _EDGE * bins)) > _ON_EDGES)
        crowded += bool(np.bincount(binned[:, i]).max() > _CROWDED * len(column))
    notes = []
    if on_edges:
        notes.append(f"values of {on_edges} latents lie on edges of bins: a change of sign or scale can move them")
    if crowded:
        notes.append(f"{crowded} latents have more than 95 % of their rows in one of {bins} equal-width bins")
    return binned, tuple(notes)


def count_joint(binned: Array, truth: Sequence[TrueFactor], bins: int, device: torch.device) -> Array:
    """How often bin b of latent i meets class c of each factor, shape (d, bins, sum of classes), exact.

    Args:
        binned: shape (n, d).
        truth: the factors.
        bins: of each latent.
        device: where it is counted.
    """
    n, d = binned.shape
    starts = np.cumsum([0, *(factor.classes for factor in truth)])
    total = int(starts[-1])
    labels = np.stack([factor.labels + start for factor, start in zip(truth, starts[:-1], strict=True)], axis=1)
    cells = torch.as_tensor((binned + bins * np.arange(d)) * total)
    classes = torch.as_tensor(labels)
    counts = torch.zeros(d * bins * total, dtype=torch.int64, device=device)
    rows = max(1, _CHUNK // (d * len(truth)))
    for first in range(0, n, rows):
        part = cells[first : first + rows].to(device), classes[first : first + rows].to(device)
        index = (part[0][:, :, None] + part[1][:, None, :]).reshape(-1)
        counts += torch.bincount(index, minlength=len(counts))
    joint: Array = counts.reshape(d, bins, total).cpu().numpy()
    return joint


def _entropy(counts: Array, n: float, axis: int) -> Array:
    p = counts / n
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    entropy: Array = -(p * logs).sum(axis=axis)
    return entropy
