"""InfoMEC against the studies' formulas in plain scikit-learn, and what is undefined."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from identify_core import Factor, OptionsError, Subject
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent
from identify_measures.evaluators.factors import infomec as evaluator
from identify_measures.factors.functions import mig
from identify_measures.information.functions import Infomec, infomec
from identify_measures.inputs import InputError
from identify_measures.options.infomec import InfomecOptions

Array = np.ndarray[Any, Any]


def made(n: int = 1200, seed: int = 0) -> tuple[Array, Array]:
    """Three latents that mix three factors, one that is noise and one that hardly varies."""
    random = np.random.default_rng(seed)
    factors = np.stack([random.integers(0, k, size=n) for k in (3, 4, 6)], axis=1)
    mixing = np.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.2], [0.3, 0.0, 0.7]])
    codes = factors @ mixing + 0.4 * random.normal(size=(n, 3))
    return np.concatenate([codes, random.normal(size=(n, 1)), 0.01 * codes[:, :1]], axis=1), factors


def symbols(n: int = 1200) -> tuple[Array, Array]:
    codes, factors = made(n)
    return np.round(codes[:, :4]), factors


def nmi_of(codes: Array, factors: Array, k: int, *, discrete: bool) -> Array:
    """Factors by latents, as the study's function computes it."""
    table = np.empty((factors.shape[1], codes.shape[1]))
    scaled = StandardScaler().fit_transform(codes)
    for i, s in enumerate(factors.T):
        for j in range(codes.shape[1]):
            if discrete:
                table[i, j] = mutual_info_score(s, codes[:, j])
            else:
                table[i, j] = mutual_info_classif(scaled[:, [j]], s, discrete_features=False, n_neighbors=k)[0]
        table[i] /= mutual_info_score(s, s)
    return table


def ratio(table: Array, axis: int) -> float:
    shares = table.max(axis=axis) / table.sum(axis=axis)
    return float((shares.mean() - 1 / table.shape[axis]) / (1 - 1 / table.shape[axis]))


def infoe_of(columns: Array, factors: Array, **options: Any) -> float:
    found = []
    for s in factors.T:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(class_weight="balanced", **options).fit(columns, s)
        found.append(1 - log_loss(s, model.predict_proba(columns)) / np.log(len(np.unique(s))))
    return float(np.mean(found))


RULES = {
    "standalone": (10, lambda z: np.ptp(z, axis=0) > np.ptp(z, axis=0).max() / 20, 100),
    "library": (3, lambda z: np.ptp(z, axis=0) > np.ptp(z, axis=0).max() / 8, 100),
    "tripod": (10, lambda z: iqr(z) > iqr(z).max() / 10, 100),
    "factor-qvae": (3, lambda z: np.ptp(z, axis=0) > np.ptp(z, axis=0).max() / 20, 500),
}


def iqr(z: Array) -> Array:
    low, high = np.quantile(z, [0.25, 0.75], axis=0)
    return np.asarray(high - low)


@pytest.mark.parametrize("variant", RULES)
def test_numbers_give_each_studys_values(variant: Any) -> None:
    codes, factors = made()
    k, rule, iterations = RULES[variant]
    table, active = nmi_of(codes, factors, k, discrete=False), rule(codes)
    found = infomec(codes, factors, variant=variant)
    assert found.active.tolist() == active.tolist()
    assert not active[4]
    first = found.nmi.values if found.nmi.dimensions == ("factor", "latent") else found.nmi.values.T
    assert (found.nmi.dimensions[0] == "latent") == (variant == "library")
    assert first == pytest.approx(table, abs=1e-6)
    assert found.infom.value == pytest.approx(ratio(table[:, active], 0), abs=1e-6)
    assert found.infoc.value == pytest.approx(ratio(table[:, active], 1), abs=1e-6)
    ordered = np.sort(table[:, active], axis=0)
    assert found.infom_gap.value == pytest.approx((ordered[-1] - ordered[-2]).mean(), abs=1e-6)
    over_latents = np.sort(table, axis=1)
    assert found.infoc_gap.value == pytest.approx((over_latents[:, -1] - over_latents[:, -2]).mean(), abs=1e-6)
    columns = StandardScaler().fit_transform(codes)
    assert found.infoe.value == pytest.approx(infoe_of(columns, factors, C=np.inf, max_iter=iterations), abs=1e-6)


@pytest.mark.parametrize("variant", ["standalone", "library", "tripod", "factor-qvae", "identify"])
def test_symbols_give_each_studys_values(variant: Any) -> None:
    codes, factors = symbols()
    table = nmi_of(codes, factors, 3, discrete=True)
    found = infomec(codes, factors, variant=variant, latents="symbols")
    values = found.nmi.values.T if variant == "library" else found.nmi.values
    assert values == pytest.approx(table, abs=1e-10)
    assert found.infom.value == pytest.approx(ratio(table, 0), abs=1e-9)
    assert found.infoc.value == pytest.approx(ratio(table, 1), abs=1e-9)
    columns = OneHotEncoder().fit_transform(codes).toarray()
    options = (
        {"C": 1 / (1e-9 * len(codes)), "tol": 1e-8, "max_iter": 20_000} if variant == "identify" else {"C": np.inf}
    )
    assert found.infoe.value == pytest.approx(infoe_of(columns, factors, **options), abs=1e-4)
    assert "one column a symbol" in found.infoe.estimator


def test_the_default_has_the_constants_of_standalone_and_a_converged_predictor() -> None:
    codes, factors = made()
    found, theirs = infomec(codes, factors), infomec(codes, factors, variant="standalone")
    for name in ("infom", "infoc", "infom_gap", "infoc_gap"):
        assert getattr(found, name).value == pytest.approx(getattr(theirs, name).value, abs=1e-6)
    columns = StandardScaler().fit_transform(codes)
    converged = infoe_of(columns, factors, C=1 / (1e-9 * len(codes)), solver="newton-cholesky", tol=1e-10)
    assert found.infoe.value == pytest.approx(converged, abs=1e-4)
    assert "converged, ridge 1e-09, on the rows that it is fitted on" in found.infoe.estimator
    assert found.infoe.value == pytest.approx(found.infoe_of_factor.mean())


def test_a_regression_that_stops_early_says_so() -> None:
    found = infomec(*symbols(), latents="symbols", infoe="legacy")
    assert any("stopped at 100 iterations" in warning for warning in found.infoe.warnings)


def test_infoe_by_regression_is_r2() -> None:
    codes, factors = made()
    columns = StandardScaler().fit_transform(codes)
    expected = np.mean([LinearRegression().fit(columns, s).score(columns, s) for s in factors.T])
    assert infomec(codes, factors, infoe="regression").infoe.value == pytest.approx(expected, abs=1e-9)


def test_infoe_held_out_is_near_nothing_for_noise_and_below_what_is_fitted() -> None:
    random = np.random.default_rng(0)
    noise, factors = random.normal(size=(400, 20)), random.integers(0, 4, size=(400, 2))
    fitted, held = (infomec(noise, factors, infoe=how).infoe for how in ("converged", "held-out"))
    assert held.value < 0 < 0.04 < fitted.value
    assert "on held-out rows, 5 folds" in held.estimator
    codes, factors = made(4000)
    fitted, held = (infomec(codes, factors, infoe=how).infoe for how in ("converged", "held-out"))
    assert held.value == pytest.approx(fitted.value, abs=0.01)


def test_a_class_in_one_fold_alone_leaves_its_factor_out() -> None:
    codes, factors = made(400)
    rare = np.zeros(400, dtype=int)
    rare[7] = 1
    found = infomec(codes, np.stack([factors[:, 0], rare], axis=1), infoe="held-out")
    assert any("InfoE of factor 1 is left out: a class has rows in one fold alone" in w for w in found.infoe.warnings)
    assert math.isnan(found.infoe_of_factor[1])
    assert found.infoe.value == found.infoe_of_factor[0]
    alone = infomec(codes, rare, infoe="held-out")
    assert "a class has rows in one fold alone" in alone.infoe.reason


def test_uneven_classes_are_said() -> None:
    random = np.random.default_rng(0)
    rare = (random.uniform(size=500) < 0.05).astype(int)
    found = infomec(rare + random.normal(size=500), rare)
    assert any("classes of factor 0 are uneven" in warning for warning in found.infoe.warnings)


def test_completeness_over_active_latents_is_a_case_of_it(grid: Array) -> None:
    random = np.random.default_rng(0)
    tiny = 1e-3 * (grid[:, :1] + 0.1 * random.normal(size=(360, 2)))
    options: dict[str, Any] = {"estimator": "plug-in", "bins": 20, "active": "deviation"}
    found = infomec(np.concatenate([grid, tiny], axis=1), grid, active_above=0.05, **options)
    assert found.infoc.value == pytest.approx(1, abs=1e-9)
    assert "standard deviation above 0.05 of the largest: 3 of 5 latents" in found.infoc.estimator
    every = infomec(np.concatenate([grid, tiny], axis=1), grid, active_above=0, **options)
    assert every.infoc.value < 0.9
    spread = infomec(np.repeat(grid[:, :1], 3, axis=1), grid[:, 0], **options)
    assert spread.infoc.value == pytest.approx(0, abs=1e-12)


def test_the_gap_of_compactness_from_counts_is_mig(grid: Array, noisy: Array) -> None:
    found = infomec(noisy, grid, estimator="plug-in", bins=20)
    assert found.infoc_gap.value == pytest.approx(mig(noisy, grid).value, abs=1e-12)


def test_what_is_undefined_says_why(grid: Array) -> None:
    codes = grid.astype(float)
    one = infomec(codes[:, :1], grid)
    assert "one latent is active; at least two are needed" in one.infoc.reason
    assert "one factor leaves nothing" in infomec(codes, grid[:, 0]).infom.reason
    none = infomec(np.ones((360, 2)), grid)
    assert none.infom.reason == none.infom_gap.reason == "no latent is active"
    assert "no latent is active; at least two" in none.infoc.reason
    assert none.infoe.value == pytest.approx(0, abs=1e-9)
    dead = infomec(np.ones((360, 2)), grid, variant="tripod")
    assert (dead.infom.value, dead.infoe.value, dead.infoc.value) == (0, 0, 0)
    assert any("this variant gives 0 for" in warning for warning in dead.infom.warnings)
    with pytest.raises(InputError, match="no factor has more than one value"):
        infomec(codes, np.ones(360, dtype=int))
    constant = infomec(codes, np.concatenate([grid, np.ones((360, 1), dtype=int)], axis=1))
    assert any("all rows have the same value: factor 3" in warning for warning in constant.infom.warnings)
    assert constant.factors == ("factor 0", "factor 1", "factor 2")


def test_a_latent_without_information_is_left_out_or_leaves_no_value(grid: Array) -> None:
    # In the full grid, factors are independent exactly: the third column knows of neither of the first two.
    codes = grid.astype(float)
    found = infomec(codes, grid[:, :2], latents="symbols")
    assert found.infom.value == pytest.approx(1)
    assert any("left out of InfoM, because they know of no factor: 1 of 3" in w for w in found.infom.warnings)
    theirs = infomec(codes, grid[:, :2], latents="symbols", variant="standalone")
    assert "1 of 3 active latents know of no factor" in theirs.infom.reason
    ours = infomec(codes[:, :2], grid, latents="symbols")
    assert any("left out of InfoC, because no active latent knows of them: 1 of 3" in w for w in ours.infoc.warnings)
    assert ours.infoc.value == pytest.approx(1)
    library = infomec(codes[:, :2], grid, latents="symbols", variant="library")
    assert "active latents know nothing of 1 of 3 factors" in library.infoc.reason


def test_a_high_ratio_of_nothing_is_warned_of() -> None:
    random = np.random.default_rng(0)
    factors = random.integers(0, 6, size=(2000, 4))
    found = infomec(random.normal(size=(2000, 6)), factors)
    assert found.infom.value > 0.4
    assert found.infom_gap.value < 0.02
    warning = next(each for each in found.infom.warnings if "no more of any factor than of shuffled ones" in each)
    assert f"infom {found.infom.value:.2f}" in warning
    codes = factors + 0.3 * random.normal(size=(2000, 4))
    assert not any("shuffled ones" in each for each in infomec(codes, factors).infom.warnings)


def test_a_published_variant_has_no_other_constants() -> None:
    codes, factors = made(100)
    with pytest.raises(OptionsError, match=r"the variant 'tripod' fixes neighbours, ridge"):
        infomec(codes, factors, variant="tripod", neighbours=5, ridge=1e-3)


def test_more_latents_than_rows() -> None:
    random = np.random.default_rng(0)
    factors = random.integers(0, 3, size=(40, 2))
    found = infomec(random.normal(size=(40, 60)), factors)
    assert found.infoe.value == pytest.approx(1, abs=1e-2)
    assert 0 <= found.infom.value <= 1
    held = infomec(random.normal(size=(40, 60)), factors, infoe="held-out", ridge=1.0)
    assert held.infoe.value < 0.3


def test_float32_and_scales_change_little() -> None:
    codes, factors = made()
    plain = infomec(codes, factors)
    for other in (codes.astype(np.float32), codes * 1e-20, codes * 1e15 + 1e14):
        found = infomec(other, factors)
        for name in ("infom", "infoe", "infoc"):
            assert getattr(found, name).value == pytest.approx(getattr(plain, name).value, abs=2e-3)


def test_an_interval_and_chance() -> None:
    codes, factors = made(300)
    found = infomec(codes, factors, interval_draws=8, chance_draws=4, estimator="plug-in", bins=8)
    assert found.infom.interval is not None
    assert found.infom.interval.low < found.infom.interval.high
    assert found.infom.chance is not None
    assert found.infom.chance.mean < found.infom.value
    assert found.infoe.chance is not None
    assert found.infoe.chance.mean < 0.1


def test_the_evaluator_hands_over_the_matrix_and_the_mask(tmp_path: Path) -> None:
    codes, factors = made(300)
    order = np.random.default_rng(0).permutation(300)
    names = ("shape", "size", "place")

    def judged(rows: Array) -> Any:
        representation = represent(
            codes[rows],
            "mine/0",
            ids=rows,
            factors={name: Factor(values=factors[rows, j], kind="ordinal") for j, name in enumerate(names)},
        )
        return evaluator(InfomecOptions(), Subject(representations=(representation,)), make_context(tmp_path))

    found, again = judged(np.arange(300)), judged(order)
    assert found.scores == again.scores
    assert found.arrays["nmi"].values.shape == (3, 5)
    assert np.array_equal(found.arrays["nmi"].values, again.arrays["nmi"].values)
    assert found.arrays["active"].values.tolist() == [True] * 4 + [False]
    assert found.arrays["factor-names"].values.tolist() == list(names)


def test_a_result_is_the_same_again() -> None:
    codes, factors = symbols(300)
    first, second = (infomec(codes, factors) for _ in range(2))
    assert isinstance(first, Infomec)
    assert first.infom == second.infom
    assert np.array_equal(first.nmi.values, second.nmi.values)
