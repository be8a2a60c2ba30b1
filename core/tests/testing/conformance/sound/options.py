"""Options of the sound plugin."""

from __future__ import annotations

import attrs

from identify_core.options import above, at_least, option


@attrs.frozen
class RingsOptions:
    """The options of `rings`."""

    samples: int = option(48, help="How many samples, half of them for testing.", limit=at_least(4))
    noise: float = option(0.1, help="Standard deviation of the noise on the targets.", limit=at_least(0))


@attrs.frozen
class GridOptions:
    """The options of `grid`."""

    samples: int = option(6, help="How many samples.", limit=at_least(2))


@attrs.frozen
class MlpOptions:
    """The options of `mlp`."""

    widths: tuple[int, ...] = option((4,), help="Units of the hidden layer.", limit=at_least(1))


@attrs.frozen
class DeepOptions:
    """The options of `deep`."""

    width: int = option(3, help="Units of each layer.", limit=at_least(1))


@attrs.frozen
class MomentumOptions:
    """How steps remember earlier ones."""

    decay: float = option(0.5, help="How much of the last step is taken again.", limit=at_least(0))


@attrs.frozen
class FitOptions:
    """The options of `fit`."""

    steps: int = option(12, help="Gradient steps.", limit=at_least(1))
    learning_rate: float = option(0.05, help="Step length.", limit=above(0))
    momentum: MomentumOptions = option(attrs.Factory(MomentumOptions), help="Momentum.")
