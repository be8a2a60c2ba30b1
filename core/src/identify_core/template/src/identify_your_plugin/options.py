"""What can be set, one class a component. Light: `identify validate` reads it before torch is imported."""

from __future__ import annotations

import attrs
from identify_core import above, at_least, between, option


@attrs.frozen
class MixturesOptions:
    """The options of the dataset `mixtures`."""

    samples: int = option(2000, help="How many samples; a fifth of them are the split `test`.", limit=at_least(10))
    sources: int = option(3, help="How many independent sources a sample has.", limit=at_least(1))
    observed: int = option(8, help="How many mixtures of the sources are seen.", limit=at_least(1))
    noise: float = option(0.01, help="Standard deviation of the noise; the sources have 1.", limit=at_least(0))

    def __attrs_post_init__(self) -> None:
        # What concerns several options; what concerns one is its `limit`.
        if self.observed < self.sources:
            raise ValueError(f"observed is {self.observed}, but it takes at least as many as sources ({self.sources})")


@attrs.frozen
class AutoencoderOptions:
    """The options of the model `autoencoder`."""

    width: int = option(32, help="Hidden units of the encoder.", limit=at_least(1))
    latents: int = option(3, help="Width of the representation.", limit=at_least(1))


@attrs.frozen
class ReconstructionOptions:
    """The options of the objective `reconstruction`."""

    steps: int = option(1000, help="Gradient steps.", limit=at_least(1))
    learning_rate: float = option(0.01, help="Of Adam.", limit=above(0))
    batch_size: int | None = option(256, help='Rows a step; "none" for all of them.', limit=at_least(1))
    tolerance: float = option(
        0.01,
        help="The claim is made where no replicate leaves more than this part of the variance unexplained.",
        limit=between(0, 1),
    )


@attrs.frozen
class AgreementOptions:
    """The options of the evaluator `agreement`."""

    rank_tolerance: float = option(
        1e-5,
        help="Directions whose singular value is below this part of the largest are left out.",
        limit=between(0, 1),
    )
