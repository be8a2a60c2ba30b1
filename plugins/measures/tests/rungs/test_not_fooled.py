"""Data that fool naive fits: the verdict is right, or says why it cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from identify_measures.inputs import InputError
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.verdict import equivalence_ladder

Array = np.ndarray[Any, Any]


def said(verdict: Any, text: str) -> bool:
    return any(text in warning for warning in verdict.warnings)


def test_fewer_rows_than_columns_do_not_pass_by_interpolation() -> None:
    rng = np.random.default_rng(0)
    verdict = equivalence_ladder(rng.normal(size=(60, 100)), rng.normal(size=(60, 100)))
    assert verdict.lowest == ()
    assert verdict.residuals["linear"].value > 0.9
    assert said(verdict, "30 rows to fit on are too few for orthogonal, similarity, linear and affine")


def test_fewer_rows_than_columns_still_show_a_permutation() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 100))
    verdict = equivalence_ladder(x, x[:, rng.permutation(100)] * np.exp(rng.normal(size=100)))
    assert verdict.lowest == ("permutation-positive-scaling",)
    assert verdict.controls["identity"]["linear"].value > 0.3


def test_too_few_rows_for_a_large_class_are_told_from_a_failure_of_the_class() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 100))
    y = x[:, ::-1] + 0.09 * rng.normal(size=x.shape)
    verdict = equivalence_ladder(x, y)
    assert verdict.lowest == ("permutation",)
    assert verdict.residuals["linear"].value == verdict.residuals["permutation"].value < verdict.tolerance
    assert said(
        verdict, "linear and affine pass with the map of permutation, a class within: their own fits on 120 rows"
    )


def test_rank_deficiency_is_no_obstacle() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(600, 3)) @ rng.normal(size=(3, 10))
    verdict = equivalence_ladder(x, x @ rng.normal(size=(10, 10)))
    assert verdict.lowest == ("linear",)
    assert verdict.residuals["linear"].ranks == (3, 3)
    assert equivalence_ladder(x, rng.normal(size=(600, 10))).lowest == ()


def test_duplicated_and_constant_columns() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, 6))
    x = np.concatenate([x, x[:, :2], 3 * x[:, :1], np.full((600, 2), 5.0), np.zeros((600, 1))], axis=1)
    verdict = equivalence_ladder(x, x[:, rng.permutation(12)])
    assert verdict.lowest == ("permutation",)
    assert said(verdict, "3 of 12 columns of x are constant")
    assert said(verdict, "3 of 12 columns of y repeat another up to scale")


def test_a_large_common_mean_explains_nothing() -> None:
    rng = np.random.default_rng(3)
    x, y = (rng.normal(size=(800, 5)) + 1e4 for _ in range(2))
    verdict = equivalence_ladder(x.astype(np.float32), y.astype(np.float32))
    assert verdict.lowest == ()
    assert min(score.value for score in verdict.residuals.values()) > 0.9


@pytest.mark.parametrize("mean", [1e3, 1e4, 1e5])
def test_single_precision_with_a_large_mean_finds_the_class(mean: float) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(800, 5)) + mean
    permuted = equivalence_ladder(x.astype(np.float32), x[:, ::-1].astype(np.float32))
    assert permuted.lowest == ("permutation",)
    assert permuted.residuals["linear"].value < 1e-12
    mixed = (x - mean) @ rng.normal(size=(5, 5)) + mean
    assert equivalence_ladder(x.astype(np.float32), mixed.astype(np.float32)).lowest == ("affine",)


def test_a_mean_beyond_the_precision_is_said() -> None:
    x = (np.random.default_rng(4).normal(size=(200, 3)) + 2e6).astype(np.float32)
    assert said(equivalence_ladder(x, x), "rounding to float32")
    assert not said(equivalence_ladder(x.astype(np.float64), x.astype(np.float64)), "rounding")


def test_heavy_tails_are_said_and_do_not_pass_by_chance() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_cauchy(size=(1000, 4))
    unrelated = equivalence_ladder(x, rng.standard_cauchy(size=(1000, 4)))
    assert unrelated.lowest == ()
    assert said(unrelated, "heavy tails")
    assert equivalence_ladder(x, -x[:, ::-1]).lowest == ("signed-permutation",)
    assert not said(equivalence_ladder(rng.normal(size=(200, 1)), rng.normal(size=(200, 1))), "heavy tails")
    assert not said(equivalence_ladder(rng.normal(size=(400, 4)), np.ones((400, 4))), "heavy tails")


def test_tied_factors_are_related_by_monotone_maps_one_way_only_where_they_are_coarser() -> None:
    rng = np.random.default_rng(6)
    levels = rng.integers(0, 4, size=(1200, 5)).astype(float)
    bent = equivalence_ladder(levels, -np.exp(levels)[:, ::-1])
    assert bent.lowest == ("permutation-monotone",)
    fine = levels + rng.uniform(0, 0.9, size=levels.shape)
    coarse = equivalence_ladder(fine, np.exp(levels))
    assert coarse.lowest == ()
    assert coarse.directions["forward"]["permutation-monotone"].value < 0.02
    assert coarse.directions["backward"]["permutation-monotone"].value > 0.03
    reordered = equivalence_ladder(*(each[::-1] for each in (fine, np.exp(levels))))
    for rung, score in coarse.residuals.items():
        other = reordered.residuals[rung]
        assert score.interval is not None
        assert other.interval is not None
        assert max(score.interval.low, other.interval.low) <= min(score.interval.high, other.interval.high)


def test_a_dominant_column_does_not_hide_the_others() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(1000, 5)), rng.normal(size=(1000, 5))
    x[:, 0] *= 100
    y[:, 4] = x[:, 0]
    verdict = equivalence_ladder(x, y)
    assert verdict.lowest == ("permutation",)
    assert said(verdict, "permutation passes, but more than half of 4 columns of small variance stays unexplained")


def test_the_order_of_the_rows_does_not_matter_to_the_split() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(1000, 4)) + 10 * (np.arange(1000) >= 500)[:, None]
    assert equivalence_ladder(x, x @ rng.normal(size=(4, 4))).lowest == ("linear",)


def test_what_does_not_vary_has_no_residual_and_says_why() -> None:
    verdict = equivalence_ladder(np.full((40, 2), 1 / 3), np.random.default_rng(0).normal(size=(40, 2)))
    assert verdict.lowest == ()
    score = verdict.residuals["linear"]
    assert np.isnan(score.value)
    assert "does not vary" in score.reason
    assert score.interval is None


def test_rows_paired_at_random_that_pass_are_said() -> None:
    x = np.random.default_rng(0).normal(size=(300, 2))
    loose = LadderOptions(tolerance=1.0, rungs=("affine",), level=0.5)
    assert not said(equivalence_ladder(x, x, loose), "rows paired at random pass")
    verdicts = [equivalence_ladder(x[:12, :1], x[:12, :1], loose, seed=seed) for seed in range(40)]
    assert any(said(verdict, "rows paired at random pass too at affine") for verdict in verdicts)


@pytest.mark.parametrize("rows", [4, 5])
def test_very_few_rows_give_an_answer_with_a_warning(rows: int) -> None:
    x = np.random.default_rng(rows).normal(size=(rows, 3))
    verdict = equivalence_ladder(x, x)
    assert verdict.lowest == ("identity",)
    assert all(score.value == 0 for score in verdict.residuals.values())
    assert verdict.controls["identity"]["affine"].value > 0.01
    assert said(equivalence_ladder(x, x[::-1]), f"{rows // 2} rows to fit on are too few for")


def test_arrays_that_cannot_be_taken() -> None:
    x = np.zeros((3, 2))
    with pytest.raises(InputError, match="x has 3 rows; at least 4 are needed"):
        equivalence_ladder(x, x)
    with pytest.raises(InputError, match="x has 5 rows and y has 6"):
        equivalence_ladder(np.zeros((5, 1)), np.zeros((6, 1)))
    bad = np.ones((5, 2))
    bad[1, 1] = np.nan
    with pytest.raises(InputError, match="y has NaN or infinite values in 1 row of 5"):
        equivalence_ladder(np.ones((5, 2)), bad)
