"""Bins: real latents cut into bins of equal width, by a number or by one of the usual rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from identify_measures.inputs import InputError

Array = np.ndarray[Any, Any]

_EDGE = 1e-9  # of a bin's width
_ON_EDGES = 0.01
_CROWDED = 0.95


def bin_latents(codes: Array, bins: int | str) -> tuple[Array, tuple[str, ...]]:
    """The bin of every value, shape (n, d), and what could mislead about them.

    Bins are closed below and open above, the last one closed: `numpy.histogram`'s edges, as disentanglement_lib's.

    Args:
        codes: shape (n, d).
        bins: how many, or a rule of `numpy.histogram_bin_edges`, which each latent is cut by on its own.

    Raises:
        InputError: a rule wants more bins than there are rows.
    """
    binned = np.empty(codes.shape, dtype=np.int64)
    on_edges = crowded = 0
    for i, column in enumerate(codes.T):
        low, high = float(column.min()), float(column.max())
        if low == high:
            binned[:, i] = 0
            continue
        edges = _edges(column, bins, i)
        binned[:, i] = np.searchsorted(edges[:-1], column, side="right") - 1
        count = len(edges) - 1
        place = (column - low) * (count / (high - low))
        nearest = np.round(place)
        inner = (nearest > 0) & (nearest < count)
        on_edges += bool(np.mean(inner & (np.abs(place - nearest) < _EDGE * count)) > _ON_EDGES)
        crowded += bool(np.bincount(binned[:, i]).max() > _CROWDED * len(column))
    notes = []
    if on_edges:
        notes.append(f"values of {on_edges} latents lie on edges of bins: a change of sign or scale can move them")
    if crowded:
        notes.append(f"{crowded} latents have more than 95 % of their rows in one of {said(bins)}")
    return binned, tuple(notes)


def said(bins: int | str) -> str:
    """In words: `20 equal-width bins`."""
    return f"{bins} equal-width bins" if isinstance(bins, int) else f"equal-width bins by the rule {bins!r}"


def _edges(column: Array, bins: int | str, i: int) -> Array:
    low, high = float(column.min()), float(column.max())
    if isinstance(bins, int):
        return np.linspace(low, high, bins + 1)
    if bins in ("fd", "auto"):
        # Freedman and Diaconis' width follows the middle half of the rows: one far row asks for any number of bins.
        quarter, three_quarters = np.quantile(column, [0.25, 0.75])
        width = 2 * (three_quarters - quarter) / len(column) ** (1 / 3)
        if width > 0 and (high - low) / width > len(column):
            raise InputError(
                f"the rule {bins!r} cuts latent {i} into {(high - low) / width:.3g} bins, and there are "
                f"{len(column)} rows",
                hint="give a number of bins, or use the estimator 'neighbours'",
            )
    edges: Array = np.histogram_bin_edges(column, bins)
    return edges
