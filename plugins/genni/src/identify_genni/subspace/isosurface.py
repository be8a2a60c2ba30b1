"""The surface J = ε inside a three-dimensional grid, by marching cubes, and line segments of J = ε in two."""

from __future__ import annotations

import attrs
import numpy as np

from identify_genni.subspace.axes import Array


@attrs.frozen(kw_only=True, eq=False)
class Surface:
    """A triangulated surface.

    Args:
        vertices: coefficients (c1, c2, c3) of its points, (v, 3).
        triangles: three vertex numbers each, (t, 3).
        normals: unit normals that point out of the set J ≤ ε, (v, 3).
    """

    vertices: Array
    triangles: Array
    normals: Array


def find_surface(values: Array, axes: tuple[Array, Array, Array], tolerance: float) -> Surface | None:
    """The surface J = ε, or None where the grid lies on one side of it.

    Marching cubes on √J, which is nearly linear where it crosses √ε, so that the linear interpolation along the cells'
    edges is accurate.

    Args:
        values: J over the grid, (n_3, n_2, n_1), all finite or infinite.
        axes: the coefficients along b_1, b_2, b_3.
        tolerance: ε, absolute.

    Source: Lorensen & Cline 1987, in the variant of Lewiner et al. 2003 (scikit-image).
    """
    from skimage import measure

    root, border = np.sqrt(values), float(np.sqrt(tolerance))
    if not root.min() < border < root.max():
        return None
    root = np.minimum(root, 1e6 * border)  # infinite values would leave no place for the surface on their edges
    spacing = tuple(float(axis[1] - axis[0]) for axis in reversed(axes))
    vertices, triangles, normals, _ = measure.marching_cubes(
        root, border, spacing=spacing, gradient_direction="descent"
    )
    origin = np.array([axis[0] for axis in axes])
    outward = normals[:, ::-1] / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Surface(vertices=vertices[:, ::-1] + origin, triangles=triangles, normals=outward)
