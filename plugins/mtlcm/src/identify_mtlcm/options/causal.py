"""Options of the linear causal model: its solver, its noise, how a representation is centred and standardised."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option

_STUDY = "code of the study, train_A"
_MODEL = "code of the study, LinearCausalModel"


@attrs.frozen
class AdamOptions:
    """The options of the solver `adam`: the study's own training, for parity."""

    epochs: int = option(
        1000, help="Passes over all rows, each with every task's target.", source=_STUDY, limit=at_least(1)
    )
    batch_size: int | None = option(
        1024, help='Rows a step; "none" for one step an epoch over all of them.', source=_STUDY, limit=at_least(1)
    )
    learning_rate: float = option(
        0.1, help="Of Adam; the study takes 0.1 with its scheduler and 0.005 without.", source=_STUDY, limit=above(0.0)
    )
    scheduler: bool = option(
        True, help="Whether the learning rate falls where the mean loss of an epoch no longer does.", source=_STUDY
    )
    patience: int = option(
        100, help="Epochs without improvement before the rate falls.", source=_STUDY, limit=at_least(0)
    )
    factor: float = option(0.5, help="By which the rate falls.", source=_STUDY, limit=(above(0.0), between(0.0, 0.999)))
    threshold: float = option(
        1e-4, help="The part of the best loss by which a loss must improve on it.", source=_STUDY, limit=at_least(0.0)
    )
    lowest_rate: float = option(5e-3, help="The rate falls no further than this.", source=_STUDY, limit=at_least(0.0))
    gamma_warm_up: int = option(
        0, help="Epochs at the beginning in which γ stays as it was drawn.", source=_STUDY, limit=at_least(0)
    )
    retry_jitter: float = option(
        1e-6,
        help="Added to the diagonal of the covariances of a batch if one of them has lost its definiteness.",
        source=_STUDY,
        limit=above(0.0),
    )


@attrs.frozen
class CausalOptions:
    """The options of the linear causal model."""

    solver: Literal["default", "joint-diagonalisation", "likelihood", "adam"] = option(
        "default",
        help="Joint diagonalisation of the tasks' residual covariances; the exact likelihood by L-BFGS; the study's "
        "Adam; or, the default, joint diagonalisation polished by the exact likelihood.",
        source="Pham 2001; Ablin, Cardoso & Gramfort 2018; section 3 of the paper for the likelihood",
    )
    spurious_noise: float | Literal["learned", "per-task"] = option(
        0.1,
        help="σ_s, the standard deviation of a spurious latent given the target: a number, one learned number, or one "
        "for each task.",
        source=_MODEL,
        limit=between(1e-6, 0.999),
    )
    observation_noise: float = option(
        1e-4,
        help="σ_o, the standard deviation of the noise on each observed feature (after standardise); 0 is exact too.",
        source=_MODEL,
        limit=at_least(0.0),
    )
    centring: Literal["per-task", "global", "none"] = option(
        "per-task",
        help="What is taken off the representation: the mean of each task, and of its targets, which is the maximum "
        "likelihood of free intercepts; one mean; or nothing, as in the study.",
        source="the model has no intercept: section 3 of the paper",
    )
    standardise: Literal["none", "coordinates", "zca"] = option(
        "none",
        help="How the representation is scaled before the model sees it: each coordinate to unit variance, or whitened "
        "symmetrically; only the observation noise and the solver adam can tell the difference.",
        source="code of the study: superconduct standardises the coordinates",
    )
    restarts: int = option(
        2,
        help="Further attempts from random rotations of the whitened representation; the best criterion is kept. The "
        "solver adam starts once, as in the study.",
        limit=at_least(0),
    )
    iterations: int = option(500, help="Of joint diagonalisation, and of L-BFGS, at most.", limit=at_least(1))
    tolerance: float = option(
        1e-8,
        help="Joint diagonalisation stops where no entry of its relative gradient is larger; L-BFGS where the gradient "
        "of the likelihood in units of its curvature is not.",
        limit=above(0.0),
    )
    adam: AdamOptions = option(attrs.Factory(AdamOptions), help="The options of the solver adam.")
