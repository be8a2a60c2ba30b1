"""Embeddings of the kept points of a grid in the plane."""

from __future__ import annotations

import warnings

import numpy as np

from identify_genni.subspace.axes import Array


def embed_points(coefficients: Array, *, neighbours: int, seed: int) -> Array:
    """UMAP of points given by their coefficients, (m, K) to (m, 2).

    Distances between coefficients are the distances between the parameter vectors, as the basis is orthonormal:
    embedding K numbers a point gives what embedding P would.

    Args:
        coefficients: of the points.
        neighbours: in the graph; fewer where there are not so many points.
        seed: makes it reproducible, at the price of one thread.

    Source: McInnes, Healy & Melville 2018; min_dist 0.5 is the study's.
    """
    with warnings.catch_warnings():
        # umap-learn and numba warn about versions of each other; nothing that a caller could act on
        warnings.simplefilter("ignore")
        import umap

        model = umap.UMAP(
            n_components=2,
            n_neighbors=max(2, min(neighbours, len(coefficients) - 1)),
            min_dist=0.5,
            init="spectral" if len(coefficients) > 50 else "random",
            random_state=seed % 2**32,
            n_jobs=1,
        )
        return np.asarray(model.fit_transform(np.asarray(coefficients, dtype=np.float32)), dtype=np.float64)
