"""What is checked before anything is computed, and how rows are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.factors.functions import dci, explicitness, irs, mig, sap
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


def repeated(distinct: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Unrelated codes and factors, each row repeated as often, in random order."""
    random = np.random.default_rng(0)
    which = random.permutation(np.arange(n) % distinct)
    return random.normal(size=(distinct, 10))[which], random.integers(0, 3, size=(distinct, 2))[which]


def test_distinct_rows_are_split_and_counted() -> None:
    codes, factors = repeated(30, 900)
    study = make_study(codes, factors)
    assert (study.distinct, study.n) == (30, 900)
    assert "fitted on 20 random distinct rows, each as often as it comes, judged on the other 10" in study.split
    assert not {tuple(row) for row in study.fitted()} & {tuple(row) for row in study.judged()}
    for found in (dci(codes, factors).informativeness, explicitness(codes, factors), sap(codes, factors)):
        assert found.n == 30
        assert "the 900 rows of codes and factors are 30 distinct ones, repeated" in found.warnings
    assert dci(codes, factors).informativeness.value < 0.6
    assert explicitness(codes, factors).value < 0.7


def test_chance_and_intervals_are_of_distinct_rows() -> None:
    codes, factors = repeated(30, 900)
    found = explicitness(codes, factors, chance_draws=4, interval_draws=20)
    assert found.chance is not None
    assert found.chance.mean < 0.7
    assert found.interval is not None
    assert found.interval.high - found.interval.low > 0.1
    study = make_study(codes, factors)
    again = study.resampled(np.random.default_rng(0))
    assert not {tuple(row) for row in again.fitted()} & {tuple(row) for row in again.judged()}
    assert again.distinct < 30
    assert len(again.codes) == 900


def test_given_rows_that_come_on_both_sides_are_said() -> None:
    codes, factors = repeated(30, 900)
    found = sap(codes, factors, test_rows=np.arange(300))
    assert "30 distinct rows lie both among those to fit on and among those that judge" in found.warnings


def test_too_few_distinct_rows_to_split_are_a_reason_only_where_rows_are_split() -> None:
    codes, factors = repeated(3, 90)
    for found in (dci(codes, factors).completeness, explicitness(codes, factors), sap(codes, factors)):
        assert found.reason == "the 90 rows are 3 distinct ones; 4 are needed to fit and to judge"
    assert mig(codes, factors).value == mig(codes, factors).value


def test_the_result_says_as_what_factors_were_read(grid: np.ndarray, noisy: np.ndarray) -> None:
    named = {"shape": grid[:, 0], "size": grid[:, 1], "place": grid[:, 2] + 0.5}
    assert mig(noisy, named).estimator.endswith("factors read as shape, size categorical; place continuous")
    many = {f"f{i}": grid[:, i % 3] for i in range(11)}
    assert mig(noisy, many).estimator.endswith("factors read as 11 categorical")


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
