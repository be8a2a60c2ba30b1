"""Rows are held out by what they are: equal rows lie on one side."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.holding_out import hold_out, hold_out_rows, shuffle_distinct


def test_without_repeats_rows_are_drawn_as_they_are() -> None:
    held = hold_out(10, 0.3, seed=1)
    assert (held.fit, held.judging, held.distinct, held.repeats) == (3, 7, 10, False)
    assert held.fitted.tolist() == np.isin(np.arange(10), np.random.default_rng(1).permutation(10)[:3]).tolist()


@pytest.mark.parametrize(("distinct", "fit"), [(2, 0), (3, 1), (4, 2), (5, 3), (100, 66)])
def test_two_distinct_rows_are_left_to_judge(distinct: int, fit: int) -> None:
    held = hold_out(300, 0.66, seed=0, groups=np.arange(300) % distinct)
    assert (held.distinct, held.fit, held.repeats) == (distinct, fit, True)
    assert len(set((np.arange(300) % distinct)[held.fitted])) == fit


def test_rows_are_equal_where_they_are_in_all_arrays() -> None:
    x = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    label = np.array([0, 0, 1, 0])
    held = hold_out_rows(x, label, fraction=0.5, seed=0)
    assert held.distinct == 3
    assert held.place[0] == held.place[1]
    assert len(set(held.place.tolist())) == 3
    assert hold_out_rows(x, np.arange(4), fraction=0.5, seed=0).distinct == 4


def test_equal_rows_are_paired_with_equal_ones() -> None:
    groups = np.array([4, 0, 4, 1, 0, 4])
    order = shuffle_distinct(6, groups, np.random.default_rng(0))
    assert order[0] == order[2] == order[5]
    assert order[1] == order[4]
    assert sorted(groups[order[[0, 1, 3]]]) == [0, 1, 4]
    assert sorted(shuffle_distinct(50, None, np.random.default_rng(0))) == list(range(50))
