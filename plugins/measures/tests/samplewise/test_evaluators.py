"""The evaluators: what the library gives, from shared preparations; declared invariances hold and others do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import identify_measures as measures
from identify_core import Cost, Subject, load_target
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent
from identify_measures.catalogue.samples import SAMPLES
from identify_measures.inputs import InputError
from identify_measures.samplewise import neighbours

from .reference import pair, rotation

N = 60
NAMES = [each.name for each in SAMPLES]
BY_NAME = {each.name: each for each in SAMPLES}


def options_of(name: str) -> Any:
    """The defaults, with batches that the few rows here fill."""
    kind = BY_NAME[name].options
    return kind(batch=20) if name == "minibatch-cka" else kind()


def evaluate(name: str, folder: Path, *arrays: np.ndarray) -> dict[tuple[int, int], Any]:
    """Every pair, as `identify compare` asks for them."""
    context = make_context(folder)
    representations = tuple(represent(each, f"r{i}") for i, each in enumerate(arrays))
    prepared = load_target(BY_NAME[name].prepare)(representations, context)
    target = load_target(BY_NAME[name].target)
    return {
        (i, j): target(
            options_of(name),
            Subject(representations=(representations[i], representations[j]), prepared=prepared, indices=(i, j)),
            context,
        )
        for i in range(len(arrays))
        for j in range(i, len(arrays))
    }


@pytest.mark.parametrize("name", NAMES)
def test_an_evaluator_gives_what_the_function_gives(name: str, tmp_path: Path) -> None:
    x, y = pair(n=N)
    z = np.random.default_rng(7).normal(size=(N, 5)).astype(np.float32)
    scores = evaluate(name, tmp_path, x, y, z)
    function = getattr(measures, name.replace("-", "_"))
    extra = {"batch": 20} if name == "minibatch-cka" else {}
    for (i, j), score in scores.items():
        alone = function((x, y, z)[i], (x, y, z)[j], **extra)
        assert score.value == pytest.approx(alone.value, abs=1e-7)  # products of float32 rows
        assert score.estimator == alone.estimator
        assert score.n == alone.n
        low, high = BY_NAME[name].bounds
        assert low <= score.value <= high
    assert scores[0, 2].dtype == "float64 and float32"


@pytest.mark.parametrize("name", NAMES)
def test_estimates_are_given_in_words_that_compare_knows(name: str) -> None:
    cost = load_target(BY_NAME[name].estimate)(options_of(name), [(1000, 30), (1000, 20)])
    assert isinstance(cost, Cost)
    assert cost.bytes > 0
    larger = load_target(BY_NAME[name].estimate)(options_of(name), [(100_000, 30), (100_000, 20)])
    small, large = (each.work.operations + each.work.elements for each in (cost, larger))  # a sample makes no products
    assert large >= small
    assert larger.bytes < 8 * 100_000**2


ELEMENTS = {
    "permutation": lambda d: np.eye(d)[np.random.default_rng(2).permutation(d)],
    "permutation-positive-scaling": lambda d: (
        np.eye(d)[np.random.default_rng(2).permutation(d)] * np.linspace(0.3, 3, d)
    ),
    "orthogonal": lambda d: rotation(d),
    "similarity": lambda d: 1.7 * rotation(d),
    "permutation-scaling": lambda d: (
        np.eye(d)[np.random.default_rng(2).permutation(d)] * np.where(np.arange(d) % 2, -1.5, 0.4)
    ),
    "linear": lambda d: np.random.default_rng(3).normal(size=(d, d)),
}
OUTSIDE = {
    "permutation": "permutation-scaling",
    "permutation-positive-scaling": "permutation-scaling",
    "orthogonal": "linear",
    "similarity": "linear",
    "permutation-monotone": "orthogonal",
}


@pytest.mark.parametrize("name", NAMES)
def test_declared_rungs_change_nothing_and_one_beyond_does(name: str, tmp_path: Path) -> None:
    x, y = pair(n=N)
    (rung,) = BY_NAME[name].invariant_to
    if rung == "permutation-monotone":
        within = np.sinh(x) @ ELEMENTS["permutation-scaling"](6)
    else:
        within = x @ ELEMENTS[rung](6) + (5.0 if rung == "similarity" else 0.0)
    value = evaluate(name, tmp_path, x, y)[0, 1].value
    assert evaluate(name, tmp_path, within, y)[0, 1].value == pytest.approx(value, abs=1e-9)
    assert evaluate(name, tmp_path, y, within)[0, 1].value == pytest.approx(
        evaluate(name, tmp_path, y, x)[0, 1].value, abs=1e-9
    )
    beyond = x @ ELEMENTS[OUTSIDE[rung]](6)
    assert abs(evaluate(name, tmp_path, beyond, y)[0, 1].value - value) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_exactly_the_symmetric_measures_do_not_see_the_order(name: str, tmp_path: Path) -> None:
    x, y = pair(n=N)
    there, back = evaluate(name, tmp_path, x, y)[0, 1], evaluate(name, tmp_path, y, x)[0, 1]
    assert (abs(there.value - back.value) < 1e-12) == BY_NAME[name].symmetric


def test_neighbours_are_found_once_a_representation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from identify_measures.samplewise import shared

    calls: list[str] = []

    def counted(rows, similarity, k):  # type: ignore[no-untyped-def]
        calls.append(rows.name)
        return neighbours.nearest(rows, similarity, k)

    monkeypatch.setattr(shared, "nearest", counted)
    x, y = pair(n=N)
    evaluate("mutual-knn", tmp_path, x, y, x + 1, y + 1)
    assert sorted(calls) == ["r0", "r1", "r2", "r3"]


def test_a_stored_representation_with_nan_is_refused_by_its_label(tmp_path: Path) -> None:
    x, y = pair(n=N)
    y[4, 1] = np.nan
    with pytest.raises(InputError, match=r"r1 has NaN or infinite values in 1 row of"):
        evaluate("rbf-cka", tmp_path, x, y)
