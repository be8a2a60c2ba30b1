"""What an evaluator finds out becomes a score with what its record says and the sizes of what it looked at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from identify_core.components import Evaluator
from identify_core.evaluation.completion import completed
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.findings import LabelledArray, Scored
from identify_core.scores import Chance, Interval, Measured, Score, Verdict
from identify_core.testing.representations import represent

RECORD = Evaluator(
    name="gap",
    summary="How far apart.",
    target="gap:measure",
    arity="pair",
    bounds=(0.0, None),
    larger_is="more distant",
    is_metric=True,
    invariant_to=("orthogonal",),
)


def subject(*dtypes: str) -> Subject:
    def one(number: int, dtype: str) -> Representation:
        values = np.zeros((30, 2 + number), dtype=dtype)
        return represent(values, str(number), replicate=number)

    return Subject(representations=tuple(one(number, dtype) for number, dtype in enumerate(dtypes)))


@pytest.mark.parametrize("given", [1.5, np.float32(1.5), Measured(1.5)])
def test_a_number_is_enough(given: object) -> None:
    assert completed(given, RECORD, subject("float32", "float64")) == Score(
        measure="gap",
        value=1.5,
        larger_is="more distant",
        bounds=(0.0, math.inf),
        is_metric=True,
        invariant_to=("orthogonal",),
        n=30,
        widths=(2, 3),
        estimator="How far apart.",
        dtype="float32 and float64",
    )


def test_what_was_measured_is_kept() -> None:
    measured = Measured(
        2.0,
        n=15,
        estimator="on one half",
        ranks=(2, 3),
        interval=Interval(low=1.0, high=3.0, level=0.95, method="jackknife"),
        chance=Chance(mean=4.0),
        invariant_to=("identity",),
        warnings=("few rows", "few rows"),
    )
    score = completed(measured, RECORD, subject("float32", "float32"))
    assert (score.n, score.estimator, score.ranks, score.invariant_to) == (15, "on one half", (2, 3), ("identity",))
    assert (score.interval, score.chance) == (measured.interval, measured.chance)
    assert score.warnings == ("few rows",)
    assert score.dtype == "float32"


@pytest.mark.parametrize(("value", "shown"), [(-1e-12, 0.0), (-1e-3, -1e-3), (1e300, 1e300)])
def test_rounding_alone_does_not_leave_the_bounds(value: float, shown: float) -> None:
    assert completed(value, RECORD, subject("float32")).value == shown


def test_names_and_arrays_are_kept() -> None:
    arrays = {"matrix": LabelledArray(values=np.zeros(2), dimensions=("latent",))}
    found = completed(Scored(scores={"a": 1.0, "b": Measured(2.0)}, arrays=arrays), RECORD, subject("float32"))
    assert {name: (each.measure, each.value) for name, each in found.scores.items()} == {
        "a": ("a", 1.0),
        "b": ("b", 2.0),
    }
    assert found.arrays["matrix"] is arrays["matrix"]


def test_nan_comes_with_a_reason() -> None:
    assert completed(math.nan, RECORD, subject("float32")).reason == "the evaluator gave NaN"
    assert completed(Measured(math.nan, reason="no variance"), RECORD, subject("float32")).reason == "no variance"
    with pytest.raises(ValueError, match="gap: a NaN comes with its reason, and only a NaN does"):
        completed(Measured(math.nan), RECORD, subject("float32"))


def test_what_is_not_a_number_is_left_to_the_caller() -> None:
    verdict = Verdict(residuals={}, tolerance=0.1, lowest=())
    for given in (verdict, "many", None, True):
        assert completed(given, RECORD, subject("float32")) is given
