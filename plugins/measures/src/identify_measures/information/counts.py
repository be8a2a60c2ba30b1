"""Counts: mutual information of discrete latents with factors, from one count of all their joint values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from scipy.special import gammaln

Array = np.ndarray[Any, Any]
Correction = Literal["plug-in", "miller-madow", "permutation"]

_CHUNK = 1 << 22  # joint values counted at a time
_TABLE = 1 << 24  # cells of joint tables held at a time
_NOTHING = 1e-12  # nats
_TAIL = 12  # standard deviations, beyond which a hypergeometric probability is nothing


def counted_information(
    labels: Array, factors: Sequence[Array], correction: Correction, device: torch.device
) -> tuple[Array, Array, Array]:
    """Mutual information of every latent with every factor, all rows counted, in nats, at least 0.

    * plug-in: H(z) + H(s) − H(z, s) of the relative frequencies. Of independent variables it is about
      (states − 1)(classes − 1) / 2n, not 0.
    * miller-madow: each entropy plus (occupied cells − 1) / 2n (Miller 1955).
    * permutation: the plug-in estimate less its exact expectation over all pairings of the rows at random (Vinh, Epps &
      Bailey 2010, JMLR 11, section 4).

    Args:
        labels: states of the latents from 0 upwards, shape (n, d).
        factors: classes from 0 upwards, F arrays of shape (n,).
        correction: of the estimate.
        device: where rows are counted.

    Returns:
        The information, shape (d, F), the entropies of the latents, (d,), and of the factors, (F,), the entropies
        without the permutation's expectation.
    """
    n, d = labels.shape
    classes = [int(each.max()) + 1 for each in factors]
    values = np.empty((d, len(factors)))
    of_latents, of_factors = np.empty(d), np.empty(len(factors))
    for first, joint in _joint_tables(labels, factors, classes, device):
        rows = slice(first, first + len(joint))
        states = joint[:, :, : classes[0]].sum(axis=2)
        of_latents[rows] = _entropy(states, n, correction)
        start = 0
        for j, count in enumerate(classes):
            block = joint[:, :, start : start + count]
            start += count
            of_factors[j] = _entropy(block[:1].sum(axis=1), n, correction)[0]
            together = _entropy(block.reshape(len(block), -1), n, correction)
            values[rows, j] = of_latents[rows] + of_factors[j] - together
            if correction == "permutation":
                marginal = block[0].sum(axis=0)
                values[rows, j] -= [expected_information(each, marginal) for each in states]
    # Independent counts leave rounding of about 1e-16, of which a share of the whole would be made: nothing is 0.
    values[values < _NOTHING] = 0.0
    return values, of_latents, of_factors


def expected_information(rows: Array, columns: Array) -> float:
    """The plug-in information that a random pairing gives on average to variables with these counts.

    Σ over cells of Σ_k (k/n) log(n k / (a b)) P(k), P hypergeometric with n, a and b.

    Args:
        rows: how often each value of the first variable comes.
        columns: the same of the second, with the same sum.
    """
    n = int(rows.sum())
    (a_values, a_often), (b_values, b_often) = (
        np.unique(each[each > 0], return_counts=True) for each in (rows, columns)
    )
    a, b = (each.reshape(-1) for each in np.meshgrid(a_values, b_values, indexing="ij"))
    often = np.outer(a_often, b_often).reshape(-1)
    mean = a * b / n
    spread = _TAIL * np.sqrt(mean * (1 - a / n) * (1 - b / n) * n / max(n - 1, 1)) + 3 * _TAIL
    low = np.maximum(np.maximum(1, a + b - n), np.floor(mean - spread)).astype(np.int64)
    high = np.minimum(np.minimum(a, b), np.ceil(mean + spread)).astype(np.int64)
    lengths = np.maximum(high - low + 1, 0)
    cell = np.repeat(np.arange(len(a)), lengths)
    k = np.arange(len(cell)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + low[cell]
    a, b = a[cell], b[cell]
    log_p = (
        gammaln(a + 1) + gammaln(b + 1) + gammaln(n - a + 1) + gammaln(n - b + 1)
        - gammaln(n + 1) - gammaln(k + 1) - gammaln(a - k + 1) - gammaln(b - k + 1) - gammaln(n - a - b + k + 1)
    )  # fmt: skip
    terms = k / n * (np.log(k) + np.log(n) - np.log(a) - np.log(b)) * np.exp(log_p)
    return float((terms * often[cell]).sum())


def _joint_tables(
    labels: Array, factors: Sequence[Array], classes: Sequence[int], device: torch.device
) -> Iterator[tuple[int, Array]]:
    """How often state b of latent i meets each class of each factor, (latents, states, sum of classes), in blocks."""
    n, d = labels.shape
    total = sum(classes)
    states = int(labels.max()) + 1
    starts = np.cumsum([0, *classes[:-1]])
    columns = torch.as_tensor(np.stack([each + start for each, start in zip(factors, starts, strict=True)], axis=1))
    block = max(1, _TABLE // (states * total))
    for first in range(0, d, block):
        part = labels[:, first : first + block]
        width = part.shape[1]
        cells = torch.as_tensor((part + states * np.arange(width)) * total)
        counts = torch.zeros(width * states * total, dtype=torch.int64, device=device)
        rows = max(1, _CHUNK // (width * len(factors)))
        for begin in range(0, n, rows):
            left = cells[begin : begin + rows].to(device)
            right = columns[begin : begin + rows].to(device)
            counts += torch.bincount((left[:, :, None] + right[:, None, :]).reshape(-1), minlength=len(counts))
        yield first, counts.reshape(width, states, total).cpu().numpy()


def _entropy(counts: Array, n: int, correction: Correction) -> Array:
    """Of each line of counts."""
    p = counts / n
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    entropy: Array = -(p * logs).sum(axis=1)
    if correction == "miller-madow":
        entropy += (np.count_nonzero(counts, axis=1) - 1) / (2 * n)
    return entropy
