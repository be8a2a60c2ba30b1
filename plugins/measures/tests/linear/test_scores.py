"""Scores: chance, intervals, warnings and reasons are what they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit

import identify_measures as measures
from identify_core import ByRole, UsageError
from identify_measures.catalogue import CATALOGUE
from identify_measures.linear.canonical import expected_mean_correlation
from identify_measures.linear.measuring import leave_blocks_out
from identify_measures.options.linear import PairOptions
from identify_measures.scoring import score
from identify_measures.statistics.gathering import from_arrays

Array = np.ndarray[Any, Any]


def shuffled_mean(measure: Any, x: Array, y: Array, draws: int = 200) -> float:
    rng = np.random.default_rng(0)
    return float(np.mean([measure(x, y[rng.permutation(len(y))]).value for _ in range(draws)]))


@pytest.mark.parametrize(
    "name", ["linear_cka", "cca", "cca_r2", "yanai", "pillai", "linear_r2", "gulp", "debiased_cka"]
)
def test_chance_in_closed_form_is_the_mean_over_permutations(name: str) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8)), rng.normal(size=(60, 5))
    measure = getattr(measures, name)
    chance = measure(x, y).chance
    assert chance is not None
    assert chance.mean == pytest.approx(shuffled_mean(measure, x, y), rel=0.03, abs=0.004)


@pytest.mark.parametrize("name", ["procrustes_angular", "pearson_mcc", "svcca", "shape_metric", "pwcca", "weak_mcc"])
def test_chance_by_rotations_is_the_mean_over_permutations(name: str) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8)), rng.normal(size=(60, 5))
    measure = getattr(measures, name)
    chance = measure(x, y, chance_draws=200).chance
    assert chance is not None
    assert chance.method in {"200 random rotations of the rows", "Wachter's law, for many rows"}
    assert chance.mean == pytest.approx(shuffled_mean(measure, x, y), rel=0.04)
    assert measure(x, y, chance_draws=200).chance == chance


@pytest.mark.parametrize(("p", "q", "n"), [(1, 1, 50), (30, 40, 200), (150, 100, 200), (10, 190, 200), (60, 60, 80)])
def test_mean_correlation_of_unrelated_frames(p: int, q: int, n: int) -> None:
    rng = np.random.default_rng(0)
    means = []
    for _ in range(10 if p > 1 else 2000):
        u, v = (np.linalg.qr(rng.normal(size=(n, d)))[0] for d in (p, q))
        means.append(np.linalg.svd(u.T @ v, compute_uv=False).mean())
    assert expected_mean_correlation(p, q, n) == pytest.approx(np.mean(means), abs=0.02)


@pytest.mark.parametrize(
    "name", ["linear_cka", "debiased_cka", "cca", "procrustes_angular", "linear_r2", "pearson_mcc"]
)
def test_intervals_cover_the_value_of_many_rows(name: str) -> None:
    rng = np.random.default_rng(2)
    mixing = [rng.normal(size=(3, d)) for d in (4, 3)]

    def draw(n: int) -> tuple[Array, Array]:
        common = rng.normal(size=(n, 3))
        x, y = (common @ each + rng.normal(size=(n, each.shape[1])) for each in mixing)
        return x, y

    measure = getattr(measures, name)
    truth = measure(*draw(400_000)).value
    covered = 0
    for _ in range(60):
        interval = measure(*draw(600), interval=True).interval
        assert interval is not None
        assert interval.method == "jackknife over 20 blocks of rows"
        covered += interval.low <= truth <= interval.high
    assert 49 <= covered <= 60


@pytest.mark.parametrize(
    "name",
    ["cca", "cca_r2", "yanai", "pillai", "linear_r2", "procrustes", "procrustes_similarity", "procrustes_angular"],
)
def test_intervals_of_wide_representations_are_the_same_to_first_order(name: str, monkeypatch: Any) -> None:
    rng = np.random.default_rng(0)
    common = rng.normal(size=(4000, 8))
    x, y = (common @ rng.normal(size=(8, d)) + rng.normal(size=(4000, d)) for d in (100, 12))
    measure = getattr(measures, name)
    first_order = measure(x, y, interval=True).interval
    assert first_order.method.endswith("to first order")
    monkeypatch.setattr("identify_measures.linear.measuring.WIDE", 1000)
    exact = measure(x, y, interval=True).interval
    assert not exact.method.endswith("to first order")
    assert first_order.high - first_order.low == pytest.approx(exact.high - exact.low, rel=0.15)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    rows = np.random.default_rng(0).normal(size=20)
    statistics = from_arrays(rows, rows, blocks=20)

    def mean(_: Any, i: int, j: int, subset: Any, options: Any) -> float:
        return float(rows[list(subset)].mean())

    interval, remark = leave_blocks_out(mean, statistics, 0, 1, PairOptions(), float(rows.mean()), name="debiased-cka")
    assert remark == ""
    assert interval is not None
    half = stdtrit(19, 0.975) * rows.std(ddof=1) / math.sqrt(20)
    assert interval.high - interval.low == pytest.approx(2 * half)


def test_a_constant_representation_has_no_value_but_a_reason(pair: tuple[Array, Array]) -> None:
    x, _ = pair
    for name in ("linear_cka", "debiased_cka", "cca", "procrustes_angular", "gulp"):
        found = getattr(measures, name)(x, np.full((400, 2), 0.1))
        assert math.isnan(found.value)
        assert found.reason == "all rows of y are the same"
        for dtype in (np.float32, np.float64):
            assert getattr(measures, name)(x, np.full((400, 3), 1 / 3, dtype=dtype)).reason == found.reason
    assert measures.linear_r2(np.full((400, 2), 0.1), x).value == 0.0


def test_reasons(pair: tuple[Array, Array]) -> None:
    x, y = pair
    assert measures.debiased_cka(x[:3], y[:3]).reason == "3 rows are too few for unbiased estimates; they need 4"
    dependent = measures.total_correlation(np.hstack([x, x[:, :1]]))
    assert dependent.reason == "the latents of x are linearly dependent: it is infinite"
    constant = measures.total_correlation(np.hstack([x, np.ones((400, 1))]))
    assert constant.reason == "1 latents of x are constant"


def test_variance_in_a_few_rows_is_warned_of(pair: tuple[Array, Array]) -> None:
    x, y = pair
    heavy = x.copy()
    heavy[7] *= 1000
    assert any("sits in about 1 of 400 rows" in each for each in measures.linear_cka(heavy, y).warnings)
    assert measures.linear_cka(x, y).warnings == ()


def test_tied_canonical_correlations_are_warned_of() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    assert any("tie" in each for each in measures.weak_mcc(x, x, held_out=True).warnings)
    assert any("tie" in each for each in measures.weak_mcc(x, x, correlation_of="ranks").warnings)
    # The mean of canonical correlations is the same for all their variates.
    assert measures.weak_mcc(x, x).warnings == ()


def test_too_few_rows_for_a_jackknife_are_said(pair: tuple[Array, Array]) -> None:
    x, y = pair
    found = measures.linear_cka(x[:6], y[:6], interval=True)
    assert found.interval is None
    assert "no interval: 6 blocks of rows are too few for a jackknife" in found.warnings


def test_options_that_change_an_invariance_say_so(pair: tuple[Array, Array]) -> None:
    assert measures.shape_metric(*pair, alpha=0.0).invariant_to == ("affine",)
    assert measures.shape_metric(*pair, alpha=1.0).invariant_to == ("similarity",)
    assert measures.gulp(*pair, ridge=1.0).invariant_to == ("similarity",)
    weighted = measures.linear_r2(*pair, average="uniform").invariant_to
    assert weighted == ByRole(source=("affine",), target=("permutation-scaling",))
    there, back = (measures.pwcca(*pair, side=side).invariant_to for side in ("x", "y"))
    assert there == ByRole(source=("signed-permutation",), target=("affine",))
    assert back == ByRole(source=("affine",), target=("signed-permutation",))


def test_an_unknown_measure_has_a_suggestion() -> None:
    with pytest.raises(UsageError, match="there is no measure 'linear-kca'"):
        score("linear-kca", 1.0, n=2, widths=(1,), dtype="float64", estimator="")


FAMILIES = {
    "alignment": (
        ["linear-cka", "debiased-cka", "angular-cka", "rbf-cka", "minibatch-cka", "distance-correlation"],
        True,
    ),
    "canonical": (["cca", "cca-r2", "yanai", "pillai", "svcca", "pwcca", "weak-mcc", "linear-r2", "gulp"], True),
    "neighbours": (["mutual-knn", "jaccard", "cknna"], True),
    "dissimilarities": (["rsa"], True),
    "rotations": (
        [
            "procrustes",
            "procrustes-normalised",
            "procrustes-angular",
            "procrustes-disparity",
            "procrustes-similarity",
            "shape-metric",
        ],
        False,
    ),
    "matchings": (
        ["pearson-mcc", "spearman-mcc", "hard-match", "soft-match", "permutation-metric", "permutation-distance"],
        False,
    ),
}


def test_chance_is_given_by_every_measure_of_a_family_or_by_none() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 5)), rng.normal(size=(300, 4))
    pairs = [each for each in CATALOGUE.values() if each.arity == "pair" and not each.requires]
    offered = {each.name for each in pairs if each.family in ("linear", "samples")}
    assert offered == {name for names, _ in FAMILIES.values() for name in names}
    for names, given in FAMILIES.values():
        for name in names:
            measure = getattr(measures, name.replace("-", "_"))
            assert (measure(x, y).chance is not None) == given, name
            if not given:
                assert measure(x, y, chance_draws=3).chance is not None


def test_weak_mcc_of_unrelated_latents_stands_beside_the_chance_of_cca() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 50)), rng.normal(size=(100, 50))
    score = measures.weak_mcc(x, y)
    assert score.value == pytest.approx(0.63, abs=0.03)
    assert score.chance.mean == measures.cca(x, y).chance.mean
    assert score.chance.mean == pytest.approx(score.value, abs=0.02)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("weak_mcc", {"components": 3}),
        ("weak_mcc", {"correlation_of": "ranks"}),
        ("weak_mcc", {"held_out": True}),
        ("svcca", {"variance": 0.8}),
        ("pwcca", {}),
        ("linear_r2", {"average": "root"}),
        ("angular_cka", {}),
    ],
)
def test_chance_by_a_law_is_what_unrelated_normal_latents_give(name: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    values, chances = [], []
    for _ in range(20):
        x, y = rng.normal(size=(200, 30)) * np.linspace(1, 3, 30), rng.normal(size=(200, 20))
        score = getattr(measures, name)(x, y, **options)
        values.append(score.value)
        chances.append(score.chance.mean)
    assert np.mean(chances) == pytest.approx(np.mean(values), abs=0.02)
