"""Adaptive refinement: a coarse grid, and points of finer grids only where interpolation cannot tell their side of ε.

The finest grid is the given one; each coarser grid takes every second point of the next finer along each axis, and
the last. Everything is done with √J, the distance from the target in function space: it goes down to a class of
equivalent networks like the letter V, so that it is nearly piecewise linear where it matters.

Going to the next finer grid, a new point gets the multilinear interpolation of √J. Along one axis its error is at
most half the larger bend (second difference) at the two neighbours, if √J has at most one kink between them, and a
quarter of that if it is smooth; the axes' bounds are added. The point is evaluated unless the interpolation is
farther than that from √ε. At the end the surface is followed: all corners of cells with corners on both sides are
evaluated until there is no such cell left.

What is guaranteed: wherever the surface passes in the result all corners of the cell were evaluated, so it is the
full grid's surface there, and pieces connected to a found piece through such cells are found. A piece is missed only
where √J has several kinks between neighbours of a coarser grid, or bends more than `safety` times as sharply as seen.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import attrs
import numpy as np

from identify_genni.subspace.axes import Array

Evaluate = Callable[[Array], Array]
Positions = Sequence[Array]


@attrs.frozen(kw_only=True, eq=False)
class Refined:
    """A grid of which some points were evaluated.

    Args:
        values: J, and NaN where it was not evaluated; the shape of the grid.
        filled: J where it was evaluated, elsewhere the square of the interpolated √J: an estimate on the right side
            of ε.
        rounds: how many points each level took, the coarsest first; last, those of following the surface.
    """

    values: Array
    filled: Array
    rounds: tuple[int, ...]

    @property
    def evaluated(self) -> Array:
        """Which points were evaluated."""
        mask: Array = ~np.isnan(self.values)
        return mask


def refine(evaluate: Evaluate, shape: tuple[int, ...], tolerance: float, *, levels: int, safety: float) -> Refined:
    """Evaluate J where the surface J = ε can pass.

    Args:
        evaluate: J at grid points given by their numbers in C order, (m,) to (m,).
        shape: of the grid.
        tolerance: ε, absolute.
        levels: how many times the coarsest grid is halved down to the given one.
        safety: how much sharper than seen √J may bend between the points of a coarser grid.
    """
    border = float(np.sqrt(tolerance))
    root = np.full(shape, np.nan)
    ladder = [_coarse_positions(shape, halvings) for halvings in range(levels, -1, -1)]

    def visit(wanted: Array) -> int:
        numbers = np.flatnonzero(wanted & np.isnan(root))
        if len(numbers):
            root.flat[numbers] = np.sqrt(np.maximum(evaluate(numbers), 0.0))
        return len(numbers)

    rounds = [visit(_on_grid(np.ones([len(p) for p in ladder[0]], dtype=bool), ladder[0], shape))]
    for level, (coarse, fine) in enumerate(itertools.pairwise(ladder), start=1):
        bend = _bend(_fill(root, ladder[:level]), coarse)
        doubt = _larger_neighbour(bend, coarse, fine)
        estimate = _fill(root, ladder[: level + 1])
        with np.errstate(invalid="ignore"):
            clear = np.abs(estimate - border) > safety * doubt / 2
        rounds.append(visit(_on_grid(~clear, fine, shape)))
    followed = 0
    while new := visit(_corners_of_crossed_cells(_fill(root, ladder) <= border)):
        followed += new
    return Refined(values=root**2, filled=_fill(root, ladder) ** 2, rounds=(*rounds, followed))


def _coarse_positions(shape: tuple[int, ...], halvings: int) -> list[Array]:
    """The positions along each axis of the grid halved so many times: with both ends, and three where there are."""
    positions = []
    for count in shape:
        along = np.arange(count)
        for _ in range(halvings):
            if len(along) > 4:
                along = along[::2] if len(along) % 2 else np.append(along[::2], along[-1])
        positions.append(along)
    return positions


def _on_grid(chosen: Array, positions: Positions, shape: tuple[int, ...]) -> Array:
    """Points chosen on a coarser grid, as a mask over the full one."""
    full = np.zeros(shape, dtype=bool)
    full[np.ix_(*positions)] = chosen
    return full


def _bend(root: Array, positions: Positions) -> Array:
    """How sharply √J bends at each point: its second differences, summed over the axes."""
    total = np.zeros_like(root)
    for axis, along in enumerate(positions):
        if len(along) < 3:
            return np.full_like(root, np.inf)
        spacing = np.diff(along).astype(float)
        wide = spacing.reshape(_column(root.ndim, axis))
        with np.errstate(invalid="ignore"):
            slopes = np.diff(root, axis=axis) / wide
            bends = np.abs(np.diff(slopes, axis=axis))
        bends *= np.maximum(spacing[1:], spacing[:-1]).reshape(_column(root.ndim, axis))
        ends = [(1, 1) if other == axis else (0, 0) for other in range(root.ndim)]
        total += np.pad(np.nan_to_num(bends, nan=np.inf, posinf=np.inf), ends, mode="edge")
    return total


def _larger_neighbour(bend: Array, coarse: Positions, fine: Positions) -> Array:
    """For each point of the finer grid the largest bend at the coarse points around it."""
    for axis, (outer, inner) in enumerate(zip(coarse, fine, strict=True)):
        right = np.searchsorted(outer, inner, side="left")
        left = np.where(outer[right] == inner, right, right - 1)
        bend = np.maximum(np.take(bend, left, axis), np.take(bend, right, axis))
    return bend


def _fill(root: Array, ladder: Sequence[Positions]) -> Array:
    """√J on the last grid of the ladder: known values, else multilinear interpolation from the coarser grids."""
    filled: Array = root[np.ix_(*ladder[0])]
    for coarse, fine in itertools.pairwise(ladder):
        for axis, (outer, inner) in enumerate(zip(coarse, fine, strict=True)):
            right = np.clip(np.searchsorted(outer, inner, side="left"), 1, len(outer) - 1)
            share = ((inner - outer[right - 1]) / (outer[right] - outer[right - 1])).reshape(_column(root.ndim, axis))
            before, after = np.take(filled, right - 1, axis), np.take(filled, right, axis)
            with np.errstate(invalid="ignore"):
                between = (1 - share) * before + share * after
            filled = np.where(share == 0, before, np.where(share == 1, after, between))
        known = root[np.ix_(*fine)]
        filled = np.where(np.isnan(known), filled, known)
    return filled


def _corners_of_crossed_cells(inside: Array) -> Array:
    """The corners of unit cells that have corners on both sides."""
    corners = [
        tuple(slice(o, count - 1 + o) for o, count in zip(offset, inside.shape, strict=True))
        for offset in np.ndindex(*([2] * inside.ndim))
    ]
    cells = [inside[corner] for corner in corners]
    crossed = np.logical_or.reduce(cells) & ~np.logical_and.reduce(cells)
    wanted = np.zeros_like(inside)
    for corner in corners:
        wanted[corner] |= crossed
    return wanted


def _column(dimensions: int, axis: int) -> list[int]:
    """The shape that broadcasts a vector along one axis."""
    return [-1 if other == axis else 1 for other in range(dimensions)]
