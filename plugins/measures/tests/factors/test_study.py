"""What is checked before anything is computed, and how rows are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.factors.functions import irs, mig, sap
from identify_measures.factors.study import make_study
from identify_measures.inputs import InputError


def test_a_large_mean_in_float32_changes_nothing(grid: np.ndarray) -> None:
    # Steps of 1/16 are exact in float32 up to a million, and no edge of 17 bins is one of them.
    codes = (np.round(np.random.default_rng(0).normal(size=(360, 2)) * 8) / 16 + grid[:, :2]).astype(np.float32)
    assert mig(codes + np.float32(1e5), grid, bins=17).value == mig(codes, grid, bins=17).value


def test_constant_latents_and_factors_are_said(grid: np.ndarray, noisy: np.ndarray) -> None:
    codes = np.concatenate([noisy, np.full((360, 1), 0.1)], axis=1)
    factors = {"a": grid[:, 0], "b": grid[:, 1], "never": np.ones(360, dtype=int)}
    found = mig(codes, factors)
    assert "1 of 5 latents are constant" in found.warnings
    assert "left out, because all rows have the same value: never" in found.warnings
    assert found.value == pytest.approx(mig(noisy, grid[:, :2]).value, abs=1e-12)


def test_without_a_factor_that_varies_there_is_a_reason() -> None:
    found = irs(np.arange(8.0), np.ones(8, dtype=int))
    assert np.isnan(found.value)
    assert found.reason == "no factor has more than one value"


def test_a_random_split_covers_all_rows_once_and_depends_on_the_seed(grid: np.ndarray, noisy: np.ndarray) -> None:
    one, two = (make_study(noisy, grid, seed=seed) for seed in (0, 1))
    assert sorted([*one.train, *one.test]) == list(range(360))
    assert len(one.train) == 240
    assert one.train.tolist() != two.train.tolist()
    assert one.train.tolist() == make_study(noisy, grid, seed=0).train.tolist()


def test_rows_to_judge_on_can_be_given(grid: np.ndarray, noisy: np.ndarray) -> None:
    study = make_study(noisy, grid, test_rows=np.arange(100, 360))
    assert study.train.tolist() == list(range(100))
    assert "fitted on 100 given rows, judged on the other 260" in sap(noisy, grid, test_rows=range(100, 360)).estimator


def test_resampling_keeps_train_and_test_rows_apart(grid: np.ndarray, noisy: np.ndarray) -> None:
    study = make_study(noisy, grid)
    again = study.resampled(np.random.default_rng(0))
    seen = {tuple(row) for row in study.fitted()}
    assert all(tuple(row) in seen for row in again.fitted())
    assert not any(tuple(row) in seen for row in again.judged())


@pytest.mark.parametrize(
    ("rows", "message"),
    [([], "at least one"), ([0.5], "row numbers"), ([360], "from 0 to 359"), (range(359), "leave 1 to fit on")],
)
def test_impossible_splits_are_refused(rows: object, message: str, grid: np.ndarray, noisy: np.ndarray) -> None:
    with pytest.raises(InputError, match=message):
        sap(noisy, grid, test_rows=rows)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(InputError, match="at least 4 are needed"):
        mig(np.zeros(3), np.arange(3))
