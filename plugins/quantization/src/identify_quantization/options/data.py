"""Options of the datasets: which rows are evaluated, which are held out, and where files lie."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, between, option

_CODE = "kylehkhsu/latent_quantization"


@attrs.frozen
class SplitOptions:
    """Which images are trained on and which are evaluated: what all datasets share."""

    evaluated: int = option(
        10_000,
        help="How many images are evaluated at most: the split `test`, drawn by split_seed over all combinations.",
        source=f"{_CODE}: num_val_data",
        limit=at_least(1),
    )
    held_out: Literal["none", "images", "pairs"] = option(
        "none",
        help="What is kept from training: `none`, so that training sees the evaluated images too, as in the study; "
        "`images`, the evaluated ones; `pairs`, every image with one of some combinations of two factors' values, of "
        "which the evaluated ones are drawn.",
        source=f"{_CODE}: the evaluated images are the first of the training set",
    )
    pair: tuple[str, ...] = option(
        (), help='With held_out = "pairs": the names of the two factors; without them the first two.'
    )
    pair_share: float = option(
        0.2, help='With held_out = "pairs": which part of their combinations is held out.', limit=between(0.01, 0.9)
    )
    split_seed: int = option(
        0,
        help="Which images are drawn; the run's seed has no part in it, so that runs can be compared.",
        limit=at_least(0),
    )

    def __attrs_post_init__(self) -> None:
        if self.pair and (self.held_out != "pairs" or len(set(self.pair)) != 2):
            raise ValueError(f'pair is {self.pair}: it names two factors, and belongs to held_out = "pairs"')


@attrs.frozen
class GeneratedOptions(SplitOptions):
    """The options of `generated`."""

    side: int = option(32, help="Height and width of an image.", unit="pixels", limit=at_least(8))
