"""Findings hold plain values only, and tables as wide as their columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify_core.findings import Finding, LabelledArray, Table


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
