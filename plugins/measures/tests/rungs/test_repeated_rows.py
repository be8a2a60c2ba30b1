"""Rows that repeat are fitted on or judge, never both, and count once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.splitting import split_rows
from identify_measures.rungs.verdict import equivalence_ladder

Array = np.ndarray[Any, Any]


def unrelated(distinct: int, n: int, d: int, seed: int = 0) -> tuple[Array, Array]:
    """Unrelated rows, each repeated as often, in random order."""
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.arange(n) % distinct)
    return rng.normal(size=(distinct, d))[which], rng.normal(size=(distinct, d))[which]


def test_few_rows_that_repeat_pass_nothing() -> None:
    repeated = equivalence_ladder(*unrelated(20, 2000, 30))
    assert repeated.lowest == ()
    assert "the 2000 rows of x and y are 20 distinct ones, repeated" in repeated.warnings
    for score in repeated.residuals.values():
        assert score.n == 20
        assert score.value > 0.5
        assert "over 10 held-out distinct rows, each counting as often as it comes" in score.estimator
        assert score.interval is not None
        assert score.interval.method.startswith("jackknife over 10 blocks")
    for score in repeated.controls["shuffled"].values():
        assert (score.n, score.value > 0.5) == (20, True)


def test_rows_repeated_as_often_give_what_the_rows_alone_give() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    alone, three = equivalence_ladder(x, y), equivalence_ladder(np.tile(x, (3, 1)), np.tile(y, (3, 1)))
    for rung, score in alone.residuals.items():
        again = three.residuals[rung]
        assert again.value == pytest.approx(score.value, rel=1e-9)
        assert (again.n, again.interval.high) == (40, pytest.approx(score.interval.high, rel=1e-9))  # type: ignore[union-attr]
    assert alone.lowest == three.lowest


def test_related_rows_that_repeat_still_pass() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 5, size=(3000, 3)).astype(np.float32)
    verdict = equivalence_ladder(codes, codes @ rng.normal(size=(3, 3)))
    assert verdict.lowest == ("linear",)
    assert verdict.residuals["linear"].n == 125


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_fewer_than_four_distinct_rows_decide_nothing(distinct: int) -> None:
    x, _ = unrelated(distinct, 60, 2)
    verdict = equivalence_ladder(x, 2 * x)
    assert verdict.lowest == ()
    for score in verdict.residuals.values():
        assert np.isnan(score.value)
        assert score.reason == f"the 60 rows are {distinct} distinct ones; the ladder needs at least 4"


def test_a_representation_of_few_codes_against_one_of_many() -> None:
    rng = np.random.default_rng(3)
    fine = rng.normal(size=(900, 1))
    verdict = equivalence_ladder(np.sign(fine), fine)
    assert verdict.residuals["linear"].n == 900
    assert 0.3 < verdict.residuals["linear"].value < 0.5
    assert np.isnan(verdict.controls["identity"]["linear"].value)


def test_a_split_parts_distinct_rows_whatever_their_order() -> None:
    rng = np.random.default_rng(4)
    groups = rng.integers(0, 37, size=500)
    split = split_rows(500, fraction=0.5, blocks=7, seed=5, groups=groups)
    assert split is not None
    assert (split.distinct, split.fit_count, split.held_count) == (37, 18, 19)
    sides = {group: set(split.part[groups == group].tolist()) for group in range(37)}
    assert all(len(each) == 1 for each in sides.values())
    counts = np.bincount([side.copy().pop() + 1 for side in sides.values()])
    assert counts.tolist() == [18, 3, 3, 3, 3, 3, 2, 2]
    order = rng.permutation(500)
    moved = split_rows(500, fraction=0.5, blocks=7, seed=5, groups=groups[order], places=order)
    assert moved is not None
    np.testing.assert_array_equal(moved.part, split.part[order])


def test_fewer_rows_than_four_distinct_are_not_split() -> None:
    assert split_rows(100, fraction=0.5, blocks=7, seed=5, groups=np.arange(100) % 3) is None


def test_options_of_the_split_hold_for_distinct_rows() -> None:
    score = equivalence_ladder(*unrelated(30, 600, 2), LadderOptions(fit_fraction=0.8, blocks=3)).residuals["linear"]
    assert "over 6 held-out distinct rows" in score.estimator
    assert score.interval is not None
    assert score.interval.method.startswith("jackknife over 3 blocks")
