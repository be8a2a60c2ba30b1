"""The laws of latents, each of mean 0 and variance 1, and draws of them that more tasks or rows do not shift."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from identify_core import Streams
from identify_mtlcm.options.synthetic import Law

Array = np.ndarray[Any, Any]
Draw = Callable[[np.random.Generator, tuple[int, ...], float], Array]

_ROWS_AT_ONCE = 16
_HALF_DISTANCE = 0.9  # of the two modes; each is normal with what is left of variance 1


def _bimodal(generator: np.random.Generator, shape: tuple[int, ...], _: float) -> Array:
    both = generator.standard_normal((*shape, 2))  # a side and a distance for each number, so that prefixes stay
    sides = np.where(both[..., 0] > 0, _HALF_DISTANCE, -_HALF_DISTANCE)
    values: Array = sides + math.sqrt(1 - _HALF_DISTANCE**2) * both[..., 1]
    return values


LAWS: dict[Law, Draw] = {
    "normal": lambda generator, shape, _: generator.standard_normal(shape),
    "laplace": lambda generator, shape, _: generator.laplace(scale=math.sqrt(0.5), size=shape),
    "uniform": lambda generator, shape, _: generator.uniform(-math.sqrt(3), math.sqrt(3), shape),
    "student-t": lambda generator, shape, nu: generator.standard_t(nu, size=shape) * math.sqrt((nu - 2) / nu),
    "bimodal": _bimodal,
}


def draw_rows(
    streams: Streams, name: str, shape: tuple[int, int, int], *, law: Law = "normal", degrees: float = 5.0
) -> Array:
    """Independent numbers for every row of every task.

    Rows are drawn in blocks, each from its own stream with the task as its first axis: task t and row i of it get the
    same numbers however many tasks and rows there are.

    Args:
        streams: of the data.
        name: of the stream.
        shape: (tasks, rows of a task, numbers of a row).
        law: of each number.
        degrees: of freedom, of the law student-t.

    Returns:
        float64 of that shape.
    """
    tasks, points, width = shape
    values = np.empty(shape)
    for start in range(0, points, _ROWS_AT_ONCE):
        block = LAWS[law](streams.numpy(f"{name}-{start}"), (tasks, _ROWS_AT_ONCE, width), degrees)
        values[:, start : start + _ROWS_AT_ONCE] = block[:, : points - start]
    return values
