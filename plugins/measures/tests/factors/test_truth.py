"""How factors are read: kinds, classes, targets, and every message."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify_core import Factor
from identify_measures.factors.truth import as_truth
from identify_measures.inputs import InputError


def test_kinds_are_guessed_from_the_type_and_doubts_are_said() -> None:
    truth, notes = as_truth(
        {"text": np.array(["b", "a", "b"]), "whole": np.array([2, 7, 2]), "real": np.array([0.5, 1.5, 2.0])}, 3
    )
    assert [factor.kind for factor in truth] == ["categorical", "categorical", "continuous"]
    assert truth[0].labels.tolist() == [1, 0, 1]
    assert truth[1].labels.tolist() == [0, 1, 0]
    assert notes == ["factor 'whole' holds integers and was read as categorical: say its kind"]
    _, doubts = as_truth(np.array([0.0, 1.0, 2.0]), 3)
    assert doubts == ["factor 'factor 0' holds whole numbers as floats and was read as continuous: say its kind"]
    _, said = as_truth({"a": Factor(values=np.array([2, 7, 2]), kind="categorical")}, 3)
    assert said == []
    _, stored = as_truth({"a": Factor(values=np.array([2, 7, 2]), kind="categorical", guessed=True)}, 3)
    assert stored == ["factor 'a' holds integers and was read as categorical: say its kind"]


def test_kinds_can_be_said_for_all_one_by_one_or_by_name() -> None:
    table = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.5]])
    for kinds in ("ordinal", ["ordinal", "ordinal"], {"factor 0": "ordinal", "factor 1": "ordinal"}):
        truth, notes = as_truth(table, 3, kinds=kinds)
        assert [factor.kind for factor in truth] == ["ordinal", "ordinal"]
        assert not any("whole numbers" in note for note in notes)
    truth, _ = as_truth({"a": Factor(values=table[:, 0], kind="circular")}, 3)
    assert truth[0].kind == "circular"
    truth, _ = as_truth({"a": Factor(values=table[:, 0], kind="circular")}, 3, kinds="ordinal")
    assert truth[0].kind == "ordinal"


def test_a_tensor_is_an_array() -> None:
    truth, _ = as_truth(torch.tensor([[0, 1], [1, 0]]), 2)
    assert [factor.labels.tolist() for factor in truth] == [[0, 1], [1, 0]]


def test_a_continuous_factor_is_cut_as_numpy_cuts_histograms() -> None:
    values = np.random.default_rng(0).normal(size=200)
    (factor,), _ = as_truth(values, 200, bins=7)
    counts = np.histogram(values, bins=7)[0]
    assert np.bincount(factor.labels).tolist() == counts[counts > 0].tolist()
    assert np.array_equal(factor.targets[:, 0], values)


def test_a_circle_has_no_seam() -> None:
    angles = np.array([0.1, 2 * np.pi + 0.1, -2 * np.pi + 0.1, np.pi])
    for values, kind in ((angles, "circular"), (np.rad2deg(angles), "degrees")):
        (factor,), _ = as_truth(values, 4, kinds=kind, bins=4)
        assert factor.kind == "circular"
        assert factor.labels.tolist() == [0, 0, 0, 1]
        assert np.allclose(factor.targets[:3], [np.cos(0.1), np.sin(0.1)])


def test_a_factor_of_unique_values_is_no_set_of_classes() -> None:
    _, notes = as_truth(np.arange(50), 50, kinds="ordinal")
    assert notes == ["factor 'factor 0' has 50 values on 50 rows: read as ordinal, it is known by heart"]


@pytest.mark.parametrize(
    ("factors", "kinds", "message"),
    [
        ({}, None, "there are no factors"),
        (np.zeros((3, 0), dtype=int), None, "there are no factors"),
        (np.zeros(4, dtype=int), None, "has the shape \\(4,\\), and there are 3 rows"),
        (np.zeros((3, 2, 2), dtype=int), None, "factors have the shape"),
        (np.zeros(3, dtype=int), "cyclic", "cannot be 'cyclic'; a factor is continuous"),
        (np.zeros(3, dtype=int), ["ordinal", "ordinal"], "2 kinds for 1 factors"),
        ({"shape": np.zeros(3, dtype=int)}, {"shapes": "ordinal"}, "no factor 'shapes'"),
        (np.array([0.0, np.nan, 1.0]), None, "no value in 1 of 3 rows, the first of them row 1"),
        (np.ma.masked_equal(np.array([[1], [2], [3]]), 2), None, "no value in 1 of 3 rows, the first of them row 1"),
        (np.array([1.0, np.inf, 1.0]), None, "1 infinite values"),
        (np.array(["a", "b", "c"]), "continuous", "must hold numbers"),
        (np.array([10.0, 350.0, 90.0]), "circular", "values up to 350; circular values are in radians"),
        (np.array([1j, 2j, 3j]), "ordinal", "complex128 values, not numbers"),
    ],
)
def test_what_is_refused(factors: object, kinds: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_truth(factors, 3, kinds=kinds)  # type: ignore[arg-type]
