"""Latents are matched whatever their order, sign and scale, and the scale is told."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from identify_mtlcm.evaluators.alignment import align


def test_order_sign_and_scale_are_found() -> None:
    z = np.random.default_rng(0).standard_normal((400, 4))
    order, scales = [2, 0, 3, 1], np.array([-2.0, 0.5, 3.0, -0.1])
    found = align(z, 7 + z[:, order] * scales)
    matched = dict(zip(found.true, found.estimated, strict=True))
    assert [matched[true] for true in order] == [0, 1, 2, 3]
    by_true = dict(zip(found.true, found.scales, strict=True))
    np.testing.assert_allclose([by_true[true] for true in order], scales)
    np.testing.assert_allclose(np.abs(found.correlations), 1)


def test_the_matching_is_the_best_of_all() -> None:
    generator = np.random.default_rng(1)
    z = generator.standard_normal((50, 4))
    e = z @ generator.standard_normal((4, 4)) + generator.standard_normal((50, 4))
    table = np.abs(np.corrcoef(z.T, e.T)[:4, 4:])
    best = max(sum(table[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(4)))
    assert np.abs(align(z, e).correlations).sum() == pytest.approx(best)


@pytest.mark.parametrize("width", [2, 6])
def test_fewer_or_more_latents_than_true_ones_are_matched_as_far_as_they_go(width: int) -> None:
    z = np.random.default_rng(2).standard_normal((100, 4))
    estimate = np.random.default_rng(3).standard_normal((100, 6))
    estimate[:, :2] = z[:, [3, 1]]
    found = align(z, estimate[:, :width])
    assert len(found.true) == min(4, width)
    matched = dict(zip(found.true.tolist(), found.estimated.tolist(), strict=True))
    assert (matched[3], matched[1]) == (0, 1)


def test_a_constant_latent_correlates_with_nothing() -> None:
    z = np.random.default_rng(4).standard_normal((30, 2))
    estimate = np.column_stack([z[:, 1], np.full(30, 5.0)])
    found = align(z, estimate)
    assert found.correlations[found.estimated == 1] == 0
    assert np.isfinite(found.scales).all()


def test_a_latent_that_is_not_finite_correlates_with_nothing_and_has_no_scale() -> None:
    z = np.random.default_rng(4).standard_normal((30, 2))
    estimate = z[:, ::-1] * 2
    estimate[3, 0] = np.nan
    found = align(z, estimate)
    by_estimate = dict(zip(found.estimated.tolist(), zip(found.correlations, found.scales, strict=True), strict=True))
    assert by_estimate[0] == (0, 0)
    assert by_estimate[1] == pytest.approx((1, 2))


def test_single_precision_with_a_large_mean_is_matched() -> None:
    z = np.random.default_rng(5).standard_normal((1000, 2))
    found = align(z, (1e4 + z[:, ::-1]).astype(np.float32))
    np.testing.assert_allclose(found.correlations, 1, atol=1e-4)
