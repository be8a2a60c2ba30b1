"""Presorted: trees on columns whose every value counts, as scikit-learn grows them, from one sort of each column."""

from __future__ import annotations

import attrs
import numpy as np

from identify_measures.factors.truth import Array

_TIE = 1e-9
_SAME = 1e-7  # scikit-learn takes nearer values for the same
_LEAST = np.finfo(np.float64).eps  # a node of less impurity is not split, as in scikit-learn


@attrs.frozen(kw_only=True, eq=False)
class Presorted:
    """Columns in their order.

    Args:
        train: values, shape (d, n), in single precision as scikit-learn's trees have them.
        test: of the rows that judge, shape (d, m).
        orders: rows in the order of each column, shape (d, n).
        line: values in that order, shape (d, n).
    """

    train: Array
    test: Array
    orders: Array
    line: Array

    def grow(self, residual: Array, depth: int) -> tuple[Array, Array, Array]:
        """One tree a class.

        Args:
            residual: what the trees are fitted to, shape (n, K).
            depth: levels of splits.

        Returns:
            The leaves of train and of test rows, shapes (n, K) and (m, K), and by how much the splits on each column
            decrease the squared error, shape (d,).
        """
        leaves = np.zeros((residual.shape[1], len(residual)), dtype=np.uint8)
        judged = np.zeros((residual.shape[1], self.test.shape[1]), dtype=np.uint8)
        gains = np.zeros(len(self.train))
        residual = np.ascontiguousarray(residual.T)
        for level in range(depth):
            column, threshold, credit = self._best_splits(residual, leaves, 1 << level)
            gains += credit
            for k in range(len(residual)):
                for rows, values in ((leaves[k], self.train), (judged[k], self.test)):
                    right = values[column[k, rows], np.arange(len(rows))] > threshold[k, rows]
                    rows *= 2
                    rows += right
        return leaves.T.astype(np.int64), judged.T.astype(np.int64), gains

    def _best_splits(self, residual: Array, leaves: Array, nodes: int) -> tuple[Array, Array, Array]:
        """Each node's best column and threshold, shapes (K, nodes), and the gains of the columns, shape (d,).

        Several columns often split a small node equally well. The first of them splits, and all share the credit, which
        is what breaking ties at random, as scikit-learn does, gives on average. A node that is not split has an
        infinite threshold.
        """
        classes, n = residual.shape
        column = np.zeros((classes, nodes), dtype=np.int64)
        threshold = np.full((classes, nodes), np.inf, dtype=np.float32)
        credit = np.zeros(len(self.train))
        for k in range(classes):
            sizes = np.bincount(leaves[k], minlength=nodes)
            order, values = self.orders, self.line
            if nodes > 1:  # node after node, and the order of the column in each
                place = np.argsort(leaves[k][order], axis=1, kind="stable") + np.arange(0, order.size, n)[:, None]
                order, values = order.reshape(-1)[place], values.reshape(-1)[place]
            sums = np.cumsum(residual[k][order], axis=1)
            start = 0
            for node, size in enumerate(sizes):
                part = slice(start, start + size)
                start += size
                own = residual[k][order[0, part]]
                if size < 2 or own.var() <= _LEAST:
                    continue
                before = sums[:, part.start - 1 : part.start] if part.start else 0.0
                gain = _gains(sums[:, part] - before, values[:, part])
                places = gain.argmax(axis=1)
                best = gain[np.arange(len(gain)), places]
                largest = best.max()
                if largest <= 0:
                    continue
                i = int(best.argmax())
                equal = best >= largest * (1 - _TIE)
                credit += equal * (largest / equal.sum())
                low, high = values[i, part.start + places[i] : part.start + places[i] + 2]
                middle = low / 2 + high / 2
                column[k, node], threshold[k, node] = i, middle if middle < high else low
        return column, threshold, credit


def presort_columns(train: Array, test: Array) -> Presorted:
    """Sort each column once, for all trees.

    Args:
        train: shape (n, d).
        test: shape (m, d).
    """
    single, judged = (np.ascontiguousarray(each.T, dtype=np.float32) for each in (train, test))
    orders = np.argsort(single, axis=1, kind="stable")
    return Presorted(train=single, test=judged, orders=orders, line=np.take_along_axis(single, orders, axis=1))


def _gains(below: Array, values: Array) -> Array:
    """The decrease of squared error by a split after each row of a node, shape (d, size − 1); 0 between equal values.

    Args:
        below: sums of residuals up to each row in the order of each column, shape (d, size).
        values: of each column in its order, shape (d, size).
    """
    size = below.shape[1]
    left = np.arange(1.0, size)
    difference = below[:, :-1] * size
    difference -= below[:, -1:] * left
    difference *= difference
    difference *= 1 / (left * (size - left) * size)
    difference *= values[:, 1:] - values[:, :-1] > _SAME
    gain: Array = difference
    return gain
