"""Margins: the linear support vector classifier of one number, for many numbers and all classes at once."""

from __future__ import annotations

import numpy as np
import torch

from identify_measures.factors.truth import Array

_STEPS = 100
_SMALL = 1e-10  # of the loss: what a further step would gain
_SHORTEST = 1e-6  # part of a step
_BLOCK = 1 << 22  # sums held at a time


def fit_margins(columns: Array, labels: Array, cost: float) -> tuple[Array, Array, Array]:
    """`LinearSVC(C=cost, class_weight="balanced", dual=False)` on each column alone.

    For class k against the others it is the minimum of ½ (w² + b²) + Σ_i C_i max(0, 1 − y_i (w x_i + b))², where C_i is
    `cost`, times n / (K · rows of class k) for the rows of class k. With two classes there is one problem, in which the
    rows of either class have their weight. That is liblinear's loss (Fan et al. 2008, JMLR 9, sections 2 and 3), which
    has two unknowns here. Rows inside the margin are the first or the last ones in the order of x, so that sums of 1, x
    and x² in that order give Newton's steps of all problems at once without another look at the rows.

    Args:
        columns: shape (n, d).
        labels: classes from 0 to K − 1, at least two, each on at least one row.
        cost: C.

    Returns:
        w and b, shape (d, K), or (d, 1) for two classes, where the second is the positive one, and whether each latent
        converged, shape (d,).
    """
    counts = np.bincount(labels)
    n, classes = len(labels), len(counts)
    balanced = n / (classes * counts)
    costs = cost * (balanced[:, None] if classes == 2 else np.stack([np.ones(classes), balanced]))
    block = max(1, _BLOCK // (6 * n * classes))
    parts = [
        _fit(_Moments(columns[:, i : i + block], labels, classes), costs) for i in range(0, columns.shape[1], block)
    ]
    weights, intercepts, converged = (np.concatenate(each) for each in zip(*parts, strict=True))
    return weights, intercepts, converged


class _Moments:
    """Σ 1, Σ x and Σ x² of the first rows in the order of each x, those of the class of each problem and the others."""

    def __init__(self, columns: Array, labels: Array, classes: int) -> None:
        order = np.argsort(columns, axis=0).T  # (d, n)
        x = np.ascontiguousarray(np.take_along_axis(columns.T, order, axis=1))
        own = np.eye(classes)[:, 1:] if classes == 2 else np.eye(classes)
        member = own[labels[order]]  # (d, n, P)
        d, n, count = member.shape
        self.sums = np.zeros((2, 3, d, n + 1, count))
        for power in range(3):
            of_class = np.cumsum(member * (x**power)[:, :, None], axis=1, out=self.sums[1, power, :, 1:])
            total = np.cumsum(x**power, axis=1)
            np.subtract(total[:, :, None], of_class, out=self.sums[0, power, :, 1:])
        self.line = torch.from_numpy(x)
        self.shape = (d, count)
        self._places = np.arange(d)[:, None], np.arange(count)

    def inside(self, side: int, weights: Array, ends: Array) -> Array:
        """The moments of the rows of one side with w x < end, shape (3, d, P)."""
        sums, (latent, problem) = self.sums[side], self._places
        everything = sums[:, :, -1]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            border = torch.from_numpy(np.ascontiguousarray(ends / weights))
        below = sums[:, latent, torch.searchsorted(self.line, border).numpy(), problem]
        up_to = sums[:, latent, torch.searchsorted(self.line, border, right=True).numpy(), problem]
        level = everything * (ends > 0)
        found: Array = np.where(weights > 0, below, np.where(weights < 0, everything - up_to, level))
        return found


def _fit(moments: _Moments, costs: Array) -> tuple[Array, Array, Array]:
    """Newton's steps, halved where the loss does not fall, until none of the problems gains from a further one."""
    found = np.zeros((2, *moments.shape))
    value, gradient, curvature = _derivatives(moments, costs, found)
    for _ in range(_STEPS):
        move = _solve(curvature, gradient)
        gain = 0.5 * (gradient * move).sum(axis=0)
        going = gain > _SMALL * value
        if not going.any():
            break
        size = going.astype(np.float64)
        while True:
            there = found - size * move
            value_there, gradient_there, curvature_there = _derivatives(moments, costs, there)
            worse = (value_there > value - 0.2 * size * gain) & (size > _SHORTEST)
            if not worse.any():
                break
            size = np.where(worse, size / 2, size)
        found, value, gradient, curvature = there, value_there, gradient_there, curvature_there
    return found[0], found[1], ~going.any(axis=1)


def _derivatives(moments: _Moments, costs: Array, found: Array) -> tuple[Array, Array, Array]:
    """The loss of each problem, (d, P), its gradient, (2, d, P), and the entries b b, w b and w w of its curvature.

    A row is inside the margin where 1 − y (w x + b) is above 0.
    """
    value = 0.5 * (found**2).sum(axis=0)
    gradient = found.copy()
    curvature = np.zeros((3, *moments.shape))
    curvature[0] = curvature[2] = 1.0
    for side, sign in ((0, -1.0), (1, 1.0)):
        w, short = sign * found[0], 1 - sign * found[1]
        weighted = costs[side] * moments.inside(side, w, short)
        ones, first, second = weighted
        value += short**2 * ones - 2 * short * w * first + w**2 * second
        gradient[0] -= 2 * sign * (short * first - w * second)
        gradient[1] -= 2 * sign * (short * ones - w * first)
        curvature += 2 * weighted
    return value, gradient, curvature


def _solve(curvature: Array, gradient: Array) -> Array:
    """The steps of problems of two unknowns."""
    of_b, mixed, of_w = curvature
    determinant = of_b * of_w - mixed**2
    step: Array = np.stack([of_b * gradient[0] - mixed * gradient[1], of_w * gradient[1] - mixed * gradient[0]])
    step /= determinant
    return step
