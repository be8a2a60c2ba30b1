"""Extrinsic distances: the worst head on the target against the best head on the source.

A Hausdorff–Hoare distance of two families of heads: the supremum over heads ψ of the target h of the infimum over heads
φ of the source g of the largest difference between ψ∘h and φ∘g. Heads without a bound make it 0 or infinite, since
scaling ψ scales it: all families here are bounded, or the head is given.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from identify_core import UsageError
from identify_measures.deformation.lawson import minimax
from identify_measures.deformation.least_squares import LinearSource
from identify_measures.deformation.lipschitz import lipschitz_distance
from identify_measures.deformation.maps import Bracket, doubles
from identify_measures.inputs import InputError

Array = np.ndarray[Any, Any]


def lipschitz_heads(source: torch.Tensor, target: torch.Tensor, inner: float, outer: float) -> float:
    """Half of max (L |hᵢ − hⱼ| − L′ |gᵢ − gⱼ|)₊: L-Lipschitz heads on the target, L′-Lipschitz heads on the source.

    The distance to one row of the worst pair is the worst head; the number of classes does not matter.

    Args:
        source: distances of the source's rows, shape (n, n), in the norm of its heads' bound.
        target: distances of the target's rows, shape (n, n), in the norm of its heads' bound.
        inner: L′.
        outer: L.

    Raises:
        UsageError: the shapes differ, or a bound is not a finite number from 0 upwards.
    """
    return lipschitz_distance(source, outer * target, inner)


def unit_heads(source: Any, target: Any) -> float:
    """The largest root mean square error, over linear heads of unit norm on the target, of the best affine head.

    The square root of the largest eigenvalue of what affine least squares leaves of the target's covariance.

    Args:
        source: shape (n, p).
        target: shape (n, q).

    Raises:
        InputError: they are not paired matrices of finite real numbers.
    """
    g, h = doubles(source, target)
    residual = LinearSource.of(g).residual(h)
    return float(torch.linalg.matrix_norm(residual, 2)) / math.sqrt(len(h))


def probe_distance(source: Any, logits: Any, *, tolerance: float = 1e-6) -> Bracket:
    """The smallest largest difference of probabilities between a given binary probe and affine probes on the source.

    For a level t the condition |σ(v gᵢ + b) − pᵢ| ≤ t is linear in (v, b): logit(pᵢ − t) ≤ v gᵢ + b ≤ logit(pᵢ + t),
    without the side that leaves (0, 1). Levels are bisected; what a feasible program gives is evaluated.

    Args:
        source: shape (n, p), in tens or hundreds of columns.
        logits: of the given probe on the target, shape (n,).
        tolerance: upper − lower at the end.

    Raises:
        InputError: they are not paired rows of finite real numbers, or there is more than one logit a row.
    """
    g, given = doubles(source, logits)
    if given.shape[1] != 1:
        raise InputError(f"logits has {given.shape[1]} columns", hint="a binary probe has one logit a row")
    centred = g - g.mean(dim=0)
    columns = (centred / (float(centred.abs().max()) or 1.0)).cpu().numpy()
    probabilities = torch.sigmoid(given[:, 0]).cpu().numpy()
    lower, upper = 0.0, float(probabilities.max() - probabilities.min()) / 2
    count = 0
    while upper - lower > tolerance:
        count += 1
        level = (lower + upper) / 2
        solution = _feasible(columns, probabilities, level)
        if solution is None:
            lower = level
            continue
        attained = 1 / (1 + np.exp(-(columns @ solution[:-1] + solution[-1])))
        upper = min(upper, max(level, float(np.abs(attained - probabilities).max())))
        if float(np.abs(attained - probabilities).max()) > level + tolerance:
            break  # the solver's own tolerance is reached
    return Bracket(lower=lower, upper=upper, iterations=count)


def _feasible(columns: Array, probabilities: Array, level: float) -> Array | None:
    from scipy.optimize import linprog

    low, high = probabilities - level, probabilities + level
    below, above = low > 0, high < 1
    augmented = np.hstack([columns, np.ones((len(columns), 1))])
    upper = np.vstack([-augmented[below], augmented[above]])
    if not len(upper):
        return np.zeros(augmented.shape[1])
    limits = np.concatenate([-_logit(low[below]), _logit(high[above])])
    result = linprog(
        np.zeros(augmented.shape[1]),
        A_ub=upper,
        b_ub=limits,
        bounds=[(None, None)] * augmented.shape[1],
        method="highs",
    )
    return result.x if result.status == 0 else None


def _logit(p: Array) -> Array:
    return np.log(p) - np.log1p(-p)


def sampled_heads(
    source: Any, target: Any, *, heads: int, classes: int, generator: torch.Generator, gap: float = 1e-2
) -> Bracket:
    """The worst of random linear heads on the target against the best affine head on the source, in a bracket.

    Heads are normal matrices divided by their spectral norm. The worst of a sample is at most the worst of all.

    Args:
        source: shape (n, p).
        target: shape (n, q).
        heads: how many are drawn.
        classes: outputs of each.
        generator: of the draws, on the CPU.
        gap: to which each inner bracket is closed.

    Raises:
        InputError: they are not paired matrices of finite real numbers.
        UsageError: no head, or no class, is asked for.

    Source: Chan et al., NeurIPS 2024, arXiv 2406.02329, section 6.
    """
    if heads < 1 or classes < 1:
        raise UsageError(f"{heads} heads of {classes} classes", hint="ask for at least one of each")
    g, h = doubles(source, target)
    found = []
    for _ in range(heads):
        head = torch.randn(h.shape[1], classes, generator=generator, dtype=torch.float64).to(h.device)
        head = head / torch.linalg.matrix_norm(head, 2)
        found.append(minimax("affine", g, h @ head, gap=gap))
    worst = max(found, key=lambda each: each.upper)
    return Bracket(
        lower=max(each.lower for each in found),
        upper=worst.upper,
        iterations=sum(each.iterations for each in found),
        weights=worst.weights,
    )
