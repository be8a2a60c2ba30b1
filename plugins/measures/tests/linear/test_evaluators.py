"""The family as evaluators: one preparation for all, the same numbers as the functions, and a cost said before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

import identify_measures as measures
from identify_core import Score, Subject, load_target
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent
from identify_measures.catalogue import CATALOGUE
from identify_measures.options.linear import PairOptions, WeakMatchingOptions
from identify_measures.statistics.gathering import Memory, from_representations

FAMILY = [each for each in CATALOGUE.values() if each.family == "linear"]


@pytest.mark.parametrize("measure", [each for each in FAMILY if each.arity == "pair"], ids=lambda each: each.name)
def test_a_pair_has_the_score_of_the_function(measure: Any, pair: tuple[Any, Any], tmp_path: Path) -> None:
    context = make_context(tmp_path)
    representations = tuple(represent(each, name) for each, name in zip(pair, "xy", strict=True))
    prepared = load_target(measure.prepare)(representations, context)
    subject = Subject(representations=representations, prepared=prepared, indices=(0, 1))
    score = load_target(measure.target)(measure.options(), subject, context)
    alone = load_target(measure.function)(*pair)
    assert score.value == pytest.approx(alone.value, abs=1e-10)
    assert (score.n, score.widths, score.measure) == (400, (6, 4), measure.name)
    assert score.interval is not None


def weak(
    options: WeakMatchingOptions,
    pair: tuple[Any, Any],
    folder: Path,
    **more: Any,
) -> Score:
    """The evaluator `weak-mcc` on a pair."""
    measure, context = CATALOGUE["weak-mcc"], make_context(folder)
    representations = tuple(represent(each, name) for each, name in zip(pair, "xy", strict=True))
    prepared = from_representations(representations, context.device, **more)
    subject = Subject(representations=representations, prepared=prepared, indices=(0, 1))
    score: Score = load_target(measure.target)(options, subject, context)
    return score


def test_weak_mcc_of_ranks_can_be_had_from_options(pair: tuple[Any, Any], tmp_path: Path) -> None:
    score = weak(WeakMatchingOptions(correlation_of="ranks"), pair, tmp_path)
    x, y = (each - each.mean(0) for each in map(np.asarray, pair))
    (u, _, _), (v, _, _) = (np.linalg.svd(each, full_matrices=False) for each in (x, y))
    left, _, right = np.linalg.svd(u.T @ v, full_matrices=False)
    count = min(x.shape[1], y.shape[1])
    ranked = [spearmanr((u @ left)[:, k], (v @ right.T)[:, k]).statistic for k in range(count)]
    assert score.value == pytest.approx(np.mean(np.abs(ranked)), abs=1e-9)
    assert score.value == measures.weak_mcc(*pair, correlation_of="ranks").value
    assert score.value != weak(WeakMatchingOptions(), pair, tmp_path).value
    assert score.interval is None
    assert "Spearman" in score.estimator
    for more in ({"interval": "always"}, {"chance_draws": 3}):
        with pytest.raises(ValueError, match='correlation_of is "ranks", for which there is neither an interval nor'):
            WeakMatchingOptions(correlation_of="ranks", **more)


def test_ranks_of_rows_that_are_not_at_hand_are_refused(pair: tuple[Any, Any], tmp_path: Path) -> None:
    options = WeakMatchingOptions(correlation_of="ranks")
    score = weak(options, pair, tmp_path, memory=Memory(rows=0))
    assert score.reason == "ranks need all rows in memory, and these are read block by block"


def test_one_representation_by_itself(pair: tuple[Any, Any], tmp_path: Path) -> None:
    evaluator = CATALOGUE["total-correlation"]
    subject = Subject(representations=(represent(pair[0]),))
    score = load_target(evaluator.target)(evaluator.options(), subject, make_context(tmp_path))
    assert score.value == pytest.approx(measures.total_correlation(pair[0]).value)


def test_all_share_one_preparation_and_its_cost_is_said_once() -> None:
    pairs = [each for each in FAMILY if each.arity == "pair"]
    assert len({each.prepare for each in pairs}) == 1
    estimate = load_target(pairs[0].estimate)
    small, long = (estimate(PairOptions(), [(n, 64)] * 4) for n in (1000, 10_000_000))
    assert long.shared.operations == 10_000 * small.shared.operations
    assert long.work == small.work
    assert long.bytes < 2**30


def test_names_of_the_package_are_the_functions_of_the_catalogue() -> None:
    for each in FAMILY:
        assert getattr(measures, each.name.replace("-", "_")) is load_target(each.function)
    with pytest.raises(AttributeError, match="no attribute 'linear_kca'"):
        _ = measures.linear_kca


def test_half_precision_and_integers_are_taken_as_they_are(pair: tuple[Any, Any]) -> None:
    x = np.round(pair[0] * 100).astype(np.int16)
    assert measures.linear_cka(x, x.astype(np.float16)).dtype == "int16 and float16"
    assert measures.linear_cka(x, x.astype(np.float16)).value == pytest.approx(1.0, abs=1e-6)
