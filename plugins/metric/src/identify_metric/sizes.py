"""What datasets and models allocate, by arithmetic; light, `identify validate` asks before torch is loaded."""

from __future__ import annotations

import math

from identify_core import Known, Sizes, dense_parameters
from identify_metric.options.data import CellsOptions, DigitsOptions
from identify_metric.options.models import DenseOptions

_DIGITS = 1797
_WHILE_DRAWN = 3
"""Arrays of float64 of that size that are there while cells are drawn."""


def digits(options: DigitsOptions, known: Known) -> Sizes:
    """The dataset `digits`: 64 pixels, read in float64."""
    return Sizes(
        parts={"inputs": _DIGITS * 64 * (8 + known.itemsize)},
        samples=_DIGITS,
        test_samples=options.test,
        inputs=(64,),
        factors=1,
    )


def cells(options: CellsOptions, known: Known) -> Sizes:
    """The dataset `cells`."""
    numbers = options.cells * options.components
    return Sizes(
        parts={
            "cells": numbers * (8 * _WHILE_DRAWN + known.itemsize),
            "types": 3 * 8 * options.types * options.components,
        },
        samples=options.cells,
        inputs=(options.components,),
        factors=2,
    )


def dense(options: DenseOptions, known: Known) -> Sizes:
    """The model `dense`."""
    if known.inputs is None:
        return Sizes()
    features = math.prod(known.inputs)
    outputs = 2 * features if options.law == "gaussian-network" else features
    encoder = dense_parameters([features, *options.hidden, 2 * options.latent_dim])
    decoder = dense_parameters([options.latent_dim, *reversed(options.hidden), outputs])
    learned = features if options.sigma == "learned" else 0
    return Sizes(parameters=encoder + options.decoders * decoder + learned, latents=options.latent_dim)
