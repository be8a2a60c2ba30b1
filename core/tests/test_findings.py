"""Findings hold plain values only, and tables as wide as their columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify_core.findings import Finding, LabelledArray, Scored, Table


def test_numpy_and_torch_scalars_become_pythons_own() -> None:
    finding = Finding(scalars={"a": np.float32(0.5), "b": torch.tensor(3), "c": np.bool_(True), "d": None})
    assert finding.scalars == {"a": 0.5, "b": 3, "c": True, "d": None}
    assert [type(value) for value in finding.scalars.values()] == [float, int, bool, type(None)]


def test_what_is_no_scalar_is_refused() -> None:
    with pytest.raises(TypeError, match="not list"):
        Finding(scalars={"a": [1]})


def test_a_rows_width_is_checked() -> None:
    with pytest.raises(ValueError, match="2 cells under 1 columns"):
        Table(columns=("a",), rows=[(1, 2)])


def test_dimensions_are_checked() -> None:
    with pytest.raises(ValueError, match="1 dimension names for an array of shape"):
        LabelledArray(values=np.zeros((2, 3)), dimensions=("replicate",))


def test_an_array_of_a_finding_is_written_as_a_tuple_too() -> None:
    values = np.arange(6.0).reshape(2, 3)
    given = LabelledArray(values=values, dimensions=("replicate", "step"), summary="loss")
    found = Finding(
        arrays={"a": given, "b": (("replicate", "step"), values, "loss"), "c": (["step"], [1, 2])},
    )
    assert found.arrays["a"] is given
    assert repr(found.arrays["b"]) == repr(given)
    assert found.arrays["b"].values is values
    assert repr(found.arrays["c"]) == "<array 2 step, int64: >"
    assert repr(Scored(scores={}, arrays={"b": (("step",), [1])}).arrays["b"]) == "<array 1 step, int64: >"


@pytest.mark.parametrize("wrong", [np.zeros(2), [("step",), np.zeros(2)], (("step",),), ("step", np.zeros(2))])
def test_what_is_not_a_labelled_array_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"'a' must be a LabelledArray or a tuple \(dimensions, values, summary\)"):
        Finding(arrays={"a": wrong})  # type: ignore[dict-item]


def test_a_tuple_names_each_axis() -> None:
    with pytest.raises(ValueError, match=r"1 dimension names for an array of shape \(2, 3\)"):
        Finding(arrays={"a": (("step",), np.zeros((2, 3)))})
