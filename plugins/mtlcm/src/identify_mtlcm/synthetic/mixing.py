"""The linear mixing of latents: the identity, a random orthogonal matrix or a random one, with its condition number."""

from __future__ import annotations

import attrs
import numpy as np

from identify_core import OptionsError
from identify_mtlcm.options.synthetic import Mixing
from identify_mtlcm.synthetic.laws import Array

_MOST_DRAWS = 1000


@attrs.frozen(kw_only=True, eq=False)
class DrawnMixing:
    """A mixing matrix and how it came about.

    Args:
        matrix: (D, d).
        condition: its largest singular value over its smallest.
        draws: how many were drawn until one was well enough conditioned.
    """

    matrix: Array
    condition: float
    draws: int


def draw_mixing(
    kind: Mixing, observed: int, latents: int, generator: np.random.Generator, largest_condition: float
) -> DrawnMixing:
    """A mixing matrix (D, d); a random one again while its condition number is above `largest_condition`.

    Raises:
        OptionsError: none of a thousand draws was well enough conditioned.
    """
    best = np.inf
    for draws in range(1, _MOST_DRAWS + 1):
        matrix = shape_mixing(kind, generator.standard_normal((observed, latents)))
        condition = float(np.linalg.cond(matrix))
        if condition <= largest_condition:
            return DrawnMixing(matrix=matrix, condition=condition, draws=draws)
        best = min(best, condition)
    raise OptionsError(
        f"none of {_MOST_DRAWS} random mixings of {latents} latents into {observed} features has a condition number of "
        f"at most {largest_condition:g}; the best had {best:.3g}",
        hint='raise largest_condition, or choose mixing = "orthogonal"',
    )


def shape_mixing(kind: Mixing, normal: Array) -> Array:
    """The mixing that a matrix of standard normal numbers (D, d) stands for.

    `orthogonal` is U Vᵀ of its singular value decomposition: uniform over matrices with orthonormal columns (rows,
    where there are fewer of them).
    """
    if kind == "identity":
        return np.eye(*normal.shape)
    if kind == "orthogonal":
        left, _, right = np.linalg.svd(normal, full_matrices=False)
        orthogonal: Array = left @ right
        return orthogonal
    return normal
