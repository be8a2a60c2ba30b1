"""Options of the objectives."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, option
from identify_metric.options.evaluators import Ensemble, SolverOptions, which_latents
from identify_metric.options.models import STUDY

_CODE = "mustass/identifiable-latent-metric-space"
_PREDECESSOR = "Syrota et al., GRaM 2024, arXiv 2408.07507"


@attrs.frozen
class ElboOptions:
    """The options of `elbo`."""

    epochs: int = option(500, help="Passes over the training rows.", source=_CODE, limit=at_least(0))
    batch_size: int = option(128, help="Rows a step.", source=_CODE, limit=at_least(1))
    beta: float = option(1.0, help="Weight of the divergence from the prior.", source=_CODE, limit=at_least(0.0))
    decoders: Literal["chunks", "draw"] = option(
        "chunks",
        help="Which decoder learns from a row: every batch is cut into one chunk a decoder, or one decoder is drawn a "
        "batch.",
        source=f"{STUDY}; {_PREDECESSOR} draws",
    )
    optimiser: Literal["adamax", "adam", "adamw", "nesterov", "momentum", "sgd"] = option(
        "adamax",
        help="What moves the parameters; `adamw` has a weight decay of 1e-4, `nesterov` and `momentum` a momentum of "
        "0.9.",
        source=_CODE,
    )
    learning_rate: float = option(1e-3, help="At its highest.", source=_CODE, limit=above(0.0))
    schedule: Literal["exponential", "constant", "piecewise", "cosine", "restarts", "step"] = option(
        "exponential",
        help="How the learning rate falls; `exponential` halves it in every `halve_every` steps, `step` at once when "
        "they are over, `piecewise` at 20, 40 and 60 % of the steps; `restarts` is `cosine` in `cycles` equal parts.",
        source=_CODE,
    )
    cycles: int = option(5, help="Parts of the schedule `restarts`.", limit=at_least(1))
    warm_up: int = option(1000, help="Steps in which the learning rate rises.", source=_CODE, limit=at_least(0))
    halve_every: int = option(100_000, help="Steps that halve the learning rate.", source=_CODE, limit=at_least(1))
    clip_norm: float | None = option(
        1.0, help="Longest gradient of a replicate; without it, any length.", source=_CODE, limit=above(0.0)
    )
    clip_value: float | None = option(
        None,
        help="Largest entry of a gradient; without it, any size.",
        source="10 in one configuration",
        limit=above(0),
    )
    clip_rms: float | None = option(
        None,
        help="Largest root mean square of the gradient of each parameter tensor; without it, any.",
        source="0.1 in one configuration",
        limit=above(0),
    )
    perceptual: float = option(
        0.0, help="Weight of the perceptual term, which compares features of VGG16.", source=STUDY, limit=at_least(0.0)
    )
    perceptual_folder: str = option(
        "", help="The folder with vgg16-397923af.pth; empty for IDENTIFY_DATA or the cache.", names_file=True
    )
    download: bool = option(False, help="Whether the weights of VGG16 may be downloaded where they are not there.")
    refine: int = option(
        0,
        help="Iterations by which each kept latent is moved to where the decoders explain its input best under the "
        "prior; 0 keeps what the encoder says.",
        limit=at_least(0),
    )
    validate_every: int = option(10, help="Epochs between two bounds on the validation rows.", limit=at_least(1))
    patience: int | None = option(
        2,
        help="Bounds in a row without improvement after which a replicate stops; without it, never.",
        source=f"{_CODE}: two evaluations",
        limit=at_least(1),
    )
    keep: Literal["test", "validation", "train"] = option("test", help="The rows whose latents are stored.")
    log_every: int = option(20, help="Steps between two entries of the history.", limit=at_least(1))

    def __attrs_post_init__(self) -> None:
        if self.clip_rms is not None and self.clip_norm is not None:
            raise ValueError(
                f"clip_norm is {self.clip_norm:g} and clip_rms {self.clip_rms:g}: gradients are clipped by one of them"
            )


@attrs.frozen
class LandmarkOptions(SolverOptions):
    """The options of `landmark-distances`."""

    run: str = option("@last", help="The stored run whose decoders and latents are taken, of the same store.")
    latents: str = which_latents()
    landmarks: int = option(16, help="Samples to which distances are measured.", limit=at_least(1))
    landmark_seed: int = option(101, help="Seed of numpy's legacy generator, which draws them.", limit=at_least(0))
    ensemble: Ensemble = option("expected", help="The metric of several decoders.")
