"""Measures of neighbours, ranks and kernels against the algorithms of their published implementations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from benchmarks.case import Case
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata, spearmanr

from identify_measures.inputs import as_matrix
from identify_measures.options.samplewise import GaussianOptions, NeighbourOptions, RankMatchingOptions, RsaOptions
from identify_measures.samplewise.cka import score_rbf_cka
from identify_measures.samplewise.matching import score_spearman_mcc
from identify_measures.samplewise.neighbourhood import score_neighbours
from identify_measures.samplewise.rows import rows_of_matrix
from identify_measures.samplewise.rsa import score_rsa
from identify_measures.samplewise.shared import Shared

Matrix = np.ndarray[Any, np.dtype[Any]]


def cases() -> Iterable[Case]:
    """The work that the plugin's promises name."""
    many = _related(12, 1500, 256)
    pairs = [(i, j) for i in range(12) for j in range(i + 1, 12)]
    yield Case(
        name="RSA (correlation, Spearman), all pairs of 12 x (1500, 256)",
        baseline_name="dissimilarities and ranks of each pair again (ReSi's loop, scipy)",
        ours=lambda: _all_pairs(many, lambda shared, i, j: score_rsa(shared, i, j, RsaOptions()).value),
        baseline=lambda: [_rsa_of_pair(many[i], many[j]) for i, j in pairs[:6]],
        baseline_fraction=6 / len(pairs),
        expected=20,
        agree=_first(6, 1e-8),
    )
    x, y = (each.astype(np.float32) for each in _related(2, 10_000, 768))
    yield Case(
        name="mutual kNN, n 10,000, d 768, k 10",
        baseline_name="full Gram matrix and full sort (platonic-rep)",
        ours=lambda: _pair([x, y], lambda shared: score_neighbours("mutual-knn", shared, 0, 1, NeighbourOptions())),
        baseline=lambda: _mutual_by_sorting(x, y, 10),
        expected=5,
        agree=_close(1e-5),
        note="float32",
    )
    z, estimate = _related(2, 10_000, 50)
    yield Case(
        name="Spearman MCC, n 10,000, d 50",
        baseline_name="scipy.stats.spearmanr and linear_sum_assignment",
        ours=lambda: _pair([z, estimate], lambda shared: score_spearman_mcc(shared, 0, 1, _PLAIN)),
        baseline=lambda: _mcc_by_scipy(z, estimate),
        repeats=5,
        expected=3,
        agree=_close(1e-10),
    )
    ten = _related(10, 2000, 256)
    yield Case(
        name="RBF CKA, all pairs of 10 x (2000, 256)",
        baseline_name="Gram matrices of each pair again (numpy)",
        ours=lambda: _all_pairs(ten, lambda shared, i, j: score_rbf_cka(shared, i, j, GaussianOptions()).value),
        baseline=lambda: [_rbf_of_pair(ten[0], ten[j]) for j in range(1, 4)],
        baseline_fraction=3 / 45,
        expected=5,
        agree=_first(3, 1e-8),
    )


_PLAIN = RankMatchingOptions(interval=False)


def _related(count: int, n: int, d: int) -> list[Matrix]:
    generator = np.random.default_rng(0)
    common = generator.normal(size=(n, d))
    return [common @ generator.normal(size=(d, d)) / np.sqrt(d) + generator.normal(size=(n, d)) for _ in range(count)]


def _shared(arrays: Sequence[Matrix]) -> Shared:
    return Shared([rows_of_matrix(as_matrix(each)) for each in arrays])


def _all_pairs(arrays: Sequence[Matrix], value: Callable[[Shared, int, int], float]) -> list[float]:
    shared = _shared(arrays)
    return [value(shared, i, j) for i in range(len(arrays)) for j in range(i + 1, len(arrays))]


def _pair(arrays: Sequence[Matrix], score: Callable[[Shared], Any]) -> float:
    return float(score(_shared(arrays)).value)


def _rsa_of_pair(x: Matrix, y: Matrix) -> float:
    upper = np.triu_indices(len(x), 1)
    ranks = [rankdata((1 - np.corrcoef(each))[upper]) for each in (x, y)]
    return float(np.corrcoef(*ranks)[0, 1])


def _mutual_by_sorting(x: Matrix, y: Matrix, k: int) -> float:
    masks = []
    for each in (x, y):
        unit = torch.nn.functional.normalize(torch.from_numpy(each), dim=1)
        order = (unit @ unit.T).fill_diagonal_(-1e8).argsort(dim=1, descending=True)[:, :k]
        masks.append(torch.zeros(len(x), len(x)).scatter_(1, order, 1.0))
    return float((masks[0] * masks[1]).sum(dim=1).mean() / k)


def _mcc_by_scipy(x: Matrix, y: Matrix) -> float:
    strength = np.abs(spearmanr(x, y).statistic[: x.shape[1], x.shape[1] :])
    return float(strength[linear_sum_assignment(-strength)].mean())


def _rbf_of_pair(x: Matrix, y: Matrix) -> float:
    centred = []
    for each in (x, y):
        dots = each @ each.T
        squared = np.diag(dots)[:, None] + np.diag(dots)[None, :] - 2 * dots
        kernel = np.exp(-squared / (2 * np.median(squared)))
        kernel -= kernel.mean(0)
        centred.append(kernel - kernel.mean(1, keepdims=True))
    k, m = centred
    return float((k * m).sum() / np.linalg.norm(k) / np.linalg.norm(m))


def _first(count: int, tolerance: float) -> Callable[[Any, Any], None]:
    def agree(ours: list[float], theirs: list[float]) -> None:
        np.testing.assert_allclose(ours[:count], theirs, rtol=0, atol=tolerance)

    return agree


def _close(tolerance: float) -> Callable[[Any, Any], None]:
    def agree(ours: float, theirs: float) -> None:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)

    return agree
