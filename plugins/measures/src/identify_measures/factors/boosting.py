"""Boosting: Friedman's gradient boosted trees, on binned or on presorted columns.

It is the algorithm of scikit-learn's gradient boosting with its defaults (100 rounds of trees of depth 3, learning rate
0.1, Friedman 2001). On presorted columns it grows the same trees, up to ties among equally good splits. Binned columns
are cut into bins first, and histograms of all columns, nodes and classes of a level come from one sparse product; with
no more values than bins these are the same trees, too.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from scipy import sparse
from scipy.special import expit, softmax

from identify_measures.factors.presorted import Presorted
from identify_measures.factors.truth import Array

ROUNDS = 100
DEPTH = 3
LEARNING_RATE = 0.1
QUANTILES = 64
GAPS = 16

_TIE = 1e-9


@attrs.frozen(kw_only=True, eq=False)
class Binned:
    """Columns cut into bins.

    Args:
        train: bin of every value, shape (d, n).
        test: the same of the rows that judge, shape (d, m).
        membership: one where row r falls in bin b of column i, shape (d · bins, n).
        bins: of each column.
    """

    train: Array
    test: Array
    membership: Any
    bins: int

    def grow(self, residual: Array, depth: int) -> tuple[Array, Array, Array]:
        """One tree a class on histograms; as `Presorted.grow`."""
        gains = np.zeros(len(self.train))
        leaves, judged = _grow(self, residual, gains, depth)
        return leaves, judged, gains


@attrs.frozen(kw_only=True, eq=False)
class Boosted:
    """Fitted trees.

    Args:
        importances: of each column: the decrease of squared error by its splits, summed to 1; all 0 without a split.
        predictions: raw predictions of the test rows, shape (m, K).
    """

    importances: Array
    predictions: Array


def bin_columns(train: Array, test: Array, quantiles: int = QUANTILES, gaps: int = GAPS) -> Binned:
    """Cut each column at midpoints between neighbouring values: all of them, or at quantiles and in the widest gaps.

    Quantiles alone would put both sides of the gap between two clusters in one bin.

    Args:
        train: shape (n, d).
        test: shape (m, d).
        quantiles: bins with the same number of rows, where a column has more values than bins.
        gaps: further cuts, where neighbouring values are furthest apart.
    """
    bins = quantiles + gaps
    columns, judged = [], []
    for i in range(train.shape[1]):
        values = np.unique(train[:, i])
        cuts = (values[1:] + values[:-1]) / 2
        if len(cuts) >= bins:
            ordered = np.sort(train[:, i])
            ranks = np.round(np.arange(1, quantiles) * len(ordered) / quantiles).astype(np.int64)
            wide = np.argsort(-np.diff(values), kind="stable")[:gaps]
            cuts = np.union1d((ordered[ranks] + ordered[ranks - 1]) / 2, cuts[wide])
        columns.append(np.searchsorted(cuts, train[:, i], side="left"))
        judged.append(np.searchsorted(cuts, test[:, i], side="left"))
    binned = np.stack(columns)
    d, n = binned.shape
    rows = (binned + bins * np.arange(d)[:, None]).reshape(-1)
    ones = np.ones(n * d)
    membership = sparse.csr_matrix((ones, (rows, np.tile(np.arange(n), d))), shape=(d * bins, n))
    return Binned(train=binned, test=np.stack(judged), membership=membership, bins=bins)


def boost_classes(columns: Binned | Presorted, labels: Array, classes: int) -> Boosted:
    """Boost a classifier.

    Args:
        columns: binned, or presorted for scikit-learn's own trees.
        labels: of the train rows, from 0 to `classes` − 1, each class on at least one row.
        classes: at least two.

    Returns:
        Predictions are the logarithms of the classes' weights: their argmax is the class.
    """
    if classes == 2:
        share = labels.mean()
        target = labels[:, None].astype(np.float64)
        found = _boost(columns, target, np.array([np.log(share / (1 - share))]), expit, step=1.0)
        both = np.concatenate([-found.predictions, found.predictions], axis=1)
        return Boosted(importances=found.importances, predictions=both)
    target = np.eye(classes)[labels]
    start = np.log(target.mean(axis=0))
    return _boost(columns, target, start, lambda raw: softmax(raw, axis=1), step=(classes - 1) / classes)


def boost_targets(columns: Binned | Presorted, targets: Array) -> Boosted:
    """Boost a regression of each target by itself; importances are the mean over targets.

    Args:
        columns: binned, or presorted for scikit-learn's own trees.
        targets: of the train rows, shape (n, t).
    """
    each = [_boost(columns, t[:, None], np.array([t.mean()]), None, step=1.0) for t in targets.T]
    return Boosted(
        importances=np.mean([found.importances for found in each], axis=0),
        predictions=np.concatenate([found.predictions for found in each], axis=1),
    )


def _boost(columns: Binned | Presorted, target: Array, start: Array, link: Any, *, step: float) -> Boosted:
    d, n = columns.train.shape
    raw = np.tile(start, (n, 1))
    judged = np.tile(start, (columns.test.shape[1], 1))
    gains = np.zeros(d)
    for _ in range(ROUNDS):
        expected = raw if link is None else link(raw)
        residual = target - expected
        leaves, judged_leaves, credit = columns.grow(residual, DEPTH)
        gains += credit / n
        curvature = None if link is None else expected * (1 - expected)
        values = LEARNING_RATE * step * _leaf_values(leaves, residual, curvature)
        order = np.arange(target.shape[1])
        raw += values[leaves, order]
        judged += values[judged_leaves, order]
    total = gains.sum()
    return Boosted(importances=gains / total if total > 0 else gains, predictions=judged)


def _grow(columns: Binned, residual: Array, gains: Array, depth: int) -> tuple[Array, Array]:
    """One tree a class, to its leaves, shapes (n, K) and (m, K); what its splits gain is added to `gains`."""
    d, n = columns.train.shape
    classes = residual.shape[1]
    leaves = np.zeros((n, classes), dtype=np.int64)
    judged = np.zeros((columns.test.shape[1], classes), dtype=np.int64)
    order = np.arange(classes)
    histogram = np.empty((0,))
    for level in range(depth):
        if level == 0:
            sums = columns.membership @ residual
            counts = np.repeat(np.asarray(columns.membership.sum(axis=1)), classes, axis=1)
            histogram = np.stack([sums, counts]).reshape(2, d, columns.bins, 1, classes)
        else:
            histogram = _children(columns, residual, leaves, histogram)
        feature, threshold, credit = _best_splits(histogram)
        gains += credit
        rows, others = np.arange(n)[:, None], np.arange(len(judged))[:, None]
        right = columns.train[feature[leaves, order], rows] > threshold[leaves, order]
        judged_right = columns.test[feature[judged, order], others] > threshold[judged, order]
        leaves, judged = 2 * leaves + right, 2 * judged + judged_right
    return leaves, judged


def _children(columns: Binned, residual: Array, leaves: Array, parents: Array) -> Array:
    """Histograms of the next level, shape (2, d, bins, nodes, K): left children counted, right ones by difference."""
    n, classes = residual.shape
    nodes = parents.shape[3]
    weights = np.zeros((n, 2, nodes, classes))
    for node in range(nodes):
        left = leaves == 2 * node
        weights[:, 0, node] = residual * left
        weights[:, 1, node] = left
    product = columns.membership @ weights.reshape(n, -1)
    left = product.reshape(parents.shape[1], columns.bins, 2, nodes, classes).transpose(2, 0, 1, 3, 4)
    return np.stack([left, parents - left], axis=4).reshape(*parents.shape[:3], 2 * nodes, classes)


def _best_splits(histogram: Array) -> tuple[Array, Array, Array]:
    """Each node's best split.

    In small nodes several columns often split equally well. The first of them splits, and all share the credit, which
    is what breaking ties at random, as scikit-learn does, gives on average.

    Returns:
        Column and last bin on the left, shapes (nodes, K), and by how much the splits on each column decrease the
        squared error, shape (d,).
    """
    bins = histogram.shape[2]
    below = histogram.cumsum(axis=2)
    total = below[:, :1, -1:]
    sums, counts = below
    others = total[1] - counts
    possible = (counts > 0) & (others > 0)
    difference = sums * total[1] - total[0] * counts
    scale = np.where(possible, counts * others * total[1], 1.0)
    gain = np.where(possible, difference**2 / scale, 0.0)
    place = gain.argmax(axis=1)
    of_column = np.take_along_axis(gain, place[:, None], axis=1)[:, 0]
    column = of_column.argmax(axis=0)
    largest = of_column.max(axis=0)
    splits = largest > 0
    equal = (of_column >= largest * (1 - _TIE)) & splits
    credit = (equal * (largest / np.maximum(equal.sum(axis=0), 1))).sum(axis=(1, 2))
    threshold = np.take_along_axis(place, column[None], axis=0)[0]
    # A node that cannot be split hands all its rows to the left child.
    return column, np.where(splits, threshold, bins), credit


def _leaf_values(leaves: Array, residual: Array, curvature: Array | None) -> Array:
    """The Newton step of every leaf, shape (2^depth, K)."""
    classes = residual.shape[1]
    count = 1 << DEPTH
    index = (leaves + count * np.arange(classes)).reshape(-1)
    above = np.bincount(index, residual.reshape(-1), minlength=count * classes)
    below = np.bincount(index, None if curvature is None else curvature.reshape(-1), minlength=count * classes)
    values = np.divide(above, below, out=np.zeros_like(above), where=np.abs(below) > 1e-150)
    steps: Array = values.reshape(classes, count).T
    return steps
