"""Options of the multi-task regression, the objective `mtrn` and the first stage of `mtlcm`."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option

_STUDY = "multitask_synthetic, exp_config.yaml"
_CODE = "released code, train_multitask"

Keep = Literal["test", "train", "all"]


@attrs.frozen
class RegressionOptions:
    """How an encoder and one linear head a task are trained."""

    epochs: int = option(40, help="Passes over the training rows; 2000 in the study.", limit=at_least(0))
    batch_size: int | None = option(1024, help='Rows a step; "none" for all of them.', source=_STUDY, limit=at_least(1))
    optimiser: Literal["adam", "momentum", "sgd"] = option(
        "adam", help="What makes a step of a gradient.", source=_CODE
    )
    learning_rate: float = option(1e-2, help="Of the optimiser, at its highest; 0.001 in the study.", limit=above(0.0))
    schedule: Literal["cosine", "linear", "constant"] = option(
        "cosine", help="How the learning rate falls to 0 over the epochs; it is constant in the study."
    )
    warm_up: int = option(0, help="Steps in which the learning rate rises at first.", limit=at_least(0))
    head_biases: bool = option(
        True,
        help="Whether each head has a bias; with it theory identifies the representation up to an affine map, without "
        "it up to a linear one.",
        source=_CODE,
    )
    inputs: Literal["auto", "as-given", "standardise", "whiten", "half-whiten"] = option(
        "auto",
        help="Whether training sees the inputs as they are, each feature standardised, whitened, or with the spread of "
        "each principal direction brought to its root; the map becomes a part of the encoder's first dense layer, so "
        "that the encoder itself takes the inputs as they are. `auto` is half-whiten where the encoder begins with a "
        "dense layer.",
    )
    targets: Literal["standardise", "as-given"] = option(
        "standardise",
        help="Whether each task's targets are standardised while training, so that every task counts alike; the heads "
        "are given in the targets' own units.",
    )
    covariance_penalty: float = option(
        0.03,
        help="Weight of a penalty that holds the representation to mean 0 and covariance 1 in each batch: the choice "
        "of one among the linear maps that the heads leave free. Without it a direction may shrink away.",
        limit=at_least(0.0),
    )
    head_penalty: float = option(
        1.5e-4, help="Half of it multiplies the sum of the squared head weights in the loss.", limit=at_least(0.0)
    )
    weight_decay: float = option(
        1e-5, help="Half of it multiplies the sum of the encoder's squared weights in the loss.", limit=at_least(0.0)
    )
    reconstruction: float = option(
        0.0,
        help="Weight of half the mean squared error with which a decoder of one hidden layer, trained along and thrown "
        "away, gives the inputs back from the representation. It is not part of the study: the heads see only one "
        "direction of h in each task's region, and this fixes what lies between the tasks.",
        limit=at_least(0.0),
    )
    decoder_hidden: int = option(200, help="Units of the hidden layer of that decoder.", limit=at_least(1))
    polish: int = option(
        0, help="Iterations of L-BFGS in float64 on the loss of all training rows, after the epochs.", limit=at_least(0)
    )
    refit_heads: bool = option(
        True,
        help="Whether the heads are replaced in the end by the exact least squares on the final representation.",
    )
    rank_tolerance: float = option(
        1e-3,
        help="Directions of the predictions whose share of the largest is below this do not count as identified.",
        limit=between(0.0, 1.0),
    )
    log_every: int = option(20, help="Steps between two entries of the history.", limit=at_least(1))


@attrs.frozen
class MtrnOptions(RegressionOptions):
    """The options of `mtrn`."""

    keep: Keep = option(
        "test",
        help='The rows whose representation is stored; "all" for all of them, so that `mtlcm` can go on from it.',
    )
