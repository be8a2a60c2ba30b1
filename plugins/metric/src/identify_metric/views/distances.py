"""Pictures of `distances`: matrices of all pairs and what they look like in the plane, and decoded strips."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from identify_core import (
    PALETTE,
    Context,
    Figure,
    Finding,
    classical_scaling,
    heat_map,
    house_style,
    new_figure,
)
from identify_metric.options.evaluators import DistancesOptions

_SHOWN = 3


def draw(options: DistancesOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """Matrices where all pairs were measured; strips where samples are images."""
    arrays = {name: each.values for name, each in finding.arrays.items()}
    if options.pairs == "all" and not options.pairs_file:
        yield _matrices(arrays, options)
    if "strip-geodesic" in arrays:
        yield _strips(arrays)


def _matrices(arrays: dict[str, Any], options: DistancesOptions) -> Figure:
    shown = min(_SHOWN, len(arrays["length"]))
    names = (("length", "geodesic"), ("euclid", "latent Euclidean"))
    with house_style():
        figure, axes = new_figure(2 * len(names), shown, width=3.2 * shown, height=11.5)
        grid = np.asarray(axes, dtype=object).reshape(2 * len(names), shown)
        for block, (name, title) in enumerate(names):
            matrices = [square_matrix(arrays["pairs"], arrays[name][r]) for r in range(shown)]
            planes = [classical_scaling(each)[0] for each in matrices]
            for column, (matrix, plane) in enumerate(zip(matrices, planes, strict=True)):
                above, below = grid[2 * block, column], grid[2 * block + 1, column]
                heat_map(above, matrix / np.median(matrix[matrix > 0]))
                above.set(title=f"{title}, replicate {column}", xticks=[], yticks=[])
                turned = turned_onto(plane, planes[0])
                colours = [PALETTE[row % len(PALETTE)] for row in range(len(turned))]
                below.scatter(*turned.T, s=22, c=colours)
                below.set(xticks=[], yticks=[], aspect="equal", title="in the plane")
    return Figure(
        name="matrices",
        caption=f"Distances of {options.points} samples in {shown} replicates, in parts of each one's median, and "
        "classical scaling of them to the plane, turned onto the first replicate. What replicates agree on looks alike "
        "from left to right.",
        static=figure,
    )


def square_matrix(pairs: Any, values: Any) -> Any:
    """The symmetric matrix of distances of all pairs (P, 2), in the order of the rows' numbers."""
    rows, place = np.unique(pairs, return_inverse=True)
    matrix = np.zeros((len(rows), len(rows)))
    a, b = place.reshape(pairs.shape).T
    matrix[a, b] = matrix[b, a] = np.nan_to_num(values)
    return matrix


def turned_onto(points: Any, target: Any) -> Any:
    """Points rotated and reflected onto others (Schönemann, Psychometrika 31, 1966)."""
    left, _, right = np.linalg.svd(points.T @ target)
    return points @ left @ right


def _strips(arrays: dict[str, Any]) -> Figure:
    geodesic, straight = arrays["strip-geodesic"], arrays["strip-straight"]
    pairs, frames = geodesic.shape[:2]
    with house_style():
        figure, axes = new_figure(2 * pairs, 1, width=8.6, height=1.05 * 2 * pairs)
        for number in range(pairs):
            for offset, (strip, name) in enumerate(((geodesic, "geodesic"), (straight, "straight"))):
                panel = np.asarray(axes, dtype=object).ravel()[2 * number + offset]
                image = np.concatenate(list(strip[number]), axis=1)
                panel.imshow(image.squeeze(), cmap="gray" if image.shape[-1] == 1 else None, vmin=0, vmax=1)
                panel.set(xticks=[], yticks=[])
                panel.set_ylabel(name, rotation=0, ha="right", va="center")
    return Figure(
        name="strips",
        caption=f"What the first replicate decodes along the geodesic and along the straight latent line of {pairs} "
        f"pairs, at {frames} equal times.",
        static=figure,
    )
