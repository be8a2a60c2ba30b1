"""Matchings: brute force over permutations, invariances of the declared rungs, metric axioms, undefined values."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr

from identify_measures import hard_match, permutation_distance, permutation_metric, soft_match, spearman_mcc
from identify_measures.inputs import InputError

from .reference import pair


def rank_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.array([[spearmanr(a, b).statistic for b in y.T] for a in x.T])


def test_spearman_mcc_is_scipys_with_the_best_of_all_matchings() -> None:
    x, y = pair(n=50, p=5, q=3)
    x = np.round(x, 1)
    strength = np.abs(rank_correlations(x, y))
    best = max(np.mean([strength[i, j] for j, i in enumerate(order)]) for order in permutations(range(5), 3))
    assert spearman_mcc(x, y).value == pytest.approx(best, abs=1e-12)
    assert spearman_mcc(y, x).value == pytest.approx(best, abs=1e-12)


def test_monotone_maps_of_permuted_latents_change_nothing_and_mixing_does() -> None:
    x, y = pair(p=4, q=4)
    bent = np.stack([np.exp(x[:, 2]), -(x[:, 0] ** 3), x[:, 3] * 1e6 + 7, np.arctan(x[:, 1])], axis=1)
    assert spearman_mcc(bent, y).value == pytest.approx(spearman_mcc(x, y).value, abs=1e-12)
    assert spearman_mcc(bent, x).value == pytest.approx(1.0, abs=1e-12)
    assert (
        abs(spearman_mcc(x @ np.random.default_rng(0).normal(size=(4, 4)), y).value - spearman_mcc(x, y).value) > 1e-3
    )


def test_out_of_sample_ranks_and_matches_each_part_by_itself() -> None:
    x, y = pair(n=80, p=4, q=4)
    rows, columns = linear_sum_assignment(-np.abs(rank_correlations(x[:30], y[:30])))
    expected = np.abs(rank_correlations(x[30:], y[30:]))[rows, columns].mean()
    assert spearman_mcc(x, y, fit=30).value == pytest.approx(expected, abs=1e-12)
    assert spearman_mcc(x, y, fit=np.arange(80) < 30).value == pytest.approx(expected, abs=1e-12)
    assert "matched on some rows, correlated on the others" in spearman_mcc(x, y, held_out=True).estimator


def test_overfitted_matchings_are_seen_out_of_sample() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 60, 25))
    inside, outside = spearman_mcc(x, y, chance_draws=20), spearman_mcc(x, y, held_out=True)
    assert inside.value > outside.value + 0.05
    assert inside.chance is not None
    assert abs(inside.value - inside.chance.mean) < 5 * inside.chance.deviation


def test_constant_latents_count_as_zero() -> None:
    x, _ = pair(p=3)
    dead = x.copy()
    dead[:, 1] = 4.0
    score = spearman_mcc(x, dead)
    assert score.value == pytest.approx(2 / 3, abs=0.1)
    assert score.warnings == ("1 of 3 latents of y is constant",)
    assert spearman_mcc(x, np.ones((60, 2))).reason == "all rows of y are the same"
    assert spearman_mcc(x[:3], x[:3], held_out=True).reason == "3 rows are too few for two parts"


@pytest.mark.parametrize(
    ("fit", "message"),
    [(59, "fit takes 59 of 60 rows and leaves 1"), (np.ones(3), "fit holds float64 values in the shape")],
)
def test_what_cannot_be_fitted_on_is_refused(fit: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        spearman_mcc(*pair(), fit=fit)


def test_intervals_of_rank_matchings_cover_the_value() -> None:
    score = spearman_mcc(*pair(n=300), interval=True)
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high
    assert score.interval.high - score.interval.low < 0.2


def test_the_permutation_metric_is_the_best_of_all_permutations() -> None:
    x, y = pair(p=4, q=3)
    a, b = x - x.mean(0), y - y.mean(0)
    padded = np.pad(b, ((0, 0), (0, 1)))
    products = [(a[:, list(order)] * padded).sum() for order in permutations(range(4))]
    angle = np.arccos(max(products) / np.linalg.norm(a) / np.linalg.norm(b))
    distance = min(np.linalg.norm(a[:, list(order)] - padded) for order in permutations(range(4)))
    assert permutation_metric(x, y).value == pytest.approx(angle, abs=1e-12)
    assert permutation_distance(x, y).value == pytest.approx(distance, abs=1e-12)


@pytest.mark.parametrize("metric", [permutation_metric, permutation_distance])
def test_metric_axioms(metric) -> None:  # type: ignore[no-untyped-def]
    x, y = pair(p=5, q=5)
    z = np.random.default_rng(5).normal(size=(60, 4))
    order = [3, 1, 4, 0, 2]
    assert metric(x, x[:, order] + 2.0).value < 1e-12
    assert metric(x, y).value == pytest.approx(metric(y, x).value, abs=1e-13)
    assert metric(x, z).value <= metric(x, y).value + metric(y, z).value
    assert metric(x, -x).value > 0.1


def test_small_angles_keep_their_digits() -> None:
    x, _ = pair(n=100)
    noise = np.random.default_rng(1).normal(size=x.shape)
    small = permutation_metric(x, x + 1e-10 * noise).value
    assert small == pytest.approx(1e-6 * permutation_metric(x, x + 1e-4 * noise).value, rel=1e-3)


def test_the_uncentred_forms_see_the_mean() -> None:
    x, y = pair()
    for metric in (permutation_metric, permutation_distance):
        assert metric(x + 1.0, y).value == pytest.approx(metric(x, y).value, abs=1e-12)
        assert abs(metric(x + 1.0, y, centred=False).value - metric(x, y, centred=False).value) > 1e-2
    score = permutation_metric(np.ones((60, 2)), y)
    assert score.reason == "all rows of x are the same"
    assert permutation_metric(np.zeros((60, 2)), y, centred=False).reason == "all rows of x are zero"


def test_float32_with_a_large_mean() -> None:
    x, y = pair()
    shifted = (x + 4096.0).astype(np.float32)
    for metric in (permutation_metric, hard_match, soft_match):
        assert metric(shifted, y).value == pytest.approx(metric(shifted.astype(np.float64), y).value, abs=1e-6)


def test_matches_are_signed_and_soft_is_both_directions() -> None:
    x, y = pair(p=4, q=3)
    strength = np.corrcoef(x.T, y.T)[:4, 4:]
    best = max(np.mean([strength[i, j] for j, i in enumerate(order)]) for order in permutations(range(4), 3))
    assert hard_match(x, y).value == pytest.approx(best, abs=1e-12)
    assert soft_match(x, y).value == pytest.approx((strength.max(1).mean() + strength.max(0).mean()) / 2, abs=1e-12)
    scales = np.array([2.0, 0.5, 3.0, 1.0])
    for measure in (hard_match, soft_match):
        assert measure((x * scales)[:, [2, 0, 3, 1]], y).value == pytest.approx(measure(x, y).value, abs=1e-12)
        assert abs(measure(-x, y).value - measure(x, y).value) > 1e-2
        assert measure(x, y).value == pytest.approx(measure(y, x).value, abs=1e-13)


@pytest.mark.parametrize("measure", [permutation_metric, permutation_distance, hard_match, soft_match])
def test_intervals_cover_the_value(measure) -> None:  # type: ignore[no-untyped-def]
    x, y = pair(n=200)
    score = measure(x, y, interval=True)
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high
