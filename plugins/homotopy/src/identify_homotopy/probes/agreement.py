"""How well probabilities of classes fit labels, and how far two tables of them say the same, row by row."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def accuracy(p: Array, y: Array) -> float:
    """The part of rows whose most probable class is right; `p` (n, c), `y` (n,) class numbers."""
    return float((p.argmax(axis=1) == y).mean())


def f1(p: Array, y: Array) -> float:
    """F1 of class 1 of two, and the mean over classes weighted by their rows of more, as in the study."""
    from sklearn.metrics import f1_score

    return float(f1_score(y, p.argmax(axis=1), average="binary" if p.shape[1] == 2 else "weighted", zero_division=0.0))


def brier(p: Array, y: Array) -> float:
    """The mean over rows of Σ (p − y)² over classes, halved, so that it is the mean of (p₁ − y)² of two classes."""
    return 0.5 * float(np.square(p - np.eye(p.shape[1])[y]).sum(axis=1).mean())


def log_loss(p: Array, y: Array) -> float:
    """The mean of −log of the probability of what is right, in nats."""
    right = p[np.arange(len(y)), y]
    return float(-np.log(np.maximum(right, np.finfo(float).tiny)).mean())


def agreement(p: Array, q: Array) -> float:
    """The part of rows of which both name the same class first."""
    return float((p.argmax(axis=1) == q.argmax(axis=1)).mean())


def kappa(p: Array, q: Array) -> float:
    """Cohen's κ, agreement beyond what the two frequencies of classes give; not a number where both always name one."""
    one, other = (np.eye(p.shape[1])[each.argmax(axis=1)].mean(axis=0) for each in (p, q))
    expected = float(one @ other)
    return (agreement(p, q) - expected) / (1 - expected) if expected < 1 else float("nan")


def jensen_shannon(p: Array, q: Array) -> float:
    """The mean Jensen–Shannon divergence of rows, in bits: 0 to 1."""
    return float(np.clip(_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2, 0.0, 1.0).mean())


def _entropy(p: Array) -> Array:
    bits: Array = -(p * np.log2(np.where(p > 0, p, 1.0))).sum(axis=1)
    return bits


def rank_correlation(p: Array, q: Array) -> float:
    """Spearman's correlation of the probabilities of the last class; not a number where one of them is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(each[:, -1]) for each in (p, q))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
