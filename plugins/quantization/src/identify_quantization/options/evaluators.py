"""Options of the evaluators."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, option


@attrs.frozen
class ReconstructionOptions:
    """The options of `reconstruction`."""

    split: Literal["train", "test"] = option("test", help="The split whose images are reconstructed.")
    shown: int = option(8, help="How many images the figure shows.", source="the study: 16", limit=at_least(1))


@attrs.frozen
class BooksOptions:
    """The options of `books`."""

    split: Literal["train", "test"] = option("test", help="The split on whose images entries are counted.")


@attrs.frozen
class TraversalsOptions:
    """The options of `traversals`."""

    replicate: int = option(0, help="Whose latents are moved.", limit=at_least(0))
    image: int = option(0, help="The row of the split `test` that is moved.", limit=at_least(0))
    values: int = option(
        8,
        help="Of continuous latents: how many values, evenly from the least to the greatest of the split; of books all "
        "entries are taken in their order.",
        source="the study: 16, of books too, off the grid",
        limit=at_least(2),
    )
    drawn: int = option(16, help="How many images are decoded from drawn latents.", limit=at_least(1))


@attrs.frozen
class DisentanglementOptions:
    """The options of `disentanglement`."""

    variant: Literal["identify", "standalone", "library", "tripod", "factor-qvae"] = option(
        "identify", help="Whose constants InfoMEC has."
    )
    rows: int = option(2000, help="How many rows are scored at most.", limit=at_least(20))
