"""Dissimilarity matrices: recognised and said to be, and read in every form in which they are published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from identify_core.comparisons.foreign.door import Opened, TakenAs, Terms, open_outside
from identify_core.errors import UsageError

POINTS = np.random.default_rng(0).normal(size=(6, 2))
MATRIX = np.linalg.norm(POINTS[:, None] - POINTS[None], axis=-1)
TRIANGLE = MATRIX[np.triu_indices(6, 1)]


def one(values: Any, taken_as: TakenAs | tuple[()] = (), axes: str = "") -> Opened:
    np.save("m.npy", values)
    (opened,) = open_outside(["m.npy"], Terms(taken_as=taken_as, axes=axes))
    return opened


def with_nan_diagonal() -> Any:
    matrix = MATRIX.copy()
    np.fill_diagonal(matrix, np.nan)
    return matrix


@pytest.mark.parametrize("values", [MATRIX, with_nan_diagonal(), MATRIX.astype(np.float32)])
def test_a_square_symmetric_matrix_with_a_zero_diagonal_is_taken_so_and_said_to_be(values: Any) -> None:
    opened = one(values)
    assert opened.holds == "dissimilarities"
    assert opened.remark.startswith("m.npy is square and symmetric with a zero diagonal: taken as dissimilarities")
    (each,) = opened.representations()
    np.testing.assert_allclose(each.values(), MATRIX, rtol=1e-6)
    assert each.holds == "dissimilarities"
    latents = one(values, "representations")
    assert not latents.remark
    assert latents.representations()[0].holds == "latents"


@pytest.mark.parametrize(
    "values", [MATRIX + np.eye(6), MATRIX + np.triu(np.ones((6, 6))), np.zeros((6, 6)), MATRIX[:5], np.eye(6)]
)
def test_what_is_not_such_a_matrix_is_not_taken_for_one(values: Any) -> None:
    opened = one(values)
    assert opened.holds == "latents"
    assert not opened.remark


def test_a_matrix_among_latents_is_taken_as_latents_and_said_to_be() -> None:
    np.save("m.npy", MATRIX)
    np.save("z.npy", POINTS)
    matrix, latents = open_outside(["m.npy", "z.npy"])
    assert matrix.holds == "latents"
    assert "but is taken as latents, as the others are" in matrix.remark
    assert not latents.remark


@pytest.mark.parametrize(
    ("values", "axes", "labels"),
    [
        (MATRIX, "", ["m.npy"]),
        (TRIANGLE, "", ["m.npy"]),
        (np.stack([MATRIX] * 2), "", ["m.npy[replicate=0]", "m.npy[replicate=1]"]),
        (np.stack([TRIANGLE] * 2), "", ["m.npy[replicate=0]", "m.npy[replicate=1]"]),
        (TRIANGLE[None, None], "subject,session,sample", ["m.npy[subject=0,session=0]"]),
        (MATRIX[None, None], "subject,session,sample,latent", ["m.npy[subject=0,session=0]"]),
    ],
)
def test_every_form_is_read_as_matrices(values: Any, axes: str, labels: list[str]) -> None:
    found = one(values, "dissimilarities", axes).representations()
    assert [each.label for each in found] == labels
    for each in found:
        assert each.shape == (6, 6)
        np.testing.assert_allclose(each.values(), MATRIX)


def test_a_triangle_is_one_latent_unless_said_and_that_is_said() -> None:
    opened = one(TRIANGLE)
    assert opened.representations()[0].shape == (15, 1)
    assert "if it is the upper triangle of 6 × 6 dissimilarities, say --as dissimilarities" in opened.remark
    assert not one(np.arange(16.0)).remark


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (1 - MATRIX / MATRIX.max(), r"its diagonal is not zero but up to 1 \(similarities\? then give 1 − values\)"),
        (np.triu(MATRIX), "it is not symmetric: two entries differ by"),
        (np.where(MATRIX > 2, np.nan, MATRIX), "it has NaN or infinite values off its diagonal"),
        (np.zeros((6, 6)), "all of it is zero"),
        (np.ones((5, 8)), "which no dissimilarity matrix has"),
        (MATRIX[None, None], "has 2 axes before its matrices"),
    ],
)
def test_what_is_not_a_dissimilarity_matrix_is_one_message(values: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        one(values, "dissimilarities")
