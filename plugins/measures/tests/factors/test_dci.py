"""DCI: its two entropies by hand, both modes on known codes, and the kinds of factors."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from identify_measures.factors.dci import concentration
from identify_measures.factors.functions import Dci, dci


def test_concentration_by_hand() -> None:
    assert concentration(np.eye(3), "factor")[0] == pytest.approx(1, abs=1e-9)
    assert concentration(np.ones((3, 4)), "factor")[0] == pytest.approx(0, abs=1e-9)
    assert concentration(np.array([[0.5, 0.5], [0.0, 1.0]]), "factor")[0] == pytest.approx(0.5, abs=1e-9)
    assert concentration(np.zeros((3, 2)), "factor")[0] == pytest.approx(0, abs=1e-9)
    value, reason = concentration(np.ones((3, 1)), "factor")
    assert np.isnan(value)
    assert reason == "one factor leaves nothing to be concentrated among"


@pytest.mark.parametrize("mode", ["reference", "fast"])
def test_a_perfect_code_and_a_rotated_one(mode: str, grid: np.ndarray) -> None:
    factors = grid[:180, 1:] > 1
    codes = np.random.default_rng(0).normal(size=(180, 2)) * 0.1 + 2.0 * factors
    perfect = dci(codes, factors, mode=mode)  # type: ignore[arg-type]
    for score in (perfect.disentanglement, perfect.completeness, perfect.informativeness):
        assert score.value == pytest.approx(1, abs=0.02)
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    mixed = dci(codes @ turn, factors, mode=mode)  # type: ignore[arg-type]
    assert mixed.disentanglement.value < 0.8
    assert mixed.completeness.value < 0.8


@pytest.fixture(scope="module")
def pair() -> tuple[Dci, Dci]:
    random = np.random.default_rng(0)
    factors = random.integers(0, 3, size=(240, 2))
    codes = np.concatenate([factors + 0.5 * random.normal(size=(240, 2)), random.normal(size=(240, 1))], axis=1)
    reference, fast = (dci(codes, factors, mode=mode, jobs=1) for mode in ("reference", "fast"))  # type: ignore[arg-type]
    return reference, fast


def test_the_fast_mode_is_near_the_reference(pair: tuple[Dci, Dci]) -> None:
    reference, fast = pair
    assert fast.disentanglement.value == pytest.approx(reference.disentanglement.value, abs=0.06)
    assert fast.completeness.value == pytest.approx(reference.completeness.value, abs=0.06)
    # Counting splits instead of what they gain puts all latents on a par.
    assert fast.disentanglement.value > 0.3
    assert "80 bins" in fast.disentanglement.estimator
    assert "gradient boosting as scikit-learn's" in reference.disentanglement.estimator


def test_a_dead_latent_at_the_front_changes_nothing() -> None:
    random = np.random.default_rng(0)
    factors = random.integers(0, 2, size=(200, 2))
    codes = factors + 0.4 * random.normal(size=(200, 2))
    alone = dci(codes, factors, mode="fast")
    beside = dci(np.concatenate([np.full((200, 1), 7.0), codes], axis=1), factors, mode="fast")
    assert beside.disentanglement.value == pytest.approx(alone.disentanglement.value, abs=1e-9)
    assert beside.informativeness.value == alone.informativeness.value
    assert "1 of 3 latents are constant" in beside.disentanglement.warnings


def test_numbers_do_not_depend_on_how_many_work(pair: tuple[Dci, Dci]) -> None:
    random = np.random.default_rng(0)
    factors = random.integers(0, 3, size=(240, 2))
    codes = np.concatenate([factors + 0.5 * random.normal(size=(240, 2)), random.normal(size=(240, 1))], axis=1)
    again = dci(codes, factors, mode="fast", jobs=2)
    assert again.disentanglement == pair[1].disentanglement


@pytest.mark.parametrize("mode", ["reference", "fast"])
def test_continuous_and_circular_factors_are_regressions(mode: str) -> None:
    random = np.random.default_rng(0)
    angle, height = random.uniform(0, 2 * np.pi, size=240), random.normal(size=240)
    codes = np.stack([np.cos(angle), np.sin(angle), height], axis=1)
    kinds = {"angle": "circular"}
    found = dci(codes, {"angle": angle, "height": height}, kinds=kinds, mode=mode)  # type: ignore[arg-type]
    assert found.informativeness.value > 0.95
    assert "test R² of 2 factors" in found.informativeness.estimator
    assert found.disentanglement.value > 0.9
    assert found.completeness.value < found.disentanglement.value


def test_accuracies_and_r2_are_said_apart() -> None:
    random = np.random.default_rng(0)
    codes = random.normal(size=(100, 2))
    found = dci(codes, {"real": codes[:, 0], "sign": (codes[:, 1] > 0).astype(int)}, mode="fast")
    assert any("mean of accuracies and of R²" in warning for warning in found.informativeness.warnings)
    assert "test accuracy of 1 factors" in found.informativeness.estimator
    assert "test R² of 1 factors" in found.informativeness.estimator


def test_what_is_undefined_says_why() -> None:
    codes = np.random.default_rng(0).normal(size=(60, 2))
    one = dci(codes, (codes[:, 0] > 0).astype(int), mode="fast")
    assert one.disentanglement.reason == "one factor leaves nothing to be concentrated among"
    assert not one.completeness.reason
    alone = dci(codes[:, :1], (codes > 0).astype(int), mode="fast")
    assert alone.completeness.reason == "one latent leaves nothing to be concentrated among"
    half = np.concatenate([np.zeros(30), np.arange(30) + 0.5])
    flat = dci(codes, {"half": half, "other": codes[:, 0]}, mode="fast", test_rows=np.arange(30))
    assert "it has no R²" in flat.informativeness.reason
    never = (np.arange(60) < 20).astype(int)
    assert "rows to fit on" in dci(codes, never, test_rows=np.arange(30)).disentanglement.reason
    some = dci(codes, {"never": never, "sign": (codes[:, 0] > 0).astype(int)}, mode="fast", test_rows=np.arange(30))
    assert any("one value: never" in warning for warning in some.completeness.warnings)


@pytest.mark.parametrize("mode", ["fast", "reference"])
def test_importances_of_symbols_are_added_up_for_their_latent(
    grid: np.ndarray, mode: Literal["fast", "reference"]
) -> None:
    names = np.random.default_rng(0).permutation(5)
    codes = np.stack([grid[:, 0], names[grid[:, 2]]], axis=1).astype(float)
    found = dci(codes, {"a": grid[:, 0], "b": grid[:, 2]}, latents="symbols", mode=mode, jobs=1)
    assert found.disentanglement.value == pytest.approx(1, abs=1e-6)
    assert found.completeness.value == pytest.approx(1, abs=1e-6)
    assert found.informativeness.value == 1
    assert "latents read as symbols" in found.disentanglement.estimator
