"""Inputs of synthetic datasets: draws from a named distribution, each split from a stream of its own."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Streams
from identify_genni.options.targets import InputOptions

_ROWS_PER_TAG = 2**32


@attrs.frozen(kw_only=True, eq=False)
class Inputs:
    """The inputs of every split.

    Args:
        x: (n, *input_shape), float32, on the CPU; the splits one after the other.
        splits: name to row numbers.
        ids: one a row; the same in two runs exactly where the inputs are.
    """

    x: torch.Tensor
    splits: dict[str, np.ndarray[Any, Any]]
    ids: np.ndarray[Any, Any]


def draw_inputs(options: InputOptions, seed: int) -> Inputs:
    """Draw the inputs of the splits `train`, `test` and, where it is asked for, `ood`.

    Args:
        options: sizes and distributions.
        seed: of the run; `options.data_seed` goes before it.
    """
    streams = Streams(seed if options.data_seed is None else options.data_seed)
    plan = {
        "train": (options.samples, options.inputs, options.scale),
        "test": (options.held_out, options.inputs, options.scale),
        "ood": (
            options.out_of_distribution,
            options.out_of_distribution_inputs,
            options.out_of_distribution_scale,
        ),
    }
    parts, ids, splits, start = [], [], {}, 0
    for split, (count, distribution, scale) in plan.items():
        if count == 0:
            continue
        generator = streams.numpy(f"inputs-{split}")
        shape = (count, *options.input_shape)
        drawn = DISTRIBUTIONS[distribution](generator, shape, options.degrees_of_freedom)
        parts.append(torch.from_numpy((scale * drawn).astype(np.float32)))
        told = [streams.seed, split, distribution, scale, options.input_shape]
        if distribution == "student-t":
            told.append(options.degrees_of_freedom)
        ids.append(_tag(told) * _ROWS_PER_TAG + np.arange(count))
        splits[split] = np.arange(start, start + count)
        start += count
    return Inputs(x=torch.cat(parts), splits=splits, ids=np.concatenate(ids))


Draw = Callable[[np.random.Generator, tuple[int, ...], float], np.ndarray[Any, Any]]


def _sphere(generator: np.random.Generator, shape: tuple[int, ...], _: float) -> np.ndarray[Any, Any]:
    normal = generator.standard_normal((shape[0], math.prod(shape[1:])))
    length = np.sqrt(normal.shape[1])
    points: np.ndarray[Any, Any] = length * normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return points.reshape(shape)


# Coordinates of variance 1 (the sphere: inputs of squared norm d), so that networks see the same scale from each.
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda generator, shape, _: generator.standard_normal(shape),
    "uniform": lambda generator, shape, _: generator.uniform(-math.sqrt(3), math.sqrt(3), shape),
    "sphere": _sphere,
    "laplace": lambda generator, shape, _: generator.laplace(scale=math.sqrt(0.5), size=shape),
    "student-t": lambda generator, shape, nu: generator.standard_t(nu, size=shape) * math.sqrt((nu - 2) / nu),
    "rademacher": lambda generator, shape, _: generator.choice((-1.0, 1.0), size=shape),
}


def _tag(told: list[object]) -> int:
    """31 bits that stand for where rows come from."""
    return int.from_bytes(hashlib.sha256(json.dumps(told).encode()).digest()[:4], "big") >> 1
