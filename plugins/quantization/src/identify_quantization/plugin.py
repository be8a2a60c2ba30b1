"""What the quantization plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Dataset, Model, Objective, Preset, hookimpl
from identify_quantization.options.data import GeneratedOptions
from identify_quantization.options.networks import DenseOptions, ImageOptions, StyleImageOptions
from identify_quantization.options.objectives import (
    AutoencoderOptions,
    BetaTcvaeOptions,
    BetaVaeOptions,
    BioAeOptions,
    DipVaeOptions,
    FactorVaeOptions,
    IcaOptions,
    InfoWganOptions,
    QlaeOptions,
    TripodOptions,
    VqVaeOptions,
)

PAPER = "Hsu, Dorrell, Whittington, Wu & Finn, NeurIPS 2023, arXiv 2305.18378"
CODE = "github.com/kylehkhsu/latent_quantization"


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """Images with the factors that made them."""
    yield Dataset(
        name="generated",
        summary="648 small pictures: every combination of 3 shapes, 6 colours and 6 × 6 places; needs no file.",
        options=GeneratedOptions,
        target="identify_quantization.data.generated:make_generated",
    )


@hookimpl
def identify_models() -> Iterable[Model]:
    """Encoder, latents and decoder."""
    yield Model(
        name="dense",
        summary="Dense layers with layer norm on both sides of the latents.",
        options=DenseOptions,
        target="identify_quantization.networks.autoencoder:build_dense",
        check="identify_quantization.networks.autoencoder:check_dense",
        source=CODE,
    )
    for name, target, options in (
        ("image", "identify_quantization.networks.autoencoder:build_image", ImageOptions),
        ("image-small", "identify_quantization.networks.autoencoder:build_image_small", ImageOptions),
        ("style-image", "identify_quantization.networks.autoencoder:build_style_image", StyleImageOptions),
        ("style-image-small", "identify_quantization.networks.autoencoder:build_style_image_small", StyleImageOptions),
    ):
        size = "Small" if name.endswith("small") else "Large"
        decoder = "whose maps the latents scale and shift" if name.startswith("style") else "that mirrors it"
        yield Model(
            name=name,
            summary=f"{size} convolutional encoder with a decoder {decoder}.",
            options=options,
            target=target,
            check="identify_quantization.networks.autoencoder:check_image",
            source=f"{PAPER}, appendix C; {CODE}",
        )


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """The study's method and what it is compared with."""
    yield Objective(
        name="ae",
        summary="Autoencoder: reconstruction alone.",
        options=AutoencoderOptions,
        target="identify_quantization.objectives.autoencoders:train_ae",
        autocast=True,
        source=f"{PAPER}, section 5",
    )
    yield Objective(
        name="qlae",
        summary="Quantised-latent autoencoder: each latent takes the values of a small learned book.",
        options=QlaeOptions,
        target="identify_quantization.objectives.autoencoders:train_qlae",
        autocast=True,
        source=f"{PAPER}, section 3",
    )
    yield Objective(
        name="vq-vae",
        summary="Vector-quantised autoencoder: each latent is a row of one learned table.",
        options=VqVaeOptions,
        target="identify_quantization.objectives.autoencoders:train_vq_vae",
        autocast=True,
        source="van den Oord, Vinyals & Kavukcuoglu, NeurIPS 2017, arXiv 1711.00937",
    )
    yield Objective(
        name="bio-ae",
        summary="Autoencoder whose latents are seldom negative and rarely active.",
        options=BioAeOptions,
        target="identify_quantization.objectives.autoencoders:train_bio_ae",
        autocast=True,
        source="Whittington, Dorrell, Ganguli & Behrens, ICLR 2023, arXiv 2210.01768",
    )
    yield Objective(
        name="beta-vae",
        summary="Variational autoencoder with a factor on its divergence from the prior.",
        options=BetaVaeOptions,
        target="identify_quantization.objectives.variational:train_beta_vae",
        autocast=True,
        source="Higgins et al., ICLR 2017",
    )
    yield Objective(
        name="beta-tcvae",
        summary="Variational autoencoder with a factor on the total correlation of its latents.",
        options=BetaTcvaeOptions,
        target="identify_quantization.objectives.variational:train_beta_tcvae",
        autocast=True,
        source="Chen, Li, Grosse & Duvenaud, NeurIPS 2018, arXiv 1802.04942",
    )
    yield Objective(
        name="factor-vae",
        summary="Variational autoencoder whose total correlation a discriminator tells.",
        options=FactorVaeOptions,
        target="identify_quantization.objectives.variational:train_factor_vae",
        autocast=True,
        source="Kim & Mnih, ICML 2018, arXiv 1802.05983",
    )
    yield Objective(
        name="dip-vae",
        summary="Variational autoencoder whose latents' covariance is held at the identity.",
        options=DipVaeOptions,
        target="identify_quantization.objectives.variational:train_dip_vae",
        autocast=True,
        source="Kumar, Sattigeri & Balakrishnan, ICLR 2018, arXiv 1711.00848",
    )
    yield Objective(
        name="info-wgan-gp",
        summary="Wasserstein GAN whose latents an encoder finds again; with books the study's QLInfoWGAN-GP.",
        options=InfoWganOptions,
        target="identify_quantization.objectives.adversarial:train_info_wgan_gp",
        autocast=True,
        source=f"{PAPER}, section 3.3",
    )
    yield Objective(
        name="tripod",
        summary="Latents on a fixed grid, independent, each with its own effect on the image.",
        options=TripodOptions,
        target="identify_quantization.objectives.tripod:train_tripod",
        autocast=True,
        source="Hsu, Hamid, Burns, Finn & Wu, ICML 2024, arXiv 2404.10282",
    )
    yield Objective(
        name="ica",
        summary="Independent components of the latents of a stored run.",
        options=IcaOptions,
        target="identify_quantization.objectives.independent:separate",
    )


@hookimpl
def identify_presets() -> Iterable[Preset]:
    """The study's experiments, and one that ends in seconds."""
    yield _preset("smoke", "648 generated images, a small dense network with books, seconds on a CPU.", PAPER)


def _preset(name: str, summary: str, source: str) -> Preset:
    return Preset(name=name, summary=summary, resource=f"identify_quantization:presets/{name}.toml", source=source)
