"""Chance levels, intervals and what every score carries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from identify_measures.catalogue import CATALOGUE
from identify_measures.catalogue.factors import FACTORS
from identify_measures.factors.functions import explicitness, irs, mig, sap
from identify_measures.factors.measuring import _interval


def test_chance_is_what_shuffled_rows_give(grid: np.ndarray, noisy: np.ndarray) -> None:
    found = mig(noisy, grid, chance_draws=10)
    assert found.chance is not None
    assert found.chance.method == "10 random pairings of rows"
    assert 0 < found.chance.mean < 0.1 < found.value
    assert 0 < found.chance.deviation < 0.05
    shuffled = mig(noisy[np.random.default_rng(9).permutation(360)], grid)
    assert abs(shuffled.value - found.chance.mean) < 5 * found.chance.deviation
    assert math.isnan(mig(noisy, grid, chance_draws=1).chance.deviation)  # type: ignore[union-attr]
    assert explicitness(noisy, grid, chance_draws=3).chance.mean == pytest.approx(0.5, abs=0.06)  # type: ignore[union-attr]


def test_an_interval_covers_the_value_of_a_larger_sample() -> None:
    def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        factors = random.integers(0, 3, size=(n, 2))
        return factors + 0.6 * random.normal(size=(n, 2)), factors

    truth = sap(*sample(20_000, 99), kinds="continuous").value
    covered = 0
    for seed in range(20):
        interval = sap(*sample(300, seed), kinds="continuous", interval_draws=60, seed=seed).interval
        assert interval is not None
        assert "basic bootstrap over 60 resamples" in interval.method
        covered += interval.low <= truth <= interval.high
    assert covered >= 16


def test_the_interval_turns_the_shift_of_resamples_around() -> None:
    values = [0.6 + k / 1000 for k in range(101)]  # resamples lie above the value by 0.15 on average
    interval = _interval(0.5, values, (0.0, 1.0), "resamples")
    assert interval is not None
    assert interval.low == pytest.approx(1.0 - 0.6975)
    assert interval.high == pytest.approx(1.0 - 0.6025)
    near = _interval(0.97, [0.5, 0.6], (0.0, 1.0), "resamples")
    far = _interval(0.03, [0.5, 0.6], (0.0, 1.0), "resamples")
    assert near is not None
    assert far is not None
    assert (near.high, far.low) == (1.0, 0.0)
    assert _interval(0.5, [0.5], (0.0, 1.0), "resamples") is None


def test_an_interval_stays_within_the_bounds(grid: np.ndarray) -> None:
    interval = irs(grid, grid, interval_draws=20).interval
    assert interval is not None
    assert interval.low <= interval.high <= 1


def test_nothing_is_drawn_unless_asked_for_and_the_seed_decides(grid: np.ndarray, noisy: np.ndarray) -> None:
    plain = mig(noisy, grid)
    assert plain.chance is plain.interval is None
    one, same, other = (mig(noisy, grid, chance_draws=5, seed=seed) for seed in (0, 0, 1))
    assert one == same
    assert one.chance != other.chance
    # What is drawn for chance does not shift the value.
    assert one.value == plain.value


def test_draws_without_a_value_are_said() -> None:
    random = np.random.default_rng(0)
    rare = np.zeros(30, dtype=int)
    rare[:2] = 1
    found = mig(random.normal(size=(30, 2)), rare, interval_draws=40)
    assert any("draws for chance or the interval gave no value" in warning for warning in found.warnings)


def test_every_score_carries_its_facts(grid: np.ndarray, noisy: np.ndarray) -> None:
    found = mig(noisy.astype(np.float32), grid)
    assert (found.n, found.widths, found.dtype) == (360, (4,), "float32")
    assert (found.larger_is, found.bounds, found.is_metric) == ("better", (0.0, 1.0), False)


def test_a_name_for_each_of_the_family() -> None:
    offered = {each.name for each in FACTORS if each.target}
    assert offered == {
        "mig", "sap", "modularity", "explicitness", "dci", "factor-vae", "beta-vae", "irs", "infomec",
    }  # fmt: skip
    assert all(CATALOGUE[name].requires == ("factors",) for name in offered)
