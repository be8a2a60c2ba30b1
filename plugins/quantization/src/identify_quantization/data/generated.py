"""The dataset `generated`: 648 small pictures of one shape, drawn without any file."""

from __future__ import annotations

import numpy as np
import torch

from identify_core import Context, Samples
from identify_quantization.data.splits import Images, grid_labels, split_images
from identify_quantization.options.data import GeneratedOptions

SIZES = (3, 6, 6, 6)
NAMES = ("shape", "colour", "x", "y")
_COLOURS = np.array([[230, 60, 50], [240, 170, 40], [90, 190, 70], [60, 190, 200], [70, 90, 220], [190, 80, 200]])
_GROUND = 25
_FINER = 4  # each pixel is the mean of 4 × 4 points, so that edges are smooth


def make_generated(options: GeneratedOptions, context: Context) -> Samples:
    """Every combination of 3 shapes, 6 colours and 6 × 6 places, (648, 3, side, side) in uint8."""
    labels = grid_labels(SIZES)
    coverage = _coverage(options.side)
    shape, colour, x, y = labels.T
    masks = coverage[shape, x, y][:, None]
    pictures = _GROUND + masks * (_COLOURS[colour][:, :, None, None] - _GROUND)
    images = Images(
        pixels=torch.from_numpy(np.round(pictures).astype(np.uint8)),
        labels=labels,
        names=NAMES,
        kinds=("categorical", "categorical", "ordinal", "ordinal"),
        source="generated",
    )
    return split_images(images, options)


def _coverage(side: int) -> np.ndarray:
    """How much of each pixel a shape covers at each place, (3, 6, 6, side, side)."""
    points = (np.arange(side * _FINER) + 0.5) / (side * _FINER)
    places = np.linspace(0.2, 0.8, SIZES[2])
    down, right = np.meshgrid(points, points, indexing="ij")
    found = np.empty((*SIZES[:1], *SIZES[2:], side, side))
    for i, x in enumerate(places):
        for j, y in enumerate(places):
            u, v = (right - x) / 0.16, (down - y) / 0.16
            square = np.maximum(abs(u), abs(v)) <= 0.9
            disc = u**2 + v**2 <= 1
            triangle = (v <= 0.8) & (abs(u) <= (v + 1) / 1.8)
            for k, inside in enumerate((square, disc, triangle)):
                found[k, i, j] = inside.reshape(side, _FINER, side, _FINER).mean(axis=(1, 3))
    return found
