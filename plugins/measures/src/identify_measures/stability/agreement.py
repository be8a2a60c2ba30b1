"""How far models agree on items: intraclass correlations, rank correlations, Kendall's W."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from identify_measures.stability.variation import checked

Array = np.ndarray[Any, Any]


def icc_consistency(values: Array) -> float:
    """ICC(3,1): the part of the variance that items have, where each model may add a constant of its own.

    (MS_items − MS_error) / (MS_items + (M − 1) MS_error) (Shrout & Fleiss, Psychological Bulletin 86(2), 1979). 1 where
    all models agree up to constants; NaN where nothing varies.

    Args:
        values: (M, P) of at least two models and two items.

    Raises:
        OptionsError: the values are not such a matrix.

    Example:
        >>> icc_consistency([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
        1.0
    """
    items, _, error, models, _ = _mean_squares(values)
    return _ratio(items - error, items + (models - 1) * error)


def icc_agreement(values: Array) -> float:
    """ICC(A,1): as ICC(3,1), with the constants of the models counted as disagreement.

    (MS_items − MS_error) / (MS_items + (M − 1) MS_error + M (MS_models − MS_error) / P) (McGraw & Wong, Psychological
    Methods 1(1), 1996).

    Args:
        values: (M, P) of at least two models and two items.

    Raises:
        OptionsError: the values are not such a matrix.

    Example:
        >>> round(icc_agreement([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]), 4)
        0.6667
    """
    items, models_square, error, models, count = _mean_squares(values)
    return _ratio(items - error, items + (models - 1) * error + models * (models_square - error) / count)


def mean_spearman(values: Array) -> float:
    """Mean over pairs of models of the rank correlation over items; NaN where a model is constant.

    Args:
        values: (M, P).

    Raises:
        OptionsError: the values are not such a matrix.
    """
    ranks = _ranks(checked(values))
    centred = ranks - ranks.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    each = [
        _ratio(float(centred[i] @ centred[j]), float(norms[i] * norms[j]))
        for i, j in combinations(range(len(ranks)), 2)
    ]
    return float(np.mean(each))


def kendall_w(values: Array) -> float:
    """Kendall's W, with the correction for ties: 1 where all models rank the items alike, 0 where none agree.

    12 S / (M² (P³ − P) − M Σ T), S the sum of squares of the items' rank sums around their mean, T = Σ (t³ − t) over
    the ties of one model (Kendall & Gibbons, Rank Correlation Methods, 1990, chapter 6).

    Args:
        values: (M, P).

    Raises:
        OptionsError: the values are not such a matrix.
    """
    ranks = _ranks(checked(values))
    models, count = ranks.shape
    sums = ranks.sum(0)
    squares = float(((sums - sums.mean()) ** 2).sum())
    ties = 0.0
    for row in ranks:
        _, times = np.unique(row, return_counts=True)
        ties += float((times.astype(np.float64) ** 3 - times).sum())
    return _ratio(12 * squares, models**2 * (float(count) ** 3 - count) - models * ties)


def _mean_squares(values: Array) -> tuple[float, float, float, int, int]:
    """Mean squares of items, models and the rest of a two-way layout, with M and P."""
    matrix = checked(values)
    models, count = matrix.shape
    matrix = matrix - matrix.mean()
    rows, columns = matrix.mean(1), matrix.mean(0)
    rest = matrix - rows[:, None] - columns[None]
    free = max(count - 1, 1)
    items = models * float((columns**2).sum()) / free
    models_square = count * float((rows**2).sum()) / (models - 1)
    error = float((rest**2).sum()) / (free * (models - 1))
    return items, models_square, error, models, count


def _ranks(matrix: Array) -> Array:
    from scipy.stats import rankdata

    result: Array = rankdata(matrix, axis=1)
    return result


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")
