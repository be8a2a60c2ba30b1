"""What datasets and the objective allocate, by arithmetic; light, `identify validate` asks before torch is loaded."""

from __future__ import annotations

from identify_core import Known, Sizes
from identify_homotopy.options.embedding import EmbedOptions
from identify_homotopy.options.texts import GeneratedOptions

_VOCABULARY = 2000
_SENTENCE = 400
"""Bytes of a generated sentence, its label and its id as objects of Python."""
_RANDOM = ("bert#", "electra#", "roberta#")


def generated(options: GeneratedOptions, known: Known) -> Sizes:
    """The dataset `sentences`."""
    return Sizes(parts={"sentences": options.rows * _SENTENCE}, samples=options.rows, factors=1)


def embed(options: EmbedOptions, known: Known) -> Sizes:
    """The objective `embed`: random encoders are there one at a time; how wide pretrained ones are, their files tell.

    A layer has four matrices of attention, width × width, and two of width × 2 width.
    """
    width, states = options.width, 0
    encoder = (_VOCABULARY + options.tokens) * width + options.depth * 8 * width**2
    random = any(each.startswith(_RANDOM) for each in options.encoders)
    if known.samples is not None:
        states = len(options.encoders) * len(options.layers) * known.samples * width * known.itemsize
    return Sizes(parts={"a random encoder": 4 * encoder if random else 0, "hidden states": states}, latents=width)
