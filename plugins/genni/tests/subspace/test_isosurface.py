"""Marching cubes on √J gives spheres where there are spheres, with outward normals, closed where asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from identify_genni.subspace.isosurface import find_surface

Array = np.ndarray[Any, Any]
AXES = (np.linspace(-1.5, 1.5, 40), np.linspace(-2.0, 2.0, 50), np.linspace(-1.0, 3.0, 45))


@pytest.fixture
def squared() -> Array:
    """The squared distance from (0, 0, 1): its root is the distance, as √J is."""
    c3, c2, c1 = np.meshgrid(*AXES[::-1], indexing="ij")
    return np.asarray(c1**2 + c2**2 + (c3 - 1) ** 2)


def test_a_sphere_has_its_radius_its_centre_and_outward_normals(squared: Array) -> None:
    surface = find_surface(squared, AXES, 1.0)
    assert surface is not None
    away = surface.vertices - np.array([0, 0, 1])
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), 1, atol=2e-3)
    assert (np.einsum("ij,ij->i", away, surface.normals) > 0.98).all()
    corners = surface.vertices[surface.triangles]
    winding = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", winding, corners.mean(1) - np.array([0, 0, 1])) > 0).all()
    assert not surface.cut.any()


def test_a_surface_that_leaves_the_grid_is_closed_with_marked_faces(squared: Array) -> None:
    opened, closed = find_surface(squared, AXES, 1.7**2), find_surface(squared, AXES, 1.7**2, closed=True)
    assert opened is not None
    assert closed is not None
    assert not opened.cut.any()
    corners = closed.vertices[closed.triangles[closed.cut]]
    assert len(corners) > 100
    np.testing.assert_allclose(np.abs(corners[..., 0]), 1.5, atol=1e-3)
    edges = np.sort(np.concatenate([closed.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert (uses == 2).all()


def test_no_surface_where_the_grid_lies_on_one_side(squared: Array) -> None:
    assert find_surface(squared, AXES, 1e-9) is None
    assert find_surface(squared, AXES, 1e9) is None
    assert find_surface(squared, AXES, 1e9, closed=True) is not None


def test_infinite_values_are_outside(squared: Array) -> None:
    surface = find_surface(np.where(squared > 1.44, np.inf, squared), AXES, 1.0)
    assert surface is not None
    assert np.isfinite(surface.vertices).all()
    assert np.isfinite(surface.normals).all()
