"""Each measure against the slow, obvious formula, and two formulas that must agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.spatial
from scipy.optimize import linear_sum_assignment

import identify_measures as measures

Array = np.ndarray[Any, Any]


def centred(x: Array) -> Array:
    return np.asarray(x - x.mean(axis=0))


def bases(x: Array, y: Array) -> list[Array]:
    return [np.linalg.svd(centred(each), full_matrices=False)[0] for each in (x, y)]


def test_cka_is_the_cosine_of_gram_matrices(pair: tuple[Array, Array]) -> None:
    k, m = (centred(each) @ centred(each).T for each in pair)
    expected = (k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum())
    assert measures.linear_cka(*pair).value == pytest.approx(expected, abs=1e-12)


def test_debiased_cka_is_the_cosine_of_u_centred_gram_matrices(pair: tuple[Array, Array]) -> None:
    def u_centred(x: Array) -> Array:
        gram = x @ x.T
        n = len(gram)
        np.fill_diagonal(gram, 0.0)
        rows = gram.sum(axis=0) / (n - 2)
        gram = gram - rows - rows[:, None] + gram.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(gram, 0.0)
        return gram

    k, m = (u_centred(each) for each in pair)
    expected = (k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum())
    assert measures.debiased_cka(*pair).value == pytest.approx(expected, abs=1e-10)


def test_canonical_correlations_are_singular_values_of_bases(pair: tuple[Array, Array]) -> None:
    u, v = bases(*pair)
    rho = np.linalg.svd(u.T @ v, compute_uv=False)
    assert measures.cca(*pair).value == pytest.approx(rho.mean(), abs=1e-10)
    assert measures.cca_r2(*pair).value == pytest.approx((rho**2).mean(), abs=1e-10)
    assert measures.pillai(*pair).value == pytest.approx((rho**2).sum(), abs=1e-10)
    assert measures.yanai(*pair).value == pytest.approx((rho**2).sum() / math.sqrt(24), abs=1e-10)
    assert measures.weak_mcc(*pair).value == pytest.approx(rho.mean(), abs=1e-10)
    assert measures.gulp(*pair).value == pytest.approx(10 - 2 * (rho**2).sum(), abs=1e-9)


def test_disparity_is_scipys(pair: tuple[Array, Array]) -> None:
    x, y = pair
    padded = np.hstack([y, np.zeros((400, 2))])
    assert measures.procrustes_disparity(x, y).value == pytest.approx(scipy.spatial.procrustes(x, padded)[2], abs=1e-10)


def test_procrustes_is_what_the_best_rotation_leaves(pair: tuple[Array, Array]) -> None:
    x, y = centred(pair[0]), np.hstack([centred(pair[1]), np.zeros((400, 2))])
    u, _, vt = np.linalg.svd(x.T @ y)
    assert measures.procrustes(*pair).value == pytest.approx(np.linalg.norm(x @ u @ vt - y), abs=1e-9)


def test_shapes_lie_between_procrustes_and_cca(pair: tuple[Array, Array]) -> None:
    whole = measures.shape_metric(*pair, alpha=1.0).value
    assert whole == pytest.approx(measures.procrustes_angular(*pair).value, abs=1e-9)
    rho = np.linalg.svd(np.linalg.multi_dot([bases(*pair)[0].T, bases(*pair)[1]]), compute_uv=False)
    white = measures.shape_metric(*pair, alpha=0.0).value
    assert white == pytest.approx(math.acos(rho.sum() / math.sqrt(24)), abs=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-6])
def test_shapes_are_whitened_in_the_units_of_the_data(scale: float, pair: tuple[Array, Array]) -> None:
    def shape(x: Array) -> Array:
        values, vectors = np.linalg.eigh(x.T @ x)
        return np.asarray(x @ (vectors * (0.3 + 0.7 / np.sqrt(values))) @ vectors.T)

    a, b = (shape(scale * centred(each)) for each in pair)
    cosine = np.linalg.svd(a.T @ b, compute_uv=False).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    found = measures.shape_metric(scale * pair[0], scale * pair[1], alpha=0.3)
    assert found.value == pytest.approx(math.acos(cosine), abs=1e-9)


@pytest.mark.parametrize("average", ["variance", "uniform", "root"])
def test_r2_in_sample_and_held_out(average: Any, pair: tuple[Array, Array]) -> None:
    x, y = pair
    for fit, test in ((slice(None), slice(None)), (slice(0, 250), slice(250, None))):
        inputs = np.hstack([x[fit], np.ones((len(x[fit]), 1))])
        slope = np.linalg.lstsq(inputs, y[fit], rcond=None)[0]
        residual = np.square(y[test] - np.hstack([x[test], np.ones((len(x[test]), 1))]) @ slope).sum(0)
        total = np.square(centred(y[test])).sum(0)
        each = 1 - residual / total
        expected = {
            "variance": 1 - residual.sum() / total.sum(),
            "uniform": each.mean(),
            "root": np.sqrt(each.clip(0)).mean(),
        }[average]
        found = measures.linear_r2(x, y, average=average, fit=250 if test != slice(None) else None)
        assert found.value == pytest.approx(expected, abs=1e-9)


def test_gulp_with_a_ridge(pair: tuple[Array, Array]) -> None:
    x, y = (centred(each) * math.sqrt(400) / np.linalg.norm(centred(each)) for each in pair)
    s, t, c = x.T @ x / 400, y.T @ y / 400, x.T @ y / 400
    a, b = np.linalg.inv(s + 0.1 * np.eye(6)), np.linalg.inv(t + 0.1 * np.eye(4))
    expected = np.trace(a @ s @ a @ s) + np.trace(b @ t @ b @ t) - 2 * np.trace(a @ c @ b @ c.T)
    assert measures.gulp(*pair, ridge=0.1).value == pytest.approx(expected, abs=1e-9)


def test_pwcca_by_its_definition(pair: tuple[Array, Array]) -> None:
    u, v = bases(*pair)
    left, rho, _ = np.linalg.svd(u.T @ v, full_matrices=False)
    weights = np.abs((u @ left).T @ centred(pair[0])).sum(axis=1)
    assert measures.pwcca(*pair).value == pytest.approx((weights * rho).sum() / weights.sum(), abs=1e-10)
    assert measures.pwcca(*pair, side="smaller").value == pytest.approx(measures.pwcca(*pair[::-1]).value, abs=1e-10)


def test_svcca_keeps_components_by_their_variance_whatever_the_units(pair: tuple[Array, Array]) -> None:
    x, y = pair
    kept = []
    for each in (x, y):
        u, s, _ = np.linalg.svd(centred(each), full_matrices=False)
        kept.append(u[:, : int(np.searchsorted(np.cumsum(s**2) / np.sum(s**2), 0.9)) + 1])
    rho = np.linalg.svd(kept[0].T @ kept[1], compute_uv=False)
    assert measures.svcca(x, y, variance=0.9).value == pytest.approx(rho.mean(), abs=1e-10)
    assert measures.svcca(1000 * x, y, variance=0.9).value == pytest.approx(rho.mean(), abs=1e-10)


def test_matching_is_rectangular_and_a_constant_latent_correlates_with_nothing(pair: tuple[Array, Array]) -> None:
    x, y = pair
    strength = np.abs(np.corrcoef(x.T, y.T)[:6, 6:])
    expected = strength[linear_sum_assignment(-strength)].mean()
    assert measures.pearson_mcc(x, y).value == pytest.approx(expected, abs=1e-12)
    assert measures.pearson_mcc(x, np.hstack([y[:, :1], np.full((400, 1), 0.1)])).value == pytest.approx(
        strength[:, 0].max() / 2, abs=1e-12
    )


def test_perfect_recovery_is_exactly_one(pair: tuple[Array, Array]) -> None:
    x, _ = pair
    recovered = (x * [-3, 2, 1, -1, 5, 0.1])[:, [3, 1, 0, 5, 4, 2]]
    assert measures.pearson_mcc(x, recovered).value == pytest.approx(1.0, abs=1e-12)


def test_total_correlation_of_correlated_normals() -> None:
    covariance = np.array([[1.0, 0.6], [0.6, 1.0]])
    rows = np.random.default_rng(0).normal(size=(200_000, 2)) @ np.linalg.cholesky(covariance).T
    assert measures.total_correlation(rows).value == pytest.approx(-0.5 * math.log(1 - 0.36), abs=5e-3)
