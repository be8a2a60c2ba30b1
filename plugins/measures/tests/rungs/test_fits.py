"""Every fit against a slow, obvious reference or a closed form."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from sklearn.isotonic import IsotonicRegression

from identify_measures.rungs.dense import fit_isometry, fit_linear
from identify_measures.rungs.lipschitz import fit_bounded
from identify_measures.rungs.maps import Map
from identify_measures.rungs.moments import Moments, MomentsAccumulator
from identify_measures.rungs.monotone import average_ranks, fit_curve, fit_monotone, rank_correlation
from identify_measures.rungs.permutations import fit_identity, fit_permutation, fit_scaled_permutation

Array = np.ndarray[Any, Any]


def moments(x: Array, y: Array, step: int = 10_000) -> Moments:
    accumulator = MomentsAccumulator((x.shape[1], y.shape[1]), torch.device("cpu"))
    for start in range(0, len(x), step):
        accumulator.add(torch.from_numpy(x[start : start + step]), torch.from_numpy(y[start : start + step]))
    return accumulator.finish()


def left(map_: Map, x: Array, y: Array) -> float:
    return float(map_.errors(torch.from_numpy(x), torch.from_numpy(y)).by_row().sum())


def pair(d: int, e: int, seed: int, n: int = 50, mean: float = 0.5) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + mean
    y = np.tanh(x @ rng.normal(size=(d, e))) + 0.5 * rng.normal(size=(n, e)) + mean
    return x, y


@pytest.mark.parametrize("step", [1, 7, 50, 1000])
@pytest.mark.parametrize("widths", [(3, 4), (30, 41)])
def test_moments_of_blocks_are_those_of_all_rows(step: int, widths: tuple[int, int]) -> None:
    x, y = pair(*widths, seed=0)
    found = moments(x, y, step)
    np.testing.assert_allclose(found.x.T @ found.y, x.T @ y, atol=1e-10)
    np.testing.assert_allclose(found.mean_x, x.mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(found.mean_y, y.mean(axis=0), atol=1e-13)
    centred_x, centred_y = found.factors(centred=True)
    np.testing.assert_allclose(centred_x.T @ centred_y, (x - x.mean(axis=0)).T @ (y - y.mean(axis=0)), atol=1e-10)
    turned = found.swapped()
    np.testing.assert_array_equal(turned.x, found.y)
    np.testing.assert_array_equal(turned.mean_y, found.mean_x)


def test_moments_keep_what_lies_beside_a_large_mean() -> None:
    x, y = pair(4, 3, seed=1)
    exact = moments(x, y).factors(centred=True)
    shifted = moments(x + 1e7, y - 1e7).factors(centred=True)
    np.testing.assert_allclose(shifted[0].T @ shifted[1], exact[0].T @ exact[1], rtol=1e-6, atol=1e-6)


def test_constant_columns_leave_nothing_about_their_mean() -> None:
    x, y = pair(3, 2, seed=2)
    x[:, 1] = 1 / 3
    found = moments(x, y, step=7)
    assert found.constant_x.tolist() == [False, True, False]
    assert not found.constant_y.any()
    assert not found.factors(centred=True)[0][:, 1].any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("widths", [(4, 4), (3, 5), (5, 3)])
def test_permutations_are_the_best_of_all(widths: tuple[int, int], seed: int) -> None:
    d, e = widths
    x, y = pair(d, e, seed)
    wide = max(d, e)
    padded_x, padded_y = (np.pad(each, ((0, 0), (0, wide - each.shape[1]))) for each in (x, y))

    def best(scales_of: Any) -> float:
        return min(
            sum(
                min(float(((padded_y[:, j] - c * padded_x[:, p[j]]) ** 2).sum()) for c in scales_of(j, p[j]))
                for j in range(wide)
            )
            for p in permutations(range(wide))
        )

    def least_squares(j: int, i: int) -> float:
        size = float(padded_x[:, i] @ padded_x[:, i])
        return float(padded_x[:, i] @ padded_y[:, j]) / size if size > 0 else 0.0

    found = moments(x, y)
    plain = left(fit_permutation(found, centred=False, signed=False), x, y)
    signed = left(fit_permutation(found, centred=False, signed=True), x, y)
    positive = left(fit_scaled_permutation(found, centred=False, positive=True), x, y)
    scaled = left(fit_scaled_permutation(found, centred=False, positive=False), x, y)
    assert plain == pytest.approx(best(lambda j, i: (1.0,)))
    assert signed == pytest.approx(best(lambda j, i: (1.0, -1.0)))
    assert positive == pytest.approx(best(lambda j, i: (max(least_squares(j, i), 0.0),)))
    assert scaled == pytest.approx(best(lambda j, i: (least_squares(j, i),)))
    assert left(fit_identity(found, centred=False), x, y) == pytest.approx(float(((padded_y - padded_x) ** 2).sum()))


def test_centred_fits_are_those_of_centred_data() -> None:
    x, y = pair(4, 4, seed=5)
    about_mean = x - x.mean(axis=0), y - y.mean(axis=0)
    for fit in (
        lambda m, c: fit_permutation(m, centred=c, signed=True),
        lambda m, c: fit_scaled_permutation(m, centred=c, positive=False),
        lambda m, c: fit_isometry(m, centred=c, scaled=True),
        lambda m, c: fit_linear(m, centred=c, rank_tolerance=1e-10)[0],
    ):
        assert left(fit(moments(x, y), True), x, y) == pytest.approx(
            left(fit(moments(*about_mean), False), *about_mean)
        )


def test_rotations_are_those_of_orthogonal_procrustes() -> None:
    x, y = pair(5, 5, seed=6)
    expected, _ = scipy.linalg.orthogonal_procrustes(x, y)
    found = fit_isometry(moments(x, y), centred=False, scaled=False)
    np.testing.assert_allclose(found.matrix, expected, atol=1e-10)


@pytest.mark.parametrize("widths", [(3, 5), (5, 3)])
def test_rotations_between_widths_are_those_of_padded_data(widths: tuple[int, int]) -> None:
    x, y = pair(*widths, seed=7)
    padded_x, padded_y = (np.pad(each, ((0, 0), (0, 5 - each.shape[1]))) for each in (x, y))
    Q, _ = scipy.linalg.orthogonal_procrustes(padded_x, padded_y)
    expected = float(((padded_y - padded_x @ Q) ** 2).sum())
    assert left(fit_isometry(moments(x, y), centred=False, scaled=False), x, y) == pytest.approx(expected)


def test_similarities_leave_what_scipy_calls_the_disparity() -> None:
    x, y = pair(4, 4, seed=8)
    _, _, disparity = scipy.spatial.procrustes(y, x)
    spread = float(((y - y.mean(axis=0)) ** 2).sum())
    assert left(fit_isometry(moments(x, y), centred=True, scaled=True), x, y) == pytest.approx(disparity * spread)


def test_linear_maps_are_those_of_least_squares_with_minimum_norm() -> None:
    for n, d in ((50, 6), (8, 20)):
        x, y = pair(d, 4, seed=9, n=n)
        expected = np.linalg.lstsq(x, y, rcond=None)[0]
        found, rank = fit_linear(moments(x, y), centred=False, rank_tolerance=1e-10)
        np.testing.assert_allclose(found.matrix, expected, atol=1e-8)
        assert rank == min(n, d)


def test_directions_below_the_precision_of_the_data_are_left_alone() -> None:
    rng = np.random.default_rng(10)
    x = rng.normal(size=(60, 3))
    x = np.concatenate([x, x @ rng.normal(size=(3, 1)) + 1e-8 * rng.normal(size=(60, 1))], axis=1)
    y = rng.normal(size=(60, 2))
    coarse, coarse_rank = fit_linear(moments(x, y), centred=True, rank_tolerance=1e-5)
    fine, fine_rank = fit_linear(moments(x, y), centred=True, rank_tolerance=1e-10)
    assert (coarse_rank, fine_rank) == (3, 4)
    assert float(coarse.matrix.abs().max()) < 10 < 1e4 < float(fine.matrix.abs().max())


def test_bounded_maps_have_the_closed_form_of_whitened_data() -> None:
    rng = np.random.default_rng(11)
    x = np.linalg.qr(rng.normal(size=(40, 5)) - 0.0)[0]
    x = np.linalg.qr(x - x.mean(axis=0))[0]
    y = 3 * x @ rng.normal(size=(5, 5)) + 0.01 * rng.normal(size=(40, 5))
    y -= y.mean(axis=0)
    U, s, Vt = np.linalg.svd(x.T @ y)
    found = fit_bounded(moments(x, y), bound=2.0, gap=1e-10, rank_tolerance=1e-10)
    np.testing.assert_allclose(found.map.matrix, U @ np.diag(s.clip(max=2.0)) @ Vt, atol=1e-6)
    assert found.gap <= 1e-10


@pytest.mark.parametrize("bound", [1.0, 1.5, 4.0])
def test_the_certificate_bounds_what_any_other_map_within_the_bound_saves(bound: float) -> None:
    x, y = pair(6, 4, seed=12, n=80)
    y = y * np.array([1.0, 5.0, 0.2, 3.0]) @ np.random.default_rng(0).normal(size=(4, 4))
    found = fit_bounded(moments(x, y), bound=bound, gap=1e-3, rank_tolerance=1e-10)
    assert torch.linalg.matrix_norm(found.map.matrix, 2) <= bound * (1 + 1e-12)
    spread = float(((y - y.mean(axis=0)) ** 2).sum())
    better = fit_bounded(moments(x, y), bound=bound, gap=1e-9, rank_tolerance=1e-10)
    assert found.gap <= 1e-3
    assert better.steps >= found.steps
    saved = (left(found.map, x, y) - left(better.map, x, y)) / spread
    assert -1e-9 <= saved <= found.gap + 1e-9
    rng = np.random.default_rng(1)
    for _ in range(50):
        other = found.map.matrix.numpy() + 0.1 * rng.normal(size=(6, 4))
        U, s, Vt = np.linalg.svd(other, full_matrices=False)
        other = U @ np.diag(s.clip(max=bound)) @ Vt
        error = float(((y - y.mean(axis=0) - (x - x.mean(axis=0)) @ other) ** 2).sum())
        assert error >= left(found.map, x, y) - (found.gap + 1e-9) * spread


def test_a_bound_that_does_not_bind_gives_least_squares() -> None:
    x, y = pair(4, 4, seed=13)
    free, _ = fit_linear(moments(x, y), centred=True, rank_tolerance=1e-10)
    found = fit_bounded(moments(x, y), bound=1e6, gap=1e-6, rank_tolerance=1e-10)
    np.testing.assert_allclose(found.map.matrix, free.matrix, atol=1e-10)
    assert (found.gap, found.steps) == (0.0, 0)


def test_ranks_share_ties_and_correlate_as_spearman() -> None:
    rng = np.random.default_rng(14)
    x = rng.integers(0, 5, size=(70, 40)).astype(float)
    y = np.concatenate([rng.normal(size=(70, 2)), np.ones((70, 1))], axis=1)
    np.testing.assert_array_equal(average_ranks(x) + 1, scipy.stats.rankdata(x, axis=0))
    found = rank_correlation(x, y)
    for i, j in product((0, 31, 32, 39), range(2)):
        assert found[i, j] == pytest.approx(scipy.stats.spearmanr(x[:, i], y[:, j]).statistic)
    assert not found[:, 2].any()


def test_curves_are_those_of_isotonic_regression() -> None:
    rng = np.random.default_rng(15)
    x = np.round(rng.normal(size=200), 1)
    y = -(x**3) + rng.normal(size=200)
    curve = fit_curve(x, y, column=0, sign=-1.0)
    expected = IsotonicRegression(increasing=False).fit(x, y)
    inside = rng.uniform(x.min(), x.max(), size=500)
    np.testing.assert_allclose(curve(inside), expected.predict(inside), atol=1e-10)


def test_curves_go_on_beyond_their_knots() -> None:
    x = np.linspace(0, 1, 400)
    curve = fit_curve(x, 2 * x + 1, column=0, sign=1.0)
    np.testing.assert_allclose(curve(np.array([-1.0, 3.0])), [-1.0, 7.0])
    flat = fit_curve(x, -x, column=0, sign=1.0)
    np.testing.assert_allclose(flat(np.array([-1.0, 0.3, 3.0])), -0.5)
    single = fit_curve(np.ones(9), np.arange(9.0), column=0, sign=1.0)
    np.testing.assert_allclose(single(np.array([0.0, 1.0, 5.0])), 4.0)


def test_monotone_maps_pair_columns_by_rank_and_predict_the_mean_without_a_partner() -> None:
    rng = np.random.default_rng(16)
    x = rng.normal(size=(300, 2))
    y = np.stack([rng.normal(size=300) * 0.1, -np.exp(x[:, 0]), x[:, 1] ** 3], axis=1)
    found = fit_monotone(x, y, rank_correlation(x, y), torch.from_numpy(y.mean(axis=0)))
    assert found.curves[0] is None
    assert (found.curves[1].column, found.curves[1].sign) == (0, -1.0)  # type: ignore[union-attr]
    assert (found.curves[2].column, found.curves[2].sign) == (1, 1.0)  # type: ignore[union-attr]
    errors = found.errors(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(errors.squares[:, 0], (y[:, 0] - y[:, 0].mean()) ** 2)
    np.testing.assert_allclose(errors.squares[:, 1:], 0, atol=1e-20)
