"""One pair of arrays against the shortest correct lines of numpy and scipy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import numpy as np
import scipy.linalg
from benchmarks.case import Case
from scipy.optimize import linear_sum_assignment
from scipy.spatial import procrustes

from identify_measures import cca, debiased_cka, linear_cka, linear_r2, pearson_mcc, procrustes_angular
from identify_measures import procrustes_disparity as disparity

Array = np.ndarray[Any, Any]

SIZES = ((500, 16), (2_000, 64), (10_000, 512), (50_000, 256))
TYPES = ("float32", "float64")


def made(rows: int, width: int, dtype: str) -> tuple[Array, Array]:
    """Two noisy linear images of common latents, with means that are not zero."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(rows, width))
    return tuple(
        (common @ rng.normal(size=(width, width)) / math.sqrt(width) + rng.normal(size=(rows, width)) + 1).astype(dtype)
        for _ in range(2)
    )  # type: ignore[return-value]


arrays = cache(made)


def centred(x: Array, y: Array) -> tuple[Array, Array]:
    """Both without their means."""
    return x - x.mean(0), y - y.mean(0)


def plain_cka(x: Array, y: Array) -> float:
    """Kornblith et al., in feature space."""
    x, y = centred(x, y)
    norm = np.linalg.norm
    return float(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))


def plain_debiased(x: Array, y: Array) -> float:
    """The U-centred estimates, in feature space."""
    x, y = centred(x, y)
    n, a, b = len(x), np.square(x).sum(1), np.square(y).sum(1)

    def unbiased(products: Array, left: Array, right: Array) -> float:
        taken = n / (n - 2) * (left @ right) - left.sum() * right.sum() / ((n - 1) * (n - 2))
        return float(np.linalg.norm(products) ** 2 - taken)

    return unbiased(x.T @ y, a, b) / math.sqrt(unbiased(x.T @ x, a, a) * unbiased(y.T @ y, b, b))


def plain_angle(x: Array, y: Array) -> float:
    """The Procrustes angle from the singular values of the cross-products."""
    x, y = centred(x, y)
    return math.acos(scipy.linalg.svdvals(x.T @ y).sum() / (np.linalg.norm(x) * np.linalg.norm(y)))


def plain_mcc(x: Array, y: Array) -> float:
    """Correlations, then an assignment."""
    x, y = centred(x, y)
    strength = np.abs((x / np.linalg.norm(x, axis=0)).T @ (y / np.linalg.norm(y, axis=0)))
    return float(strength[linear_sum_assignment(-strength)].mean())


def plain_cca(x: Array, y: Array) -> float:
    """Two QR decompositions and the singular values of the product of their bases."""
    x, y = centred(x, y)
    return float(scipy.linalg.svdvals(np.linalg.qr(x)[0].T @ np.linalg.qr(y)[0]).mean())


def plain_r2(x: Array, y: Array) -> float:
    """A QR decomposition and what its basis explains."""
    x, y = centred(x, y)
    return float((np.linalg.norm(np.linalg.qr(x)[0].T @ y) / np.linalg.norm(y)) ** 2)


MEASURES: tuple[tuple[str, Callable[..., Any], str, Callable[[Array, Array], float]], ...] = (
    ("linear CKA", linear_cka, "three products in numpy", plain_cka),
    ("debiased CKA", debiased_cka, "three products in numpy", plain_debiased),
    ("Procrustes angle", procrustes_angular, "a product and scipy's svdvals", plain_angle),
    ("Procrustes disparity", disparity, "scipy.spatial.procrustes", lambda x, y: float(procrustes(x, y)[2])),
    ("Pearson MCC", pearson_mcc, "correlations and scipy's assignment", plain_mcc),
    ("CCA", cca, "two QRs in numpy and scipy's svdvals", plain_cca),
    ("linear R²", linear_r2, "one QR in numpy", plain_r2),
)


def agree(ours: float, theirs: float, tolerance: float) -> None:
    """Equal to the rounding of the baseline."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def cases() -> Iterable[Case]:
    """Every measure at every size, in both types."""
    for rows, width in SIZES:
        for dtype in TYPES:
            x, y = arrays(rows, width, dtype)
            for name, ours, baseline_name, plain in MEASURES:
                yield Case(
                    name=f"{name}, {rows:,} × {width}, {dtype}",
                    baseline_name=baseline_name,
                    ours=lambda ours=ours, x=x, y=y: ours(x, y).value,
                    baseline=lambda plain=plain, x=x, y=y: plain(x, y),
                    expected=None,
                    agree=partial(agree, tolerance=1e-9 if dtype == "float64" else 1e-4),
                    repeats=101 if rows == 500 else 31 if rows == 2000 else 5,
                )
