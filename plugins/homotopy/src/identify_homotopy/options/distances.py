"""Options of the directed distances."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, not_empty, option


@attrs.frozen
class ClassOptions:
    """What a distance by a class of affine maps can be asked for."""

    gap: float = option(
        1e-3, help="How far apart the two bounds of the largest residual may stay.", limit=between(1e-6, 0.5)
    )
    iterations: int = option(100, help="Weighted least squares at most.", limit=at_least(1))
    normalise: bool = option(
        True, help="Whether values are parts of what the best constant leaves; otherwise they have the target's unit."
    )


@attrs.frozen
class LipschitzOptions:
    """What the exact distance by Lipschitz maps can be asked for."""

    bounds: tuple[float, ...] = option(
        (0.5, 1.0, 2.0), help="The Lipschitz constants, one score each.", limit=(not_empty(), at_least(0.0))
    )
    source_norm: Literal["l2", "linf"] = option("l2", help="The norm of the source; the target's is the largest entry.")
    normalise: bool = option(
        True, help="Whether values are parts of half the target's diameter; otherwise they have its unit."
    )


@attrs.frozen
class MapsOptions:
    """How maps are trained."""

    network: Literal["linear", "relu", "study", "three-relu", "four-sigmoid", "orthogonal"] = option(
        "relu",
        help="linear; relu: two free layers; study: ReLU, ELU, SiLU, sigmoid under spectral norms; three-relu and "
        "four-sigmoid: its variants; orthogonal: sorted pairs between orthogonal layers, whose constant is 1.",
        source="the thesis' code, NonLinearNetwork",
    )
    hidden: int = option(64, help="Width of hidden layers; the study's is 256.", limit=at_least(1))
    loss: Literal["mean-square", "max", "smooth-max", "largest-entry"] = option(
        "mean-square",
        help="What is minimised; max: the largest mean squared row of a batch, as in the study; smooth-max: the same "
        "by a sum of exponentials, to which every row adds; largest-entry: the largest absolute entry of a residual.",
    )
    optimiser: Literal["adam", "sgd"] = option("adam", help="The study's is plain gradient descent.")
    learning_rate: float = option(3e-3, help="The step size.", limit=above(0.0))
    steps: int = option(300, help="Steps of every map.", limit=at_least(1))
    batch_size: int = option(128, help="Rows of a step.", limit=at_least(1))


@attrs.frozen
class DeformableOptions:
    """When one encoder counts as deformed into another."""

    tolerance: float = option(
        0.1,
        help="A pair counts where the upper end of its interval is below this part of what the mean leaves.",
        limit=between(1e-9, 1.0),
    )
    draws: int = option(
        400, help="Draws of the held-out sentences, with replacement, for intervals.", limit=at_least(20)
    )
    permutations: int = option(
        19, help="How often sentences are paired at random, to see what maps reach by chance.", limit=at_least(1)
    )
