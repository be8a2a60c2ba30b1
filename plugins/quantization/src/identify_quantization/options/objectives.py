"""Options of the objectives: how they train, what decays, and what each adds to the reconstruction."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, option

_PAPER = "Hsu et al., NeurIPS 2023"
_CODE = "kylehkhsu/latent_quantization"

Kept = Literal["train", "test"]


@attrs.frozen
class TrainingOptions:
    """How networks are trained: what all objectives share."""

    steps: int = option(200_000, help="Gradient steps.", source=_PAPER, limit=at_least(0))
    batch_size: int = option(128, help="Images a step.", source=_PAPER, limit=at_least(1))
    learning_rate: float = option(1e-3, help="Of Adam.", source=_PAPER, limit=above(0))
    weight_decay: float = option(
        0.0,
        help="Decoupled, on all but biases and books: what decays shrinks by learning_rate times this in a step.",
        source=f"{_CODE}: lambdas.l2",
        limit=at_least(0),
    )
    clip: float = option(
        1.0,
        help="Entries of the gradient of what decays are cut to ± this; 0 leaves them.",
        source=_CODE,
        limit=at_least(0),
    )
    kept_at: Literal["none", "study"] | tuple[int, ...] = option(
        "none",
        help="The steps after which latents are kept as well: `study` is 0, 500 to 4,500 by 500, and every 5,000.",
        source=_CODE,
    )
    keep: Kept = option("test", help="The split whose latents are kept.")
    log_every: int = option(10, help="Steps between two entries of the history.", limit=at_least(1))

    @property
    def kept_steps(self) -> tuple[int, ...]:
        """The steps after which latents are kept."""
        if self.kept_at == "none":
            return ()
        if self.kept_at == "study":
            steps = {0, *range(500, 5000, 500), *range(5000, self.steps + 1, 5000)}
            return tuple(sorted(step for step in steps if step <= self.steps))
        return tuple(int(step) for step in self.kept_at)


@attrs.frozen
class AutoencoderOptions(TrainingOptions):
    """The options of `ae`."""


@attrs.frozen
class QuantisedOptions(TrainingOptions):
    """The options of `qlae`."""

    weight_decay: float = option(
        0.1,
        help="Decoupled, on all but biases and books: what decays shrinks by learning_rate times this in a step.",
        source=f"{_PAPER}: tuned for Shapes3D, Falcor3D and Isaac3D",
        limit=at_least(0),
    )
    reconstruction: float = option(1.0, help="The factor on the cross-entropy.", source=_PAPER, limit=at_least(0))
    quantise: float = option(
        0.01, help="The factor on what moves the books to the latents.", source=_PAPER, limit=at_least(0)
    )
    commit: float = option(
        0.01, help="The factor on what moves the latents to the books.", source=_PAPER, limit=at_least(0)
    )
