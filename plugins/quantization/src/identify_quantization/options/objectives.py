"""Options of the objectives: how they train, what decays, and what each adds to the reconstruction."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, not_empty, option

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
    keep_before: bool = option(False, help="Whether what books quantise is kept, too.")
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
class _BookOptions(TrainingOptions):
    reconstruction: float = option(1.0, help="The factor on the cross-entropy.", source=_PAPER, limit=at_least(0))
    quantise: float = option(
        0.01, help="The factor on what moves the books to the latents.", source=_PAPER, limit=at_least(0)
    )
    commit: float = option(
        0.01, help="The factor on what moves the latents to the books.", source=_PAPER, limit=at_least(0)
    )
    restart_every: int | None = option(
        None,
        help="Steps after which book entries that the batch does not use are set to latents drawn from it; without it "
        "they are left alone, as in the study.",
        limit=at_least(1),
    )


@attrs.frozen
class QlaeOptions(_BookOptions):
    """The options of `qlae`."""

    weight_decay: float = option(
        0.1,
        help="Decoupled, on all but biases and books: what decays shrinks by learning_rate times this in a step.",
        source=f"{_PAPER}: tuned for Shapes3D, Falcor3D and Isaac3D",
        limit=at_least(0),
    )


@attrs.frozen
class VqVaeOptions(_BookOptions):
    """The options of `vq-vae`."""

    weight_decay: float = option(
        0.01,
        help="Decoupled, on all but biases and books: what decays shrinks by learning_rate times this in a step.",
        source=f"{_CODE}: tuned for all four data sets",
        limit=at_least(0),
    )
    quantise: float = option(
        1.0, help="The factor on what moves the books to the latents.", source=_PAPER, limit=at_least(0)
    )
    commit: float = option(
        0.25, help="The factor on what moves the latents to the books.", source=_PAPER, limit=at_least(0)
    )


@attrs.frozen
class BioAeOptions(TrainingOptions):
    """The options of `bio-ae`."""

    weight_decay: float = option(
        1e-4,
        help="Decoupled, on all but biases and books: what decays shrinks by learning_rate times this in a step.",
        source=_CODE,
        limit=at_least(0),
    )
    reconstruction: float = option(1.0, help="The factor on the cross-entropy.", source=_CODE, limit=at_least(0))
    negative: float = option(
        1.0, help="The factor on how far latents lie below 0, a mean over latents.", source=_CODE, limit=at_least(0)
    )
    activity: float = option(
        0.1, help="The factor on the mean square of the latents.", source=f"{_CODE}; tuned 0.01", limit=at_least(0)
    )


@attrs.frozen
class _VariationalOptions(TrainingOptions):
    annealing: int = option(
        0,
        help="Steps in which the weight of the penalty rises from 0; 0 for none.",
        source=f"{_CODE}: 10,000 where it is used, off by default",
        limit=at_least(0),
    )


@attrs.frozen
class BetaVaeOptions(_VariationalOptions):
    """The options of `beta-vae`."""

    beta: float = option(
        1.0, help="The factor on the divergence from the prior; 1 is the VAE.", source=_CODE, limit=at_least(0)
    )


@attrs.frozen
class BetaTcvaeOptions(_VariationalOptions):
    """The options of `beta-tcvae`."""

    information: float = option(1.0, help="The factor on the index-code information.", limit=at_least(0))
    total_correlation: float = option(1.0, help="The factor on the total correlation, β.", limit=at_least(0))
    dimensions: float = option(1.0, help="The factor on the divergence of single latents.", limit=at_least(0))
    estimator: Literal["weighted", "stratified"] = option(
        "weighted",
        help="How the density of all posteriors is estimated from a batch: minibatch weighted, as in the study, or "
        "stratified sampling.",
        source="Chen et al., NeurIPS 2018, appendix C",
    )


@attrs.frozen
class FactorVaeOptions(_VariationalOptions):
    """The options of `factor-vae`."""

    gamma: float = option(
        10.0,
        help="The factor on the total correlation that the discriminator tells.",
        source="Kim & Mnih, ICML 2018: 10 to 100",
        limit=at_least(0),
    )
    discriminator_rate: float = option(
        1e-4, help="The discriminator's learning rate.", source="Kim & Mnih, ICML 2018, appendix A", limit=above(0)
    )


@attrs.frozen
class DipVaeOptions(_VariationalOptions):
    """The options of `dip-vae`."""

    form: Literal["means", "posterior"] = option(
        "means",
        help="Whose covariance is held at the identity: that of the posterior means (DIP-VAE-I), or of the aggregated "
        "posterior (DIP-VAE-II).",
        source="Kumar et al., ICLR 2018",
    )
    off_diagonal: float = option(10.0, help="The factor on covariances.", limit=at_least(0))
    diagonal: float = option(
        100.0,
        help="The factor on the distance of variances from 1.",
        source="disentanglement_lib: 10 times off_diagonal for `means`, as much for `posterior`",
        limit=at_least(0),
    )


@attrs.frozen
class TripodOptions(TrainingOptions):
    """The options of `tripod`."""

    learning_rate: float = option(2e-4, help="Of Adam.", source="Tripod, ICML 2024", limit=above(0))
    batch_size: int = option(64, help="Images a step.", source="Tripod, ICML 2024", limit=at_least(2))
    steps: int = option(250_000, help="Gradient steps.", source="Tripod, ICML 2024", limit=at_least(0))
    information: float = option(
        1e-4,
        help="The factor on the multi-information of the latents, by kernel densities.",
        source="Tripod, ICML 2024: tuned for Shapes3D",
        limit=at_least(0),
    )
    hessian: float = option(
        1e-2,
        help="The factor on the normalised Hessian penalty of the decoder.",
        source="Tripod, ICML 2024: tuned for Shapes3D",
        limit=at_least(0),
    )
    directions: int = option(2, help="Random directions in which the Hessian is probed.", limit=at_least(2))
    difference: float = option(0.1, help="The length of a step of its finite differences.", limit=above(0))


@attrs.frozen
class InfoWganOptions(TrainingOptions):
    """The options of `info-wgan-gp`."""

    learning_rate: float = option(2e-4, help="Of Adam.", source=_PAPER, limit=above(0))
    batch_size: int = option(64, help="Images a step.", source=_PAPER, limit=at_least(1))
    steps: int = option(200_000, help="Steps of the critic.", source=_PAPER, limit=at_least(0))
    weight_decay: float = option(
        1e-4,
        help="Decoupled, on all but biases and books: what decays shrinks by learning_rate times this in a step.",
        source=f"{_CODE}: tuned 1e-3 on Shapes3D and MPI3D",
        limit=at_least(0),
    )
    betas: tuple[float, ...] = option(
        (0.0, 0.9), help="Of Adam, two numbers.", source=_CODE, limit=(not_empty(), between(0.0, 0.9999))
    )
    generator_every: int = option(
        5, help="The generator and the books move in one step of so many.", source=_CODE, limit=at_least(1)
    )
    value: float = option(1.0, help="The factor on the critic's value.", source=_CODE, limit=at_least(0))
    gradient: float = option(10.0, help="The factor on the gradient penalty.", source=_CODE, limit=at_least(0))
    latent: float = option(
        200.0,
        help="The factor on the squared distance of found and drawn latents; 0 is a plain GAN.",
        source=_CODE,
        limit=at_least(0),
    )
    quantise: float = option(
        0.01, help="The factor on what moves the books to the latents.", source=_CODE, limit=at_least(0)
    )
    commit: float = option(
        0.01, help="The factor on what moves the latents to the books.", source=_CODE, limit=at_least(0)
    )

    def __attrs_post_init__(self) -> None:
        if len(self.betas) != 2:
            raise ValueError(f"betas is {self.betas}; Adam has two")


@attrs.frozen
class IcaOptions:
    """The options of `ica`."""

    run: str = option(help='The stored run, by id, unique prefix, name or "@last"; an AE with weight decay, say.')
    latents: str = option("z", help="The name of its latents.")
    iterations: int = option(500, help="How many iterations FastICA may take.", limit=at_least(1))
    tolerance: float = option(1e-4, help="Where FastICA stops.", limit=above(0))
