"""Inputs: every array is taken right or refused in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from identify_core import IdentifyError
from identify_measures.inputs import InputError, as_matrix, paired

REFUSED: list[tuple[Any, str]] = [
    (np.ones((3, 2), dtype=bool), "z holds true and false, not real numbers"),
    (torch.ones(3, 2, dtype=torch.bool), "z holds true and false, not real numbers"),
    (np.ones((3, 2), dtype=complex), "z holds complex numbers, not real numbers"),
    (torch.ones(3, 2, dtype=torch.complex64), "z holds complex numbers, not real numbers"),
    (np.array([[1, None]], dtype=object), "z holds Python objects, not real numbers"),
    (np.array(["a", "b"]), "z holds str32 values, not real numbers"),
    (np.array([[1.0, np.nan], [np.inf, 1.0], [1.0, 1.0]]), "z has NaN or infinite values in 2 rows of 3"),
    (np.ones((1, 3)), "z has 1 row; at least 2 are needed"),
    (np.ones((2, 2, 2)), "z has the shape (2, 2, 2)"),
    (np.ones((4, 0)), "z has the shape (4, 0)"),
    (np.float64(3.0), "z has the shape ()"),
    (np.ma.array([[1.0], [2.0], [3.0]], mask=[[0], [1], [0]]), "z has 1 masked values"),
    ([[1.0, 2.0], [3.0]], "z is not a rectangular array of numbers"),
]


@pytest.mark.parametrize(("array", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refused(array: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        as_matrix(array, "z")
    assert caught.value.message == message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, IdentifyError)


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        ("int8", "float64"),
        ("uint64", "float64"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
        (">f4", "float32"),
    ],
)
def test_types(dtype: str, kept: str) -> None:
    matrix = as_matrix(np.arange(6).reshape(3, 2).astype(dtype))
    assert str(matrix.values.dtype) == f"torch.{kept}"
    assert matrix.values.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_one_dimension_is_one_column() -> None:
    assert as_matrix([1.0, 2.0, 3.0]).values.shape == (3, 1)


def test_views_with_negative_strides_and_read_only_arrays_are_taken() -> None:
    array = np.arange(6.0).reshape(3, 2)
    assert as_matrix(array[::-1]).values.tolist() == [[4, 5], [2, 3], [0, 1]]
    array.flags.writeable = False
    assert as_matrix(array).values.tolist() == array.tolist()


def test_finite_values_whose_sum_overflows_are_finite() -> None:
    assert as_matrix(np.full((3, 2), 3e38, dtype=np.float32)).n == 3


def test_the_callers_array_is_never_written_to() -> None:
    import identify_measures as measures

    x = np.random.default_rng(0).normal(size=(30, 3)) * 1e12
    before = x.copy()
    measures.linear_cka(x, x)
    measures.cca(torch.from_numpy(x), x)
    assert np.array_equal(x, before)


def test_pairs_have_as_many_rows() -> None:
    with pytest.raises(InputError, match=r"(?m)^x has 3 rows and y has 4$"):
        paired(np.ones((3, 1)), np.ones((4, 1)))
