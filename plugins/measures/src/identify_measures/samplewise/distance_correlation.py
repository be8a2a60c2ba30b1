"""Distance correlation: the alignment of doubly centred Euclidean distances."""

from __future__ import annotations

from typing import Any

from identify_core import Score
from identify_measures.options.samplewise import DistanceCorrelationOptions
from identify_measures.samplewise.cka import biased_alignment, score_alignment
from identify_measures.samplewise.kernels import EuclideanTiles
from identify_measures.samplewise.shared import Shared, share_arrays
from identify_measures.samplewise.tiles import sum_pairs


def distance_correlation(x: Any, y: Any, *, interval: bool = False) -> Score:
    """Distance correlation: √(⟨A, B⟩ / √(⟨A, A⟩⟨B, B⟩)) of doubly centred Euclidean distances.

    Args:
        x: shape (n, p).
        y: shape (n, q), row i the same sample as row i of x.
        interval: whether to give one.

    Raises:
        InputError: the arrays are not paired matrices of finite real numbers.

    Source: Székely, Rizzo & Bakirov 2007, Annals of Statistics 35(6), definition 3.

    Example:
        >>> from identify_measures import distance_correlation
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> round(distance_correlation(x, 2 * x[:, [1, 2, 0]]), 3) + 0.0
        1.0
    """
    return score_distance_correlation(share_arrays(x, y), 0, 1, DistanceCorrelationOptions(interval=interval))


def score_distance_correlation(shared: Shared, i: int, j: int, options: DistanceCorrelationOptions) -> Score:
    """The score of one pair."""
    judged = shared.judged(
        "distances",
        lambda: sum_pairs([EuclideanTiles(view) for view in shared.views("centred")], shared.n, edges=shared.edges),
        biased_alignment,
    )
    facts = shared.facts("distance-correlation", i, j) | {
        "estimator": "biased (V-statistic), Euclidean distances, square root taken"
    }
    return score_alignment("distance-correlation", judged, shared, i, j, facts, interval=options.interval, root=True)
