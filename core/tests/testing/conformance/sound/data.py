"""Datasets of the sound plugin."""

from __future__ import annotations

import numpy as np
import torch

from identify_core.contexts.context import Context
from identify_core.data import Factor, Samples

from .options import GridOptions, RingsOptions


def make_rings(options: RingsOptions, context: Context) -> Samples:
    """Points whose target is their distance from the origin."""
    n, half = options.samples, options.samples // 2
    x = torch.randn(n, 2, generator=context.stream("inputs"), dtype=context.dtype)
    noise = torch.randn(n, 1, generator=context.stream("noise"), dtype=context.dtype)
    y = x.norm(dim=1, keepdim=True) + options.noise * noise
    ring = (y[:, 0] > 1).long().numpy()
    return Samples(
        columns={"x": x, "y": y},
        ids=np.arange(n),
        splits={"train": np.arange(half), "test": np.arange(half, n)},
        factors={"ring": Factor(values=ring, kind="categorical")},
    )


def make_grid(options: GridOptions, context: Context) -> Samples:
    """Numbers and their squares."""
    n = options.samples
    x = torch.linspace(-1, 1, n, dtype=context.dtype)[:, None]
    ids = np.arange(n)
    rows = np.arange(n)
    return Samples(columns={"x": x, "y": x.square()}, ids=ids, splits={"train": rows})
