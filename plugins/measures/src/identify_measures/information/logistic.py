"""Logistic regression: multinomial, balanced, converged, for classes of any number and columns of any kind.

The loss of weights W (p, K) and intercepts b is the mean over rows of w_y · −log softmax(xW + b)_y plus
ridge / 2 · ‖W‖², w_y = n / (K · rows of class y), so that every class has the same weight. scikit-learn's
`LogisticRegression` with `C = 1 / (ridge · n)` and `class_weight = "balanced"` has the same minimum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

Array = np.ndarray[Any, Any]

_WIDEST = 2500  # unknowns up to which a step solves for all of them at once
_STEPS = 200
_SMALL = 1e-10  # of the loss: what a further step would gain
_ROUGH = 1e-3  # the same, where a part of the rows makes a beginning
_PART = 8
_LEAST = 500  # rows of that part
_BLOCK = 1 << 20  # numbers of a block of rows, which stays in the processor's cache
_KEPT = 1 << 24  # products of columns that are kept, not made again in each step
_GRADIENT = 1e-7
_SPARSE = 0.25


@attrs.frozen(kw_only=True, eq=False)
class Fitted:
    """A fitted classifier.

    Args:
        weights: with the intercepts as the last column, shape (K, p + 1).
        converged: whether a further step would gain nothing.
    """

    weights: Array
    converged: bool

    def cross_entropy(self, columns: Array, labels: Array) -> float:
        """The mean of −log of the probability of each row's class, in nats, each row counting once."""
        scores = self.weights[:, :-1] @ columns.T + self.weights[:, -1:]
        return float(np.mean(_log_total(scores) - scores[labels, np.arange(len(labels))]))


def fit_classifier(columns: Array, labels: Array, classes: int, *, ridge: float) -> Fitted:
    """Fit to the minimum of the balanced loss.

    By Newton's steps, which begin where those on an eighth of the rows end; by L-BFGS where the unknowns are too many
    for a matrix of their second derivatives.

    Args:
        columns: shape (n, p), of about unit scale.
        labels: classes from 0 to `classes` − 1, shape (n,), each on at least one row.
        classes: K.
        ridge: above 0; it keeps the weights finite where classes can be told apart without an error.
    """
    problem = _Problem(columns, labels, classes, ridge)
    if problem.unknowns > _WIDEST:
        return _by_lbfgs(problem)
    start = np.zeros(problem.shape)
    part = np.arange(0, len(labels), _PART)
    if len(part) >= _LEAST and len(np.unique(labels[part])) == classes:
        rough = _by_newton(_Problem(columns[part], labels[part], classes, ridge), start, _ROUGH).weights
        if problem.gradient(rough)[0] < problem.gradient(start)[0]:
            start = rough
    return _by_newton(problem, start, _SMALL)


class _Problem:
    """The loss, its gradient and its curvature; rows lie along the last axis of all that is computed."""

    def __init__(self, columns: Array, labels: Array, classes: int, ridge: float) -> None:
        n, width = columns.shape
        self.columns = np.ones((width + 1, n))
        self.columns[:-1] = columns.T
        self.shape = (classes, width + 1)
        self.unknowns = classes * (width + 1)
        self.own = labels, np.arange(n)
        self.shares = (1 / (classes * np.bincount(labels, minlength=classes)))[labels]
        self.ridge = np.full(width + 1, ridge)
        self.ridge[-1] = 0.0

    def gradient(self, weights: Array) -> tuple[float, Array, Array]:
        """The balanced loss of weights, its gradient, both of shape (K, p + 1), and the probabilities, shape (K, n)."""
        scores = weights @ self.columns
        total = _log_total(scores)
        loss = float(self.shares @ (total - scores[self.own]) + 0.5 * (self.ridge * weights**2).sum())
        scores -= total
        p = np.exp(scores, out=scores)
        residual = p * self.shares
        residual[self.own] -= self.shares
        return loss, residual @ self.columns.T + self.ridge * weights, p

    def curvature(self, p: Array) -> Array:
        """The second derivatives, shape (K (p + 1), K (p + 1)), class after class.

        Of classes k and l they are Σ w x xᵀ p_k (δ_kl − p_l): a product of the table of all p_k p_l with the table of
        all x_a x_b, each with k ≤ l and a ≤ b alone.
        """
        classes, width = self.shape
        upper, lower = np.triu_indices(classes)
        count = width * (width + 1) // 2
        sums = np.zeros((len(upper), count))
        rows = max(1, _BLOCK // (len(upper) + count))
        for begin in range(0, p.shape[1], rows):
            part = slice(begin, begin + rows)
            squares = p[upper, part] * p[lower, part]
            squares *= self.shares[part]
            sums += (self._products(part) @ squares.T).T
        pairs = np.empty((classes, classes, count))
        pairs[upper, lower] = sums
        pairs[lower, upper] = sums
        each = pairs.sum(axis=1)  # of p_k alone, because the probabilities of a row sum to 1
        np.negative(pairs, out=pairs)
        pairs[np.arange(classes), np.arange(classes)] += each
        hessian: Array = pairs[:, :, _places(width)].transpose(0, 2, 1, 3).reshape(self.unknowns, self.unknowns)
        index = np.arange(self.unknowns)
        hessian[index, index] += np.tile(self.ridge, classes)
        # Adding the same to all intercepts changes nothing: a curvature along that line makes the matrix regular and
        # leaves their sum at 0.
        last = np.arange(classes) * width + width - 1
        hessian[np.ix_(last, last)] += 1.0 / classes
        return hessian

    @cached_property
    def _products(self) -> Callable[[slice], Any]:
        """Gives all x_a x_b with a ≤ b of some rows, shape (pairs, rows): sparse where most are 0, kept where few."""
        first, second = np.triu_indices(len(self.columns))
        if np.count_nonzero(self.columns) <= _SPARSE * self.columns.size:
            kept = _sparse_products(self.columns)
        elif len(first) * self.columns.shape[1] <= _KEPT:
            kept = self.columns[first] * self.columns[second]
        else:
            return lambda rows: self.columns[first, rows] * self.columns[second, rows]
        return lambda rows: kept[:, rows]


def _places(width: int) -> Array:
    """Where the pair of columns a and b stands among the pairs with a ≤ b, shape (width, width)."""
    first, second = np.triu_indices(width)
    place = np.empty((width, width), dtype=np.int64)
    place[first, second] = place[second, first] = np.arange(len(first))
    return place


def _sparse_products(columns: Array) -> Any:
    """All x_a x_b with a ≤ b of every row, sparse, shape (p (p + 1) / 2, n)."""
    width, n = columns.shape
    place = _places(width)
    lines, rows, values = [], [], []
    row_of, column_of = np.nonzero(columns.T)
    starts = np.searchsorted(row_of, np.arange(n + 1))
    counts = np.diff(starts)
    for count in np.unique(counts):
        chosen = np.flatnonzero(counts == count)
        places = column_of[starts[chosen][:, None] + np.arange(count)]
        a, b = np.triu_indices(count)
        lines.append(place[places[:, a], places[:, b]].reshape(-1))
        rows.append(np.repeat(chosen, len(a)))
        here = columns[places, chosen[:, None]]
        values.append((here[:, a] * here[:, b]).reshape(-1))
    entries = np.concatenate(values), (np.concatenate(lines), np.concatenate(rows))
    return sparse.csc_array(entries, shape=(width * (width + 1) // 2, n))


def _by_newton(problem: _Problem, start: Array, small: float) -> Fitted:
    weights = start
    loss, gradient, p = problem.gradient(weights)
    for _ in range(_STEPS):
        flat = gradient.reshape(-1)
        move = _solve(problem.curvature(p), flat)
        gain = 0.5 * float(flat @ move)
        if gain < small:
            return Fitted(weights=weights, converged=True)
        direction = move.reshape(problem.shape)
        size = 1.0
        while True:
            found = problem.gradient(weights - size * direction)
            if found[0] <= loss - 0.2 * size * gain:
                break
            size /= 2
            if size < 1e-8:  # rounding alone stands in the way
                return Fitted(weights=weights, converged=gain < 1e3 * small)
        weights = weights - size * direction
        loss, gradient, p = found
    return Fitted(weights=weights, converged=False)


def _solve(hessian: Array, gradient: Array) -> Array:
    """The step to the minimum of the quadratic; a matrix that rounding has made singular is lifted until it is not."""
    index = np.arange(len(gradient))
    lift = 1e-15 * float(np.trace(hessian)) / len(gradient)
    while True:
        hessian[index, index] += lift
        try:
            move: Array = cho_solve(cho_factor(hessian, check_finite=False), gradient, check_finite=False)
        except LinAlgError:
            lift *= 100
        else:
            return move


def _by_lbfgs(problem: _Problem) -> Fitted:
    def value(flat: Array) -> tuple[float, Array]:
        loss, gradient, _ = problem.gradient(flat.reshape(problem.shape))
        return loss, gradient.reshape(-1)

    found = minimize(
        value,
        np.zeros(problem.unknowns),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "maxfun": 10_000, "maxcor": 30, "gtol": _GRADIENT, "ftol": 0.0},
    )
    return Fitted(weights=found.x.reshape(problem.shape), converged=bool(found.success))


def _log_total(scores: Array) -> Array:
    """The logarithm of the summed exponentials of each row's scores, shape (K, n) to (n,)."""
    largest = scores.max(axis=0)
    total: Array = largest + np.log(np.exp(scores - largest).sum(axis=0))
    return total
