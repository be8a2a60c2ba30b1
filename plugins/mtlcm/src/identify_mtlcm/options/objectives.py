"""Options of the objective `mtlcm`: which representation, how it is trained, and the linear causal model on it."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, option
from identify_mtlcm.options.causal import CausalOptions
from identify_mtlcm.options.regression import Keep, RegressionOptions


@attrs.frozen
class RepresentationOptions:
    """Where a representation comes from: what `mtlcm` and the baselines share."""

    representation: Literal["auto", "inputs", "regression", "stored"] = option(
        "auto",
        help="The inputs themselves; the representation of a multi-task regression, trained first; or the latents of a "
        "stored run, of any plugin. `auto` trains where the spec has a model and takes the inputs otherwise.",
    )
    run: str = option("", help='With representation = "stored": the run, by id, unique prefix, name or "@last".')
    latents: str = option("h", help='With representation = "stored": the name of its latents.')
    replicate: int | None = option(
        None,
        help='With representation = "stored": the one replicate that all take; without it each replicate takes the '
        "stored one of its own number.",
        limit=at_least(0),
    )
    latent_dim: int | None = option(
        None,
        help="The latent dimension that is expected; the run is refused where the representation has another. Without "
        "it, that of the representation.",
        limit=at_least(1),
    )
    regression: RegressionOptions = option(
        attrs.Factory(RegressionOptions), help="The options of the multi-task regression."
    )
    keep: Keep = option("test", help="The rows whose latents are stored.")

    def __attrs_post_init__(self) -> None:
        if self.representation == "stored" and not self.run:
            raise ValueError('representation is "stored", but no run is named: set run')
        if self.representation != "stored" and self.run:
            raise ValueError(
                f'run is {self.run!r}, but representation is "{self.representation}": only "stored" reads a run'
            )


@attrs.frozen
class MtlcmOptions(RepresentationOptions):
    """The options of `mtlcm`."""

    solver: CausalOptions = option(attrs.Factory(CausalOptions), help="The options of the linear causal model.")
