"""The axes of a grid on a subspace, and the order in which its points are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import OptionsError

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Grid:
    """A regular grid of coefficients.

    The array of values over it has one axis a direction, the **first direction last**: V[i_K, …, i_2, i_1] belongs to
    a_k = axes[k − 1][i_k], so that for two directions V is z[row = c2, column = c1]. Points are numbered in C order.

    Args:
        axes: the coefficients along b_1, …, b_K, each increasing, float64.
    """

    axes: tuple[Array, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value array: (n_K, …, n_1)."""
        return tuple(len(axis) for axis in reversed(self.axes))

    @property
    def size(self) -> int:
        """The number of points."""
        return int(np.prod(self.shape))

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the value array's axes: ("cK", …, "c1")."""
        return tuple(f"c{k}" for k in range(len(self.axes), 0, -1))

    def coefficients(self, numbers: Array) -> torch.Tensor:
        """(a_1, …, a_K) of the points with these numbers, shape (m, K), float64."""
        positions = np.unravel_index(numbers, self.shape)
        columns = [axis[index] for axis, index in zip(self.axes, reversed(positions), strict=True)]
        return torch.from_numpy(np.stack(columns, axis=1))


def make_grid(bounds: Sequence[tuple[float, float]], counts: Sequence[int]) -> Grid:
    """The grid with these bounds, both ends included, and these counts along b_1, …, b_K."""
    axes = tuple(np.linspace(low, high, count) for (low, high), count in zip(bounds, counts, strict=True))
    return Grid(axes=axes)


def spread_counts(counts: Sequence[int], dimension: int) -> tuple[int, ...]:
    """One count an axis, from one for all or one each.

    Raises:
        OptionsError: neither one nor K counts.
    """
    return tuple(int(count) for count in _one_each("counts", counts, dimension))


def choose_bounds(
    lower: Sequence[float], upper: Sequence[float], automatic: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Bounds an axis: those given, one for all or one each, and the automatic ones where nothing is given.

    Raises:
        OptionsError: neither one nor K numbers, or an axis that does not increase.
    """
    dimension = len(automatic)
    lows = _one_each("lower", lower, dimension) if lower else [low for low, _ in automatic]
    highs = _one_each("upper", upper, dimension) if upper else [high for _, high in automatic]
    for k, (low, high) in enumerate(zip(lows, highs, strict=True), start=1):
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise OptionsError(
                f"axis c{k} would run from {low:g} to {high:g}: its lower bound must be below its upper bound",
                hint="set `lower` and `upper` together",
            )
    return [(float(low), float(high)) for low, high in zip(lows, highs, strict=True)]


def bounds_around(coordinates: Array, margin: float) -> list[tuple[float, float]]:
    """Bounds that hold the origin and the points, with a margin.

    Args:
        coordinates: of the points, shape (points, K).
        margin: on each side, as a fraction of the points' extent on that axis; an axis on which the points hardly
            differ gets a tenth of the widest extent instead.
    """
    with_origin = np.concatenate([coordinates, np.zeros((1, coordinates.shape[1]))])
    low, high = with_origin.min(0), with_origin.max(0)
    extent = high - low
    pad = margin * extent
    pad = np.where(extent < 0.1 * extent.max(), 0.1 * extent.max(), pad)
    return list(zip((low - pad).tolist(), (high + pad).tolist(), strict=True))


def bounds_of_ellipsoid(
    slopes: Array, tolerance: float, reach: float, *, radii: float = 3.0
) -> list[tuple[float, float]]:
    """Symmetric bounds from the predicted ε-ellipsoid around a solution.

    Gauss–Newton: J(c + a b_k) ≈ a² s_k² with s_k² = |Jac b_k|²/N, so the set J ≤ ε ends at a = √ε/s_k. Directions
    that the function does not feel would never end; they go as far as `reach`.

    Args:
        slopes: s_k, shape (K,).
        tolerance: ε, absolute.
        reach: the half-width of flat axes and the most for any axis, such as the centre's norm.
        radii: half-width of the others, in predicted radii.
    """
    with np.errstate(divide="ignore"):
        half = np.minimum(radii * np.sqrt(tolerance) / slopes, reach)
    return [(-float(width), float(width)) for width in half]


def _one_each(name: str, values: Sequence[float], dimension: int) -> list[float]:
    if len(values) not in (1, dimension):
        raise OptionsError(
            f"`{name}` has {len(values)} numbers for {dimension} directions: give one for all or one each",
        )
    return list(values) * (dimension if len(values) == 1 else 1)
