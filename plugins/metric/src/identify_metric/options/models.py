"""Options of the models: one encoder and several decoders each."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, option

STUDY = "Syrota et al., ICML 2025, arXiv 2502.13757"

Law = Literal["gaussian", "gaussian-network", "bernoulli"]
Activation = Literal["relu", "elu", "tanh", "softplus"]
Architecture = Literal["fashion-mnist", "cifar10", "celeba", "celeba-perceptual"]


@attrs.frozen
class VaeOptions:
    """What every variational autoencoder of this plugin has."""

    latent_dim: int = option(4, help="Width of the latent space, d.", limit=at_least(1))
    decoders: int = option(4, help="Independent decoders that share the encoder, S.", source=STUDY, limit=at_least(1))
    law: Law = option(
        "gaussian",
        help="Law of an input given its latent: Gaussian with one σ, Gaussian with a σ that the decoder gives for "
        "every pixel, or Bernoulli.",
    )
    sigma: float | Literal["learned"] = option(
        1.0,
        help="Standard deviation of the law `gaussian`: a number, or one learned number for each feature.",
        source="1 in the study",
        limit=above(0.0),
    )


@attrs.frozen
class DenseOptions(VaeOptions):
    """The options of `dense`."""

    hidden: tuple[int, ...] = option(
        (128, 128),
        help="Units of the hidden layers of the encoder, first to last; decoders have them in reverse.",
        limit=at_least(1),
    )
    activation: Activation = option("elu", help="The function after each hidden layer.", source=STUDY)


@attrs.frozen
class ConvOptions(VaeOptions):
    """The options of `conv`."""

    architecture: Architecture = option(
        "fashion-mnist",
        help="Which of the study's convolutional networks: for images of 1 × 28 × 28, 3 × 32 × 32 or 3 × 64 × 64.",
        source=STUDY,
    )


@attrs.frozen
class InjectiveOptions(VaeOptions):
    """The options of `injective`."""

    law: Literal["gaussian", "bernoulli"] = option(
        "gaussian",
        help="Law of an input given its latent: Gaussian with one σ, or Bernoulli, whose logits are decoded.",
    )
    hidden: tuple[int, ...] = option(
        (128, 128), help="Units of the hidden layers of the encoder, first to last.", limit=at_least(1)
    )
    couplings: int = option(6, help="Affine couplings of each decoder, one after the other.", limit=at_least(2))
    coupling_units: int = option(64, help="Units of the network of each coupling.", limit=at_least(1))
