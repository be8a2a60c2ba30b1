"""Which rows are held out and drawn: stable, grouped, by combinations that training never sees."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from identify_core import OptionsError, draw_subset, hold_out_combinations, hold_out_keys

KEYS = [str(number) for number in range(2000)]


def test_equal_keys_lie_on_one_side_and_every_row_on_one() -> None:
    keys = [str(number // 3) for number in range(3000)]
    splits = hold_out_keys(keys, 0.3, 0)
    assert sorted([*splits["train"], *splits["test"]]) == list(range(3000))
    held = {keys[row] for row in splits["test"]}
    assert held.isdisjoint(keys[row] for row in splits["train"])
    assert 0.25 < len(splits["test"]) / 3000 < 0.35


def test_a_row_is_held_out_whatever_other_rows_there_are() -> None:
    whole = hold_out_keys(KEYS, 0.2, 5)
    part = hold_out_keys(KEYS[::-7], 0.2, 5)
    assert {KEYS[::-7][row] for row in part["test"]} <= {KEYS[row] for row in whole["test"]}
    assert {KEYS[::-7][row] for row in part["train"]} <= {KEYS[row] for row in whole["train"]}


def test_the_seed_decides_which() -> None:
    first, again, other = (set(hold_out_keys(KEYS, 0.2, seed)["test"]) for seed in (0, 0, 1))
    assert first == again
    assert len(first & other) < 0.5 * len(first)


def test_holding_out_nothing_makes_both_splits_all_rows() -> None:
    splits = hold_out_keys(KEYS, 0.0, 0)
    assert list(splits["train"]) == list(splits["test"]) == list(range(2000))


def test_a_side_without_rows_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"with test_part 0.2 of 1 rows the split '(train|test)' has none") as caught:
        hold_out_keys(["one"], 0.2, 0)
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
    held = set(hold_out_keys(KEYS, 0.5, 0)["test"])
    assert 0.4 < np.mean([row in held for row in drawn]) < 0.6


def test_more_rows_than_there_are_is_refused() -> None:
    with pytest.raises(OptionsError, match="a subset of 3 rows is wanted, but there are 2"):
        draw_subset(["a", "b"], 3, 0)


def grid(*sizes: int, copies: int = 3) -> list[np.ndarray]:
    """Every combination of factors of these sizes, several times, in a shuffled order."""
    rows = np.array(list(itertools.product(*map(range, sizes))) * copies)
    return list(np.random.default_rng(0).permutation(rows).T)


@pytest.mark.parametrize(("sizes", "part"), [((3, 4), 0.25), ((2, 2), 0.25), ((5, 4, 3), 0.4), ((6, 7), 0.5)])
def test_no_combination_is_on_both_sides_and_every_value_is_trained_on(sizes: tuple[int, ...], part: float) -> None:
    factors = grid(*sizes)
    for seed in range(5):
        splits = hold_out_combinations(factors, part, seed)
        rows = np.stack(factors, axis=1)
        train, test = ({tuple(row) for row in rows[splits[name]].tolist()} for name in ("train", "test"))
        assert not train & test
        assert len(test) == round(part * int(np.prod(sizes)))
        assert sorted([*splits["train"], *splits["test"]]) == list(range(len(rows)))
        for column, size in enumerate(sizes):
            assert {row[column] for row in train} == set(range(size))


def pairs(factors: list[np.ndarray], rows: np.ndarray) -> set[tuple[str, str]]:
    return {(str(a), str(b)) for a, b in zip(*(each[rows] for each in factors), strict=True)}


def test_what_is_held_out_is_a_matter_of_the_combinations_and_the_seed_alone() -> None:
    factors = [np.array(list("abcde"))[grid(5, 6)[0]], grid(5, 6)[1]]
    held = pairs(factors, hold_out_combinations(factors, 0.3, 7)["test"])
    fewer = [each[5:] for each in factors]
    assert len(pairs(fewer, np.arange(85))) == 30  # every combination is still there
    rows = hold_out_combinations({"letter": fewer[0], "number": fewer[1]}, 0.3, 7)["test"]
    assert pairs(fewer, rows) == held
    assert pairs(factors, hold_out_combinations(factors, 0.3, 8)["test"]) != held


def test_more_than_can_be_held_out_and_nothing_are_refused() -> None:
    factors = grid(3, 3)
    message = r"a part of 0.9 of 9 combinations is 8, but \d can be held out"
    with pytest.raises(OptionsError, match=message):
        hold_out_combinations(factors, 0.9, 0)
    with pytest.raises(OptionsError, match="combinations is 0, but 0 can be"):
        hold_out_combinations(factors, 0.01, 0)
    with pytest.raises(OptionsError, match="is 1, but 0 can be held out"):
        hold_out_combinations([np.arange(4), np.arange(4)], 0.25, 0)
