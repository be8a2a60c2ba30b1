"""Indicators and slopes are judged latent by latent, in the units of the truth, with what guessing would give."""

from __future__ import annotations

import numpy as np
import pytest

from identify_mtlcm.evaluators.alignment import align
from identify_mtlcm.evaluators.tasks_recovered import area_under_curve, gamma_recovery, indicator_recovery

generator = np.random.default_rng(0)
Z = generator.standard_normal((300, 3))
CAUSAL = generator.uniform(size=(40, 3)) < 0.3
GAMMA = generator.uniform(-1, 1, (40, 3))
ORDER, SCALES = [2, 0, 1], np.array([-2.0, 0.25, 5.0])
MATCHED = align(Z, Z[:, ORDER] * SCALES)


def test_the_right_answer_in_another_order_is_right() -> None:
    found = indicator_recovery(CAUSAL, np.where(CAUSAL, 0.9, 0.2)[:, ORDER], MATCHED)
    assert found.accuracy == 1
    assert found.auc == 1
    assert found.majority == pytest.approx(max(CAUSAL.mean(), 1 - CAUSAL.mean()))


def test_one_answer_for_all_is_the_majority_and_has_no_order() -> None:
    found = indicator_recovery(CAUSAL, np.full_like(GAMMA, 0.1), MATCHED)
    assert found.accuracy == pytest.approx(1 - CAUSAL.mean())
    assert found.auc == 0.5


@pytest.mark.parametrize("kind", [True, False])
def test_tasks_of_one_kind_have_no_area_under_the_curve(kind: bool) -> None:
    found = indicator_recovery(np.full((4, 3), kind), np.full((4, 3), 0.7), MATCHED)
    assert found.auc is None
    assert found.majority == 1
    assert found.accuracy == float(kind)


def test_the_area_under_the_curve_counts_pairs() -> None:
    positive, score = generator.uniform(size=60) < 0.4, generator.integers(0, 8, 60).astype(float)
    wins = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    assert area_under_curve(positive, score) == pytest.approx(np.mean(wins))


def test_slopes_are_judged_in_the_units_of_the_truth() -> None:
    effects = np.where(CAUSAL, 0, GAMMA)
    found = gamma_recovery(GAMMA, CAUSAL, effects[:, ORDER] * SCALES, MATCHED)
    assert found is not None
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.correlation == pytest.approx(1)


def test_saying_no_slope_is_an_error_of_all_of_it() -> None:
    found = gamma_recovery(GAMMA, CAUSAL, np.zeros_like(GAMMA), MATCHED)
    assert found is not None
    assert found.relative == pytest.approx(1)
    assert np.isnan(found.correlation)


def test_slopes_of_causal_latents_do_not_count() -> None:
    wrong = np.where(CAUSAL, 99.0, GAMMA)
    found = gamma_recovery(GAMMA, CAUSAL, wrong[:, ORDER] * SCALES, MATCHED)
    assert found is not None
    assert found.error == pytest.approx(0, abs=1e-12)


def test_all_causal_tasks_have_no_slopes() -> None:
    assert gamma_recovery(GAMMA, np.ones_like(CAUSAL), GAMMA, MATCHED) is None
