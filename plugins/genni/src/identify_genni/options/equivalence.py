"""Options of the objective `equivalence`: how networks are trained to one target function, and what counts as there."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option

_RUN = "experiments/FCN_Sample, config.yml"
_TRAINING = "genni 1.0.3, training.py"


@attrs.frozen
class EquivalenceOptions:
    """The options of `equivalence`."""

    steps: int = option(1000, help="Gradient steps of every attempt.", source=_RUN, limit=at_least(0))
    optimiser: Literal["sgd", "momentum", "adam"] = option(
        "sgd", help="What makes a step of a gradient.", source=_TRAINING
    )
    momentum: float = option(
        0.9, help="The share of the last update that the optimiser `momentum` keeps.", limit=between(0.0, 0.999)
    )
    learning_rate: float = option(0.015, help="Of the optimiser.", source=_RUN, limit=above(0.0))
    batch_size: int | None = option(256, help='Rows a step; "none" for all of them.', source=_RUN, limit=at_least(1))
    order: Literal["sequential", "shuffled", "shuffled-each"] = option(
        "sequential",
        help="The order of the rows: as they stand, one new order an epoch for all replicates, or one for each.",
        source=_TRAINING,
    )
    initialisation: Literal["streams", "after-data"] = option(
        "streams",
        help="Whether each replicate draws from its own stream, or all draw one after the other from where the dataset "
        "teacher-2020 left its generator, as in the study.",
        source=_TRAINING,
    )
    tolerance: float = option(0.01, help="A replicate has converged where J/Var(f*) is at most this.", limit=above(0.0))
    measured_on: Literal["test", "train"] = option(
        "test", help="The split on which J/Var(f*) is measured: held-out inputs, or the training inputs."
    )
    reduction: Literal["mean", "batch-mean"] = option(
        "mean",
        help="J is the mean over all inputs, or the study's unweighted mean of the means over batches of 256.",
        source="genni 1.0.3, utils.py",
    )
    measure_every: int = option(50, help="Steps between two measurements of J/Var(f*).", limit=at_least(1))
    stop_below: float | None = option(
        None,
        help="A replicate stops where J/Var(f*) falls below this; else it makes all steps.",
        limit=above(0.0),
    )
    patience: int | None = option(
        None, help="A replicate stops after so many measurements in a row without improvement.", limit=at_least(1)
    )
    polish: Literal["none", "lbfgs", "levenberg-marquardt"] = option(
        "none", help="A second-order method on all training inputs, after the gradient steps."
    )
    polish_steps: int = option(100, help="Iterations of the polishing.", limit=at_least(1))
    polish_below: float = option(
        1e-12, help="A replicate is polished until J/Var(f*) on the training inputs is below this.", limit=above(0.0)
    )
    restarts: int = option(
        0,
        help="How often a replicate that has not converged starts again, each time from its own stream; the attempt "
        "with the lowest J is kept.",
        limit=at_least(0),
    )
    enough: int | None = option(
        None,
        help="No more restarts once so many replicates have converged; without it each goes on by itself, and its "
        "result does not depend on the others.",
        limit=at_least(1),
    )
    channels: Literal["mean", "flatten"] = option(
        "mean", help="What becomes of a convolution's positions in the stored hidden activations of each channel."
    )
    latent_samples: int | None = option(
        2000, help='Rows of the split `test` whose activations are stored; "none" for all.', limit=at_least(1)
    )
    constant_below: float = option(
        1e-3,
        help="A network whose outputs vary less than this part of Var(f*) is called constant.",
        limit=between(0.0, 1.0),
    )

    def __attrs_post_init__(self) -> None:
        if self.initialisation == "after-data" and self.restarts:
            raise ValueError(
                f'restarts is {self.restarts}, but with initialisation = "after-data" there is nothing to start from: '
                "the study draws its candidates once"
            )
        if self.enough is not None and not self.restarts:
            raise ValueError(f"enough is {self.enough}, but without restarts it changes nothing: set restarts")
