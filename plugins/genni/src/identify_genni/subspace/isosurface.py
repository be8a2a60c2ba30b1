"""The surface J = ε inside a three-dimensional grid, by marching cubes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from identify_genni.subspace.axes import Array

_FAR = 1e6  # times √ε: outside, as far as the surface is concerned


@attrs.frozen(kw_only=True, eq=False)
class Surface:
    """A triangulated surface.

    Args:
        vertices: coefficients (c1, c2, c3) of its points, (v, 3).
        triangles: three vertex numbers each, (t, 3).
        normals: unit normals that point out of the set J ≤ ε, (v, 3).
        cut: which triangles are not surface J = ε but lie where the grid ends inside the set, (t,).
    """

    vertices: Array
    triangles: Array
    normals: Array
    cut: Array


def find_surface(values: Array, axes: Sequence[Array], tolerance: float, *, closed: bool = False) -> Surface | None:
    """The surface J = ε, or None where the grid lies on one side of it.

    Marching cubes on √J, which is nearly linear where it crosses √ε, so that the linear interpolation along the cells'
    edges is accurate.

    Args:
        values: J over the grid, (n_3, n_2, n_1), finite or infinite.
        axes: the coefficients along b_1, b_2, b_3.
        tolerance: ε, absolute.
        closed: whether to close the surface where the grid ends inside the set.

    Source: Lorensen & Cline 1987, in the variant of Lewiner et al. 2003 (scikit-image).
    """
    from skimage import measure

    marching_cubes: Any = measure.marching_cubes  # untyped
    root, border = np.sqrt(values), float(np.sqrt(tolerance))
    if not root.min() < border or (root.max() <= border and not closed):
        return None
    root = np.minimum(root, _FAR * border)
    steps = np.array([axis[1] - axis[0] for axis in axes])
    first, last = np.array([axis[0] for axis in axes]), np.array([axis[-1] for axis in axes])
    if closed:
        root = np.pad(root, 1, constant_values=_FAR * border)
    found = marching_cubes(root, border, spacing=tuple(steps[::-1]), gradient_direction="ascent")
    vertices = found[0][:, ::-1] + first - (steps if closed else 0)
    normals = -found[2][:, ::-1] / np.maximum(np.linalg.norm(found[2], axis=1, keepdims=True), 1e-12)
    at_end = (np.abs(vertices - first) < 1e-3 * steps) | (np.abs(vertices - last) < 1e-3 * steps)
    cut = at_end[found[1]].all(axis=1).any(axis=1) if closed else np.zeros(len(found[1]), dtype=bool)
    return Surface(vertices=np.clip(vertices, first, last), triangles=found[1], normals=normals, cut=cut)
