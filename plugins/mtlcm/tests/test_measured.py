"""Which rows are held out and drawn, and standardisation: stable, grouped, exact, with constants and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from identify_core import OptionsError
from identify_mtlcm.measured import Standardisation, draw_subset, hold_out, standardise

KEYS = [str(number) for number in range(2000)]


def test_equal_keys_lie_on_one_side_and_every_row_on_one() -> None:
    keys = [str(number // 3) for number in range(3000)]
    splits = hold_out(keys, 0.3, 0)
    assert sorted([*splits["train"], *splits["test"]]) == list(range(3000))
    held = {keys[row] for row in splits["test"]}
    assert held.isdisjoint(keys[row] for row in splits["train"])
    assert 0.25 < len(splits["test"]) / 3000 < 0.35


def test_a_row_is_held_out_whatever_other_rows_there_are() -> None:
    whole = hold_out(KEYS, 0.2, 5)
    part = hold_out(KEYS[::-7], 0.2, 5)
    assert {KEYS[::-7][row] for row in part["test"]} <= {KEYS[row] for row in whole["test"]}
    assert {KEYS[::-7][row] for row in part["train"]} <= {KEYS[row] for row in whole["train"]}


def test_the_seed_decides_which() -> None:
    first, again, other = (set(hold_out(KEYS, 0.2, seed)["test"]) for seed in (0, 0, 1))
    assert first == again
    assert len(first & other) < 0.5 * len(first)


def test_holding_out_nothing_makes_both_splits_all_rows() -> None:
    splits = hold_out(KEYS, 0.0, 0)
    assert list(splits["train"]) == list(splits["test"]) == list(range(2000))


def test_a_side_without_rows_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"with test_part 0.2 of 1 rows the split '(train|test)' has none") as caught:
        hold_out(["one"], 0.2, 0)
    assert "split_seed" in caught.value.hint


def test_a_smaller_subset_is_part_of_a_larger_one_in_any_order() -> None:
    large, small = draw_subset(KEYS, 500, 3), draw_subset(KEYS, 100, 3)
    assert len(large) == 500
    assert list(large) == sorted(large)
    assert set(small) < set(large)
    turned = KEYS[::-1]
    assert {turned[row] for row in draw_subset(turned, 100, 3)} == {KEYS[row] for row in small}
    assert len(set(draw_subset(KEYS, 500, 4)) & set(large)) < 300
    assert list(draw_subset(KEYS, None, 3)) == list(range(2000))


def test_a_subset_and_the_held_out_rows_have_nothing_to_do_with_each_other() -> None:
    drawn = draw_subset(KEYS, 1000, 0)
    held = set(hold_out(KEYS, 0.5, 0)["test"])
    assert 0.4 < np.mean([row in held for row in drawn]) < 0.6


def test_more_rows_than_there_are_is_refused() -> None:
    with pytest.raises(OptionsError, match="a subset of 3 rows is wanted, but there are 2"):
        draw_subset(["a", "b"], 3, 0)


def test_standardisation_is_scikit_learns() -> None:
    values = np.random.default_rng(0).normal(3.0, 7.0, (50, 4))
    ours, fitted = standardise(values, "all", np.arange(10))
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(values), atol=1e-12)
    np.testing.assert_allclose(ours * fitted.scale + fitted.mean, values)
    some, _ = standardise(values, "train", np.arange(10))
    np.testing.assert_allclose(some, StandardScaler().fit(values[:10]).transform(values), atol=1e-12)
    plain, none = standardise(values, "none", np.arange(10))
    np.testing.assert_array_equal(plain, values)
    np.testing.assert_array_equal(none(values), values)


def test_missing_values_stay_missing_and_count_for_nothing() -> None:
    values = np.array([[1.0, np.nan], [3.0, 4.0], [np.nan, 6.0]])
    np.testing.assert_allclose(
        Standardisation.fitted(values)(values), [[-1.0, np.nan], [1.0, -1.0], [np.nan, 1.0]], equal_nan=True
    )


def test_a_column_that_does_not_vary_becomes_zero_also_where_it_does_elsewhere() -> None:
    """0.1 has no exact mean in floating point: a spread of 1e-17 must not be blown up to 1."""
    values = np.column_stack([np.full(7, 0.1), np.arange(7.0)])
    fitted = Standardisation.fitted(values)
    assert fitted.constant.tolist() == [True, False]
    np.testing.assert_array_equal(fitted(values)[:, 0], np.zeros(7))
    np.testing.assert_array_equal(fitted(np.array([[5.0, 1.0], [np.nan, 1.0]]))[:, 0], [0.0, np.nan])
