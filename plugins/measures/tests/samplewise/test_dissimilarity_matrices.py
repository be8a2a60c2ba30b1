"""The evaluator of matrices that are already there: the value of the function, and what chance would give."""

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
from identify_measures.catalogue import measure
from identify_measures.options.samplewise import DissimilaritiesOptions


def matrix(seed: int, n: int = 12) -> Any:
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def evaluate(folder: Path, first: Any, second: Any, **options: Any) -> Score:
    representations = tuple(
        represent(values, f"m{number}", holds="dissimilarities") for number, values in enumerate((first, second))
    )
    subject = Subject(representations=representations, indices=(0, 1))
    found = load_target(measure("dissimilarities").target)(
        DissimilaritiesOptions(**options), subject, make_context(folder)
    )
    assert isinstance(found, Score)
    return found


def test_the_value_is_that_of_the_upper_triangles(tmp_path: Path) -> None:
    first, second = matrix(0), matrix(1)
    above = np.triu_indices(12, 1)
    found = evaluate(tmp_path, first, second)
    assert found.value == pytest.approx(spearmanr(first[above], second[above]).statistic)
    assert found.value == pytest.approx(measures.compare_dissimilarities(first, second))
    assert found.n == 12
    assert "Spearman's correlation" in found.estimator
    pearson = evaluate(tmp_path, first, second, comparison="pearson").value
    assert pearson == pytest.approx(np.corrcoef(first[above], second[above])[0, 1])


def test_chance_is_the_mean_over_all_orders_of_the_samples(tmp_path: Path) -> None:
    from itertools import permutations

    first, second = matrix(2, 6), matrix(3, 6)
    values = [
        measures.compare_dissimilarities(first, second[np.ix_(order, order)], comparison="pearson")
        for order in map(list, permutations(range(6)))
    ]
    found = evaluate(tmp_path, first, second, comparison="pearson")
    assert found.chance is not None
    assert np.mean(values) == pytest.approx(found.chance.mean, abs=1e-12)
    assert evaluate(tmp_path, first, second, comparison="cosine").chance is None


def test_constant_dissimilarities_have_no_value_but_a_reason(tmp_path: Path) -> None:
    found = evaluate(tmp_path, matrix(0), 1 - np.eye(12))
    assert found.reason == "all dissimilarities of m0 or m1 are the same"
