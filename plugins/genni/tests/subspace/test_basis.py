"""The offset basis is orthonormal, spans what it should, has canonical signs and refuses degenerate points."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from identify_core import OptionsError
from identify_genni.subspace.basis import span_directions, span_points


def points(seed: int, count: int, size: int) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(4, 40))
def test_basis_is_orthonormal_and_spans_the_points(seed: int, count: int, size: int) -> None:
    centre, others = points(seed, 1, size)[0], points(seed + 1, count, size)
    subspace = span_points(centre, others, names=[str(k) for k in range(count)])
    assert torch.allclose(subspace.basis @ subspace.basis.T, torch.eye(count, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(subspace.points(subspace.coordinates(others)), others, atol=1e-11)
    assert float(subspace.distance(others).max()) < 1e-11
    assert subspace.coordinates(centre).abs().max() == 0


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_coordinates_are_triangular_with_a_positive_diagonal(seed: int, count: int) -> None:
    others = points(seed, count, 9)
    coordinates = span_points(torch.zeros(9), others, names=[str(k) for k in range(count)]).coordinates(others)
    assert (coordinates.diagonal() > 0).all()
    assert coordinates.triu(1).abs().max() < 1e-12


def test_basis_equals_gram_schmidt() -> None:
    others = points(3, 3, 7)
    expected: list[torch.Tensor] = []
    for point in others:
        rest = point - sum((point @ b) * b for b in expected) if expected else point
        expected.append(rest / rest.norm())
    found = span_points(torch.zeros(7), others, names=["a", "b", "c"]).basis
    assert torch.allclose(found, torch.stack(expected), atol=1e-12)


def test_order_decides_the_first_direction_but_not_the_span() -> None:
    others = points(4, 3, 8)
    one = span_points(torch.ones(8), others, names=["a", "b", "c"])
    other = span_points(torch.ones(8), others.flip(0), names=["c", "b", "a"])
    assert torch.allclose(one.basis[0] * (others[0] - 1).norm(), others[0] - 1, atol=1e-12)
    assert not torch.allclose(one.basis, other.basis, atol=1e-3)
    assert torch.allclose(one.basis.T @ one.basis, other.basis.T @ other.basis, atol=1e-12)


def test_the_centre_among_the_points_is_refused() -> None:
    centre = points(1, 1, 5)[0]
    with pytest.raises(OptionsError, match="direction to replicate 1 is zero: it is the same point as replicate 0"):
        span_points(
            centre,
            torch.stack([centre + 1, centre]),
            names=["replicate 3", "replicate 1"],
            centre_name="replicate 0",
        )


def test_a_dependent_point_is_named() -> None:
    first, second = points(2, 2, 6)
    with pytest.raises(OptionsError, match="direction to c depends linearly on those to a, b"):
        span_points(torch.zeros(6), torch.stack([first, second, first - 2 * second]), names=["a", "b", "c"])


def test_more_directions_than_parameters_are_refused() -> None:
    with pytest.raises(OptionsError, match="3 directions cannot be independent in a space of 2 parameters"):
        span_directions(torch.zeros(2), points(0, 3, 2), names=["a", "b", "c"])
