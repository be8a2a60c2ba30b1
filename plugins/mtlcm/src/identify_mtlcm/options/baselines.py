"""Options of the objectives that the study's method is compared with."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, option
from identify_mtlcm.options.networks import Activation
from identify_mtlcm.options.objectives import RepresentationOptions
from identify_mtlcm.options.regression import Keep, MtrnOptions

_SKLEARN = "scikit-learn, FastICA"
_IVAE = "Khemakhem et al., AISTATS 2020, arXiv 1907.04809"


@attrs.frozen
class UntrainedOptions:
    """The options of `untrained`."""

    keep: Keep = option("test", help="The rows whose representation is stored.")


@attrs.frozen
class WhiteningOptions(RepresentationOptions):
    """The options of `whitening`."""

    kind: Literal["pca", "zca"] = option(
        "pca", help="Principal components at unit variance, or the whitened coordinates closest to the original ones."
    )
    components: int | None = option(
        None,
        help="How many principal components are kept; without it all that vary. `zca` takes them all.",
        limit=at_least(1),
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.kind == "zca" and self.components is not None:
            raise ValueError(
                f'components is {self.components}, but kind is "zca", which keeps every coordinate: leave it out'
            )


@attrs.frozen
class FastIcaOptions(RepresentationOptions):
    """The options of `fastica`."""

    components: int | None = option(
        None, help="How many independent components; without it all directions that vary.", limit=at_least(1)
    )
    algorithm: Literal["parallel", "deflation"] = option(
        "parallel", help="Whether components are found together or one after the other.", source=_SKLEARN
    )
    contrast: Literal["logcosh", "exp", "cube"] = option(
        "logcosh", help="The function whose expectation measures non-Gaussianity.", source=_SKLEARN
    )
    iterations: int = option(500, help="At most.", limit=at_least(1))
    tolerance: float = option(1e-4, help="At which an iteration counts as converged.", source=_SKLEARN, limit=above(0))


@attrs.frozen
class IvaeOptions:
    """The options of `ivae`."""

    latent_dim: int = option(20, help="Latents, d.", limit=at_least(1))
    hidden: int = option(200, help="Units of each hidden layer of encoder, decoder and prior.", limit=at_least(1))
    layers: int = option(2, help="Hidden layers of encoder, decoder and prior.", source=_IVAE, limit=at_least(1))
    activation: Activation = option("leaky-relu", help="The function after each hidden layer.", source=_IVAE)
    decoder_noise: float | Literal["learned"] = option(
        "learned",
        help="Standard deviation of the inputs, standardised, around what is decoded; a number, or one learned number.",
        limit=above(0.0),
    )
    epochs: int = option(60, help="Passes over the training rows.", limit=at_least(0))
    batch_size: int = option(256, help="Rows a step.", limit=at_least(1))
    learning_rate: float = option(1e-3, help="Of Adam, at its highest.", limit=above(0.0))
    schedule: Literal["cosine", "linear", "constant"] = option(
        "cosine", help="How the learning rate falls to 0 over the epochs."
    )
    log_every: int = option(20, help="Steps between two entries of the history.", limit=at_least(1))
    keep: Keep = option("test", help="The rows whose latents are stored.")


@attrs.frozen
class GroupSparseOptions(MtrnOptions):
    """The options of `group-sparse`."""

    head_penalty: float = option(0.0, help="Not used here: see entry_penalty and group_penalty.", limit=at_least(0.0))
    entry_penalty: float = option(
        1e-2,
        help="Weight of the mean over tasks of Σ_j |w_tj|: each task uses few latents.",
        source="Lachapelle et al., ICML 2023, arXiv 2211.14666; Fumero et al., NeurIPS 2023, arXiv 2304.07939",
        limit=at_least(0.0),
    )
    group_penalty: float = option(
        1e-3,
        help="Weight of Σ_j of the root mean square over tasks of w_tj: latents that no task needs are dropped.",
        source="Yuan & Lin, J. R. Stat. Soc. B 68(1), 2006",
        limit=at_least(0.0),
    )

    def __attrs_post_init__(self) -> None:
        if self.head_penalty:
            raise ValueError(
                f"head_penalty is {self.head_penalty:g}, but group-sparse has penalties of its own: set entry_penalty "
                "and group_penalty"
            )
        if self.covariance_penalty == 0 and (self.entry_penalty or self.group_penalty):
            raise ValueError(
                "covariance_penalty is 0: nothing holds the scale of the representation, so that any penalty on the "
                "heads could be made vanish by small heads on a large representation"
            )
