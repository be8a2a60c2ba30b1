"""The evaluator `agreement`: theorems about the measure, then the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from identify_core import Finding, LabelledArray
from identify_core.testing.transformations import draw_map

from identify_your_plugin.evaluator import agreement, column_space, draw_agreement
from identify_your_plugin.options import AgreementOptions


def drawn(rows: int = 200, width: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width))


def between(first: np.ndarray, second: np.ndarray) -> float:
    return agreement(column_space(first, 1e-6), column_space(second, 1e-6))


@pytest.mark.parametrize("rung", ["permutation-scaling", "similarity", "affine"])
def test_it_is_one_under_maps_of_its_rung(rung: str) -> None:
    map_ = draw_map(rung, 3, np.random.default_rng(1))
    assert between(drawn(), map_(drawn())) == pytest.approx(1)


def test_it_is_invariant_to_them() -> None:
    map_ = draw_map("affine", 3, np.random.default_rng(1))
    assert between(drawn(), map_(drawn(seed=2))) == pytest.approx(between(drawn(), drawn(seed=2)))


def test_a_map_of_a_larger_rung_changes_it() -> None:
    map_ = draw_map("permutation-monotone", 3, np.random.default_rng(1))
    assert between(drawn(), map_(drawn())) < 0.999


def test_it_is_the_squared_correlation_of_two_columns() -> None:
    first, second = drawn(width=1), drawn(width=1) + drawn(width=1, seed=2)
    assert between(first, second) == pytest.approx(np.corrcoef(first[:, 0], second[:, 0])[0, 1] ** 2)


def test_independent_representations_have_the_value_of_chance() -> None:
    values = [between(drawn(seed=2 * seed), drawn(seed=2 * seed + 1)) for seed in range(200)]
    assert np.mean(values) == pytest.approx(3 / 199, rel=0.1)


def test_columns_that_repeat_do_not_count_twice() -> None:
    assert column_space(np.repeat(drawn(), 2, axis=1), 1e-6).shape == (200, 3)


def test_a_constant_representation_has_no_value() -> None:
    assert np.isnan(between(drawn(), np.full((200, 3), 0.1)))


def test_the_picture_is_drawn_from_the_finding_alone() -> None:
    arrays: Mapping[str, LabelledArray] = {
        "labels": LabelledArray(values=np.array(["a", "b"]), dimensions=("representation",)),
        "value": LabelledArray(values=np.eye(2), dimensions=("representation", "other")),
    }
    (figure,) = draw_agreement(AgreementOptions(), Finding(arrays=arrays), None)
    (axes, _) = figure.static.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
