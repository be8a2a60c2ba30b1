"""The best map of each class in weighted least squares, all in closed form.

Widths that differ are made equal with columns of zeros where a class keeps widths: translation, isometry, similarity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from identify_core import UsageError, did_you_mean
from identify_measures.deformation.least_squares import LinearSource
from identify_measures.deformation.maps import AffineMap, doubles

Fit = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], AffineMap]


def fit(kind: str, source: Any, target: Any, *, ridge: float = 0.0) -> AffineMap:
    """The map of a class that leaves the smallest sum of squares.

    Args:
        kind: one of `CLASSES`.
        source: shape (n, p).
        target: shape (n, q).
        ridge: of an affine map, a penalty n · ridge · (mean variance of the source's columns) · |A|².

    Returns:
        A map between spaces of max(p, q) dimensions, padded with zeros, for translation, isometry and similarity.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
        UsageError: there is no such class, or a penalty on another class than `affine`.
    """
    g, h = doubles(source, target)
    if ridge < 0 or (ridge > 0 and kind != "affine"):
        raise UsageError(f"a ridge of {ridge:g} for the class {kind}", hint="affine maps take one, from 0 upwards")
    if kind == "affine" and ridge > 0:
        return _ridge(g, h, ridge)
    if kind == "affine":
        return LinearSource.of(source).fit(h)
    g, h = padded(kind, g, h)
    return weighted_fit(kind)(g, h, torch.full((len(g),), 1 / len(g), dtype=g.dtype, device=g.device))


def padded(kind: str, g: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both at the larger width, with zeros, where the class keeps widths."""
    if kind not in ("translation", "isometry", "similarity"):
        return g, h
    width = max(g.shape[1], h.shape[1])
    pad = torch.nn.functional.pad
    return pad(g, (0, width - g.shape[1])), pad(h, (0, width - h.shape[1]))


def weighted_fit(kind: str) -> Fit:
    """The closed form of a class.

    Raises:
        UsageError: there is no such class.
    """
    if kind not in CLASSES:
        raise UsageError(f"there is no class of maps {kind!r}", hint=did_you_mean(kind, CLASSES))
    return CLASSES[kind]


def _constant(g: torch.Tensor, h: torch.Tensor, weights: torch.Tensor) -> AffineMap:
    return AffineMap(matrix=g.new_zeros(g.shape[1], h.shape[1]), shift=weights @ h)


def _translation(g: torch.Tensor, h: torch.Tensor, weights: torch.Tensor) -> AffineMap:
    identity = torch.eye(g.shape[1], dtype=g.dtype, device=g.device)
    return AffineMap(matrix=identity, shift=weights @ (h - g))


def _isometry(g: torch.Tensor, h: torch.Tensor, weights: torch.Tensor) -> AffineMap:
    return _procrustes(g, h, weights, scaled=False)


def _similarity(g: torch.Tensor, h: torch.Tensor, weights: torch.Tensor) -> AffineMap:
    return _procrustes(g, h, weights, scaled=True)


def _procrustes(g: torch.Tensor, h: torch.Tensor, weights: torch.Tensor, *, scaled: bool) -> AffineMap:
    """Schönemann 1966: the orthogonal factor of the weighted cross-products; the scale by Gower 1975."""
    source, target = weights @ g, weights @ h
    centred = (g - source) * weights[:, None]
    u, s, vt = torch.linalg.svd(centred.T @ (h - target))
    matrix = u @ vt
    if scaled:
        size = float((centred * (g - source)).sum())
        matrix = matrix * (float(s.sum()) / size if size > 0 else 0.0)
    return AffineMap(matrix=matrix, shift=target - source @ matrix)


def _affine(g: torch.Tensor, h: torch.Tensor, weights: torch.Tensor) -> AffineMap:
    root = weights.sqrt()[:, None]
    source, target = weights @ g, weights @ h
    matrix = torch.linalg.lstsq((g - source) * root, (h - target) * root, driver="gelsd").solution
    return AffineMap(matrix=matrix, shift=target - source @ matrix)


def _ridge(g: torch.Tensor, h: torch.Tensor, ridge: float) -> AffineMap:
    source, target = g.mean(dim=0), h.mean(dim=0)
    u, s, vt = torch.linalg.svd(g - source, full_matrices=False)
    penalty = ridge * float(s.square().sum()) / g.shape[1]
    shrunk = torch.where(s > 0, s / (s.square() + penalty), torch.zeros_like(s))
    matrix = vt.T @ (shrunk[:, None] * (u.T @ (h - target)))
    return AffineMap(matrix=matrix, shift=target - source @ matrix)


CLASSES: Mapping[str, Fit] = MappingProxyType(
    {
        "constant": _constant,
        "translation": _translation,
        "isometry": _isometry,
        "similarity": _similarity,
        "affine": _affine,
    }
)
"""Each class of maps to its weighted least squares: `(source, target, weights) -> map`, weights that add up to one."""
