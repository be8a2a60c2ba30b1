"""Lining up estimated latents with true ones: which is which, and in what scale."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from scipy.optimize import linear_sum_assignment

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Alignment:
    """Estimated latents matched with true ones.

    Args:
        true: which true latent each match has, (m,) with m the smaller number of latents.
        estimated: which estimated latent it is matched with, (m,).
        scales: slope s of ẑ = s z + constant, fitted over all rows, (m,); 0 where one of them is constant.
        correlations: Pearson correlation of each match, with its sign, (m,).
    """

    true: Array
    estimated: Array
    scales: Array
    correlations: Array


def align(truth: Array, estimate: Array) -> Alignment:
    """The one-to-one matching with the largest sum of absolute Pearson correlations over all rows.

    A latent that is constant or not finite correlates with nothing.

    Args:
        truth: (n, d).
        estimate: (n, d').
    """
    estimate = np.where(np.isfinite(estimate).all(0), estimate, 0.0)
    z, e = truth.astype(np.float64), estimate.astype(np.float64)
    z, e = z - z.mean(0), e - e.mean(0)
    cross = z.T @ e
    variances, others = (z * z).sum(0), (e * e).sum(0)
    scale = np.sqrt(np.outer(variances, others))
    correlations = np.divide(cross, scale, out=np.zeros_like(cross), where=scale > 0)
    rows, columns = linear_sum_assignment(-np.abs(correlations))
    slopes = np.divide(cross, variances[:, None], out=np.zeros_like(cross), where=variances[:, None] > 0)
    return Alignment(
        true=rows, estimated=columns, scales=slopes[rows, columns], correlations=correlations[rows, columns]
    )
