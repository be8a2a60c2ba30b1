"""Logistic regression: multinomial, balanced, converged, for classes of any number and columns of any kind.

The loss of weights W (p, K) and intercepts b is the mean over rows of w_y · −log softmax(xW + b)_y plus
ridge / 2 · ‖W‖², w_y = n / (K · rows of class y), so that every class has the same weight. scikit-learn's
`LogisticRegression` with `C = 1 / (ridge · n)` and `class_weight = "balanced"` has the same minimum.
"""

from __future__ import annotations

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
_BLOCK = 1 << 21  # numbers of a block of rows
_GRADIENT = 1e-7
_SPARSE = 0.25


@attrs.frozen(kw_only=True, eq=False)
class Fitted:
    """A fitted classifier.

    Args:
        weights: with the intercepts as the last line, shape (p + 1, K).
        converged: whether a further step would gain nothing.
    """

    weights: Array
    converged: bool

    def cross_entropy(self, columns: Array, labels: Array) -> float:
        """The mean of −log of the probability of each row's class, in nats, each row counting once."""
        scores = columns @ self.weights[:-1] + self.weights[-1]
        return float(np.mean(_log_total(scores) - scores[np.arange(len(labels)), labels]))


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
        if problem.loss(rough) < problem.loss(start):
            start = rough
    return _by_newton(problem, start, _SMALL)


class _Problem:
    """The loss, its gradient and its curvature."""

    def __init__(self, columns: Array, labels: Array, classes: int, ridge: float) -> None:
        n = len(columns)
        self.columns = np.concatenate([columns, np.ones((n, 1))], axis=1)
        self.labels = labels
        self.shape = (self.columns.shape[1], classes)
        self.unknowns = self.columns.shape[1] * classes
        self.shares = (1 / (classes * np.bincount(labels, minlength=classes)))[labels]
        self.ridge = np.full((self.columns.shape[1], 1), ridge)
        self.ridge[-1] = 0.0
        self.rows = np.arange(n)
        self._products = _sparse_products(self.columns)

    def loss(self, weights: Array) -> float:
        """The balanced loss of weights of shape (p + 1, K)."""
        return self._misfit(weights, self.columns @ weights)[0]

    def gradient(self, weights: Array) -> tuple[float, Array, Array]:
        """The loss, its gradient, shape (p + 1, K), and the probabilities, shape (n, K)."""
        scores = self.columns @ weights
        loss, total = self._misfit(weights, scores)
        scores -= total[:, None]
        p = np.exp(scores, out=scores)
        residual = p * self.shares[:, None]
        residual[self.rows, self.labels] -= self.shares
        return loss, self.columns.T @ residual + self.ridge * weights, p

    def _misfit(self, weights: Array, scores: Array) -> tuple[float, Array]:
        total = _log_total(scores)
        misfit = self.shares @ (total - scores[self.rows, self.labels])
        return float(misfit + 0.5 * (self.ridge * weights**2).sum()), total

    def curvature(self, p: Array) -> Array:
        """The second derivatives, shape (K (p + 1), K (p + 1)), class after class.

        Of classes k and l they are Σ w x xᵀ p_k (δ_kl − p_l): a product of the table of all p_k p_l with the table of
        all x_a x_b, each with k ≤ l and a ≤ b alone.
        """
        width, classes = self.shape
        upper, lower = np.triu_indices(classes)
        first, second = np.triu_indices(width)
        sums = np.zeros((len(upper), len(first)))
        rows = max(1, _BLOCK // (len(upper) + (0 if self._products is not None else len(first))))
        for begin in range(0, len(p), rows):
            part = slice(begin, begin + rows)
            squares = p[part][:, upper] * p[part][:, lower]
            squares *= self.shares[part, None]
            if self._products is not None:
                sums += (self._products[:, part] @ squares).T
            else:
                x = self.columns[part]
                sums += squares.T @ (x[:, first] * x[:, second])
        pairs = np.empty((classes, classes, len(first)))
        pairs[upper, lower] = sums
        pairs[lower, upper] = sums
        place = np.empty((width, width), dtype=np.int64)
        place[first, second] = np.arange(len(first))
        place[second, first] = np.arange(len(first))
        each = pairs.sum(axis=1)  # of p_k alone, because the probabilities of a row sum to 1
        np.negative(pairs, out=pairs)
        pairs[np.arange(classes), np.arange(classes)] += each
        hessian: Array = pairs[:, :, place].transpose(0, 2, 1, 3).reshape(self.unknowns, self.unknowns)
        index = np.arange(self.unknowns)
        hessian[index, index] += np.tile(self.ridge[:, 0], classes)
        # Adding the same to all intercepts changes nothing: a curvature along that line makes the matrix regular and
        # leaves their sum at 0.
        last = np.arange(classes) * width + width - 1
        hessian[np.ix_(last, last)] += 1.0 / classes
        return hessian


def _sparse_products(columns: Array) -> Any:
    """All x_a x_b with a ≤ b of every row, one line a pair, (p (p + 1) / 2, n), where most are 0; None otherwise."""
    n, width = columns.shape
    filled = columns != 0
    if np.count_nonzero(filled) > _SPARSE * filled.size:
        return None
    place = np.empty((width, width), dtype=np.int64)
    first, second = np.triu_indices(width)
    place[first, second] = np.arange(len(first))
    lines, rows, values = [], [], []
    row_of, column_of = np.nonzero(filled)
    starts = np.searchsorted(row_of, np.arange(n + 1))
    counts = np.diff(starts)
    for count in np.unique(counts):
        chosen = np.flatnonzero(counts == count)
        places = column_of[starts[chosen][:, None] + np.arange(count)]
        a, b = np.triu_indices(count)
        lines.append(place[places[:, a], places[:, b]].reshape(-1))
        rows.append(np.repeat(chosen, len(a)))
        here = columns[chosen[:, None], places]
        values.append((here[:, a] * here[:, b]).reshape(-1))
    entries = np.concatenate(values), (np.concatenate(lines), np.concatenate(rows))
    return sparse.csr_array(entries, shape=(len(first), n)).tocsc()


def _by_newton(problem: _Problem, start: Array, small: float) -> Fitted:
    weights = start
    loss, gradient, p = problem.gradient(weights)
    for _ in range(_STEPS):
        flat = gradient.T.reshape(-1)
        move = _solve(problem.curvature(p), flat)
        gain = 0.5 * float(flat @ move)
        if gain < small:
            return Fitted(weights=weights, converged=True)
        direction = move.reshape(problem.shape[1], problem.shape[0]).T
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
    largest = scores.max(axis=1)
    total: Array = largest + np.log(np.exp(scores - largest[:, None]).sum(axis=1))
    return total
