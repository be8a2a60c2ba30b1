"""Options of the models: the latents in the middle, and the networks on both sides of them."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, not_empty, option

_PAPER = "Hsu et al., NeurIPS 2023"

LatentKind = Literal["continuous", "gaussian", "scalar-books", "vector-books", "finite", "noisy-clamp"]


@attrs.frozen
class LatentOptions:
    """What stands between encoder and decoder."""

    kind: LatentKind = option(
        "continuous",
        help="`continuous`; `gaussian` (mean and deviation); `scalar-books` (each latent is the nearest value of a "
        "book); `vector-books` (each is the nearest row of one table); `finite` (tanh, then rounding to a fixed grid); "
        "`noisy-clamp` (cut off, with noise in training).",
    )
    count: int = option(
        8,
        help="How many latents; the study takes twice as many as there are factors.",
        source=f"{_PAPER}: 12, 14, 14 and 18",
        limit=at_least(1),
    )
    values: int | tuple[int, ...] = option(
        10,
        help="Of `scalar-books`: how many values a book has, or how many that of each latent has.",
        source=_PAPER,
        limit=at_least(2),
    )
    shared: bool = option(False, help="Of `scalar-books`: whether all latents have one book; an ablation.")
    learnable: bool = option(True, help="Of `scalar-books`: whether the books are trained; otherwise they are frozen.")
    entries: int = option(512, help="Of `vector-books`: how many rows the table has.", source=_PAPER, limit=at_least(2))
    width: int = option(64, help="Of `vector-books`: how many numbers a row has.", source=_PAPER, limit=at_least(1))
    levels: int = option(
        12, help="Of `finite`: how many values between −1 and 1.", source="Tripod, ICML 2024", limit=at_least(2)
    )
    clamp: float = option(1.0, help="Of `noisy-clamp`: where a latent is cut off, ±.", limit=above(0))
    noise: float = option(0.1, help="Of `noisy-clamp`: the deviation of the noise in training.", limit=at_least(0))

    def __attrs_post_init__(self) -> None:
        if isinstance(self.values, tuple) and self.kind == "scalar-books":
            if self.shared:
                raise ValueError("shared is true, so there is one book: give one number of values, not a list")
            if len(self.values) != self.count:
                raise ValueError(f"values has {len(self.values)} numbers for {self.count} latents: give one for each")

    @property
    def book_sizes(self) -> tuple[int, ...]:
        """How many values the book of each latent has."""
        return self.values if isinstance(self.values, tuple) else (self.values,) * self.count


@attrs.frozen
class _ModelOptions:
    latent: LatentOptions = option(attrs.Factory(LatentOptions), help="The latents.")
    critic: bool = option(False, help="Whether the encoder has a critic's value next to its latents, as a GAN needs.")
    discriminator: bool = option(
        False, help="Whether there is a discriminator of latents, 5 layers of 1,000, as FactorVAE needs."
    )


@attrs.frozen
class DenseOptions(_ModelOptions):
    """The options of `dense`."""

    widths: tuple[int, ...] = option(
        (2048, 2048, 2048, 2048),
        help="Units of the hidden layers of the encoder, and of the decoder in the same order.",
        source="kylehkhsu/latent_quantization, dense",
        limit=(not_empty(), at_least(1)),
    )


@attrs.frozen
class ImageOptions(_ModelOptions):
    """The options of `image` and `image-small`."""


@attrs.frozen
class StyleImageOptions(_ModelOptions):
    """The options of `style-image` and `style-image-small`."""

    style: Literal["relu", "linear", "one-plus"] = option(
        "relu",
        help="What is done with a block's scales and shifts: `relu` as in the study's code, `linear` nothing, "
        "`one-plus` 1 is added to the scales.",
        source="kylehkhsu/latent_quantization; Tripod, ICML 2024",
    )
