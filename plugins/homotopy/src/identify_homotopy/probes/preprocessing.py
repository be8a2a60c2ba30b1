"""What is done to embeddings before they are compared or classified, fitted on the training rows alone."""

from __future__ import annotations

import numpy as np

_SMALLEST = 1e-6
"""Directions with less than this part of the largest deviation are left out when columns are whitened."""


def preprocess(values: np.ndarray, train: np.ndarray, how: str) -> np.ndarray:
    """Embeddings after `none`, `centre`, `unit-rms` (centred, too) or `whiten` (unit covariance, rank columns).

    Args:
        values: shape (n, d).
        train: the rows that it is fitted on.
        how: its name.
    """
    if how == "none":
        return values
    centred: np.ndarray = values - values[train].mean(axis=0)
    if how == "centre":
        return centred
    if how == "unit-rms":
        size = float(np.sqrt(np.square(centred[train]).mean()))
        return centred / size if size > 0 else centred
    _, deviations, directions = np.linalg.svd(centred[train] / np.sqrt(len(train)), full_matrices=False)
    kept = deviations > _SMALLEST * deviations[0]
    whitened: np.ndarray = centred @ directions[kept].T / deviations[kept]
    return whitened
