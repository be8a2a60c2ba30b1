"""What datasets and models allocate, by arithmetic; light, `identify validate` asks before torch is loaded."""

from __future__ import annotations

import math
from itertools import pairwise

from identify_core import Known, Sizes, dense_parameters
from identify_quantization.options.data import GeneratedOptions
from identify_quantization.options.networks import DenseOptions, LatentOptions

_GENERATED = 3 * 6 * 6 * 6
_POINTS = 16 * 8
"""Finer points of a pixel, and arrays of them that are there at once while a picture is drawn."""
_DISCRIMINATOR = (1000,) * 5


def generated(options: GeneratedOptions, known: Known) -> Sizes:
    """The dataset `generated`: pictures drawn in float64 and kept in uint8."""
    pixels = options.side**2
    return Sizes(
        parts={"pictures": 3 * pixels * _GENERATED * (8 + 1), "drawing": 8 * pixels * (_POINTS + 3 * 6 * 6)},
        samples=_GENERATED,
        test_samples=min(options.evaluated, _GENERATED),
        inputs=(3, options.side, options.side),
        factors=4,
    )


def dense(options: DenseOptions, known: Known) -> Sizes:
    """The model `dense`: two stacks of dense layers with layer norm, a head, and the books between them."""
    if known.inputs is None:
        return Sizes()
    features, last, latent = math.prod(known.inputs), options.widths[-1], options.latent
    inner = latent.count * (latent.width if latent.kind == "vector-books" else 1)
    given = 2 * inner if latent.kind == "gaussian" else inner
    parameters = _normed([features, *options.widths]) + dense_parameters([last, given])
    parameters += _normed([inner, *options.widths]) + dense_parameters([last, features])
    parameters += dense_parameters([last, 1]) if options.critic else 0
    parameters += dense_parameters([inner, *_DISCRIMINATOR, 2]) if options.discriminator else 0
    return Sizes(parameters=parameters + _books(latent), latents=inner)


def _normed(widths: list[int]) -> int:
    """Dense layers with the weights and biases of a layer norm after each."""
    return dense_parameters(widths) + sum(2 * after for _, after in pairwise(widths))


def _books(latent: LatentOptions) -> int:
    if latent.kind == "vector-books":
        return latent.entries * latent.width
    if latent.kind != "scalar-books" or not latent.learnable:
        return 0
    longest = max(latent.book_sizes)
    return longest if latent.shared else latent.count * longest
