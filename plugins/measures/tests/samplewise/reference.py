"""Slow and obvious forms of the measures, and arrays to try them on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

Array = npt.NDArray[np.float64]


def pair(n: int = 60, p: int = 6, q: int = 4, *, seed: int = 0) -> tuple[Array, Array]:
    """Two related representations."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, p))
    return x, np.tanh(x @ generator.normal(size=(p, q))) + 0.3 * generator.normal(size=(n, q))


def rotation(d: int, *, seed: int = 1) -> Array:
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def hsic_biased(k: Array, m: Array) -> float:
    """tr(KHLH) / (n − 1)²."""
    n = len(k)
    h = np.eye(n) - 1 / n
    return float(np.trace(k @ h @ m @ h)) / (n - 1) ** 2


def hsic_unbiased(k: Array, m: Array) -> float:
    """The trace form of Song et al. 2012; for symmetric or masked matrices."""
    n = len(k)
    k, m = k * (1 - np.eye(n)), m * (1 - np.eye(n))
    value = (k * m.T).sum() + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k @ m).sum() / (n - 2)
    return float(value / (n * (n - 3)))


def gaussian(x: Array, factor: float) -> Array:
    """The kernel matrix with the width of the median over all n² squared distances."""
    squared = cdist(x, x, "sqeuclidean")
    return np.exp(-squared / (2 * factor**2 * np.median(squared)))


def neighbours(similarity: Array, k: int) -> npt.NDArray[np.int64]:
    """A full stable sort of each row without the diagonal."""
    similarity = similarity.copy()
    np.fill_diagonal(similarity, -np.inf)
    return np.sort(np.argsort(-similarity, axis=1, kind="stable")[:, :k], axis=1)


def cosine(x: Array) -> Array:
    """Cosines of all pairs of rows."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit @ unit.T
