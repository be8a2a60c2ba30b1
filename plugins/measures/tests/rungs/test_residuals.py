"""Residuals and their intervals by hand, under transformations of both sides, and from streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs import reading
from identify_measures.rungs.residuals import residual
from identify_measures.rungs.splitting import sample_rows, split_rows
from identify_measures.rungs.verdict import INVARIANT_TO, equivalence_ladder

Array = np.ndarray[Any, Any]


def noisy_pair(seed: int = 0, n: int = 400, d: int = 4) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 0.3
    return x, np.tanh(x @ rng.normal(size=(d, d)) / 2) + 0.3 * rng.normal(size=(n, d)) - 0.2


def test_the_residual_is_the_error_over_the_spread_about_the_mean_of_the_fit() -> None:
    x, y = noisy_pair()
    options = LadderOptions(fit_fraction=0.3, blocks=7)
    verdict = equivalence_ladder(x, y, options, seed=11)
    split = split_rows(400, fraction=0.3, blocks=7, seed=11)
    fit = split.fitted
    ones = np.ones((400, 1))
    for rung, design in (("linear", x), ("affine", np.concatenate([ones, x], axis=1))):
        weights = np.linalg.lstsq(design[fit], y[fit], rcond=None)[0]
        squares = ((y - design @ weights) ** 2).sum(axis=1)
        spread = ((y - y[fit].mean(axis=0)) ** 2).sum(axis=1)
        expected = squares[~fit].sum() / spread[~fit].sum()
        score = verdict.directions["forward"][rung]
        assert score.value == pytest.approx(expected, rel=1e-10)
        without = np.array(
            [squares[~fit & (split.part != b)].sum() / spread[~fit & (split.part != b)].sum() for b in range(7)]
        )
        deviation = np.sqrt(6 / 7 * ((without - without.mean()) ** 2).sum())
        assert score.interval is not None
        reach = scipy.stats.t(6).ppf(0.975) * deviation
        assert score.interval.high == pytest.approx(expected + reach, rel=1e-8)
        assert score.interval.low == pytest.approx(max(expected - reach, 0), rel=1e-8)


def test_predicting_the_mean_leaves_everything() -> None:
    rng = np.random.default_rng(1)
    x = np.full((500, 2), 3.0)
    x[:, 1] = rng.normal(size=500)
    verdict = equivalence_ladder(x, rng.normal(size=(500, 2)) + 5, LadderOptions(rungs=("similarity", "affine")))
    assert verdict.directions["forward"]["affine"].value == pytest.approx(1, abs=0.02)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    noise, runs = 0.2, 60
    truth = noise**2 / (1 + noise**2)
    covered = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(400, 3))
        y = x + noise * rng.normal(size=x.shape)
        score = equivalence_ladder(x, y, LadderOptions(rungs=("identity",)), seed=seed).directions["forward"][
            "identity"
        ]
        assert score.interval is not None
        covered += score.interval.low <= truth <= score.interval.high
    assert covered / runs > 0.85


def test_intervals_of_sums_that_one_block_holds_are_open() -> None:
    assert residual(np.array([1.0, 0.0]), np.array([2.0, 0.0]), 0.95).high == np.inf
    nothing = residual(np.zeros(3), np.zeros(3), 0.95)
    assert np.isnan(nothing.value)
    assert np.isnan(nothing.high)


def transformation(rung: str, d: int, rng: np.random.Generator) -> Any:
    """A random map of the class."""
    order, signs = rng.permutation(d), rng.choice([-1.0, 1.0], size=d)
    scales, Q = np.exp(rng.normal(size=d)), np.linalg.qr(rng.normal(size=(d, d)))[0]
    return {
        "permutation": lambda z: z[:, order],
        "signed-permutation": lambda z: z[:, order] * signs,
        "permutation-positive-scaling": lambda z: z[:, order] * scales,
        "orthogonal": lambda z: z @ Q,
        "similarity": lambda z: 2.5 * z @ Q + 1.5,
        "affine": lambda z: z @ rng.normal(size=(d, d)) + 1.5,
    }[rung]


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("rung", "group"), [(rung, group) for rung, groups in INVARIANT_TO.items() for group in groups]
)
def test_residuals_do_not_change_under_what_they_are_invariant_to(rung: str, group: str, side: int) -> None:
    rng = np.random.default_rng(3)
    pair = noisy_pair()
    options = LadderOptions(rungs=(rung,), lipschitz=1.5 if rung == "lipschitz" else None, tolerance=1e-6)
    before = equivalence_ladder(*pair, options).residuals[rung]
    moved = [transformation(group, 4, rng)(each) if i == side else each for i, each in enumerate(pair)]
    after = equivalence_ladder(*moved, options).residuals[rung]
    assert before.invariant_to == (group,)
    assert after.value == pytest.approx(before.value, rel=1e-5 if rung == "lipschitz" else 1e-9)


@pytest.mark.parametrize(
    ("rung", "group"),
    [
        ("identity", "permutation"),
        ("permutation", "signed-permutation"),
        ("signed-permutation", "permutation-positive-scaling"),
        ("permutation-scaling", "orthogonal"),
        ("permutation-monotone", "orthogonal"),
        ("orthogonal", "similarity"),
        ("similarity", "affine"),
        ("affine", "affine"),
    ],
)
def test_residuals_change_under_larger_classes(rung: str, group: str) -> None:
    x, y = noisy_pair()
    before = equivalence_ladder(x, y, LadderOptions(rungs=(rung,))).directions["forward"][rung].value
    moved = transformation(group, 4, np.random.default_rng(3))(y)
    after = equivalence_ladder(x, moved, LadderOptions(rungs=(rung,))).directions["forward"][rung].value
    assert abs(after - before) > 1e-3


def test_streams_give_what_arrays_give(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = noisy_pair(n=700)
    whole = equivalence_ladder(x, y, LadderOptions(lipschitz=2.0))
    monkeypatch.setattr(reading, "block_rows", lambda width: 53)
    parts = equivalence_ladder(x, y, LadderOptions(lipschitz=2.0))
    for rung, score in whole.residuals.items():
        assert parts.residuals[rung].value == pytest.approx(score.value, rel=1e-9)
    assert parts.warnings == whole.warnings


def test_blocks_hold_more_rows_than_columns_and_little_memory() -> None:
    assert reading.block_rows(10) * 10 * 8 <= 33 << 20
    assert reading.block_rows(4096) >= 8192


@pytest.mark.parametrize(("n", "fraction", "blocks"), [(4, 0.5, 20), (5, 0.9, 20), (101, 0.5, 20), (1000, 0.1, 2)])
def test_splits_leave_rows_for_both_parts_and_for_every_block(n: int, fraction: float, blocks: int) -> None:
    split = split_rows(n, fraction=fraction, blocks=blocks, seed=0)
    held = np.bincount(split.part[~split.fitted], minlength=split.blocks)
    assert split.n == n
    assert split.fit_count >= 2
    assert split.fit_count == split.fitted.sum()
    assert 2 <= split.blocks <= blocks
    assert held.min() >= 1
    assert held.max() - held.min() <= 1
    assert split.fit_count + held.sum() == n


def test_samples_of_rows_are_among_the_marked() -> None:
    marked = np.arange(100) % 2 == 0
    assert sample_rows(marked, 80, seed=0) is marked
    some = sample_rows(marked, 20, seed=0)
    assert some.sum() == 20
    assert not (some & ~marked).any()
    assert (some != sample_rows(marked, 20, seed=1)).any()


def test_monotone_fits_of_a_sample_are_close_to_those_of_all_rows() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(6000, 3))
    y = np.sinh(x)[:, ::-1] + 0.1 * rng.normal(size=x.shape)
    values = [
        equivalence_ladder(x, y, LadderOptions(rungs=("permutation-monotone",), monotone_rows=rows))
        .residuals["permutation-monotone"]
        .value
        for rows in (10_000, 1000)
    ]
    assert values[0] != values[1]
    assert values[1] == pytest.approx(values[0], abs=0.005)
