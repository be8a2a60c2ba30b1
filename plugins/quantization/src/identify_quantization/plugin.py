"""What the quantization plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Dataset, Evaluator, Model, Objective, hookimpl
from identify_quantization.options.data import (
    DspritesOptions,
    FileOptions,
    GeneratedOptions,
    ImageFolderOptions,
    Mpi3dOptions,
    ResizedOptions,
)
from identify_quantization.options.evaluators import (
    BooksOptions,
    DisentanglementOptions,
    ReconstructionOptions,
    TraversalsOptions,
)
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
        sizes="identify_quantization.sizes:generated",
    )
    yield Dataset(
        name="dsprites",
        summary="dSprites: 737,280 black and white images of 5 factors, or 46,080 on a coarser grid.",
        options=DspritesOptions,
        target="identify_quantization.data.sets:make_dsprites",
        source="Matthey, Higgins, Hassabis & Lerchner, 2017",
    )
    yield Dataset(
        name="shapes3d",
        summary="Shapes3D: 480,000 renderings of an object in a room, 6 factors.",
        options=FileOptions,
        target="identify_quantization.data.sets:make_shapes3d",
        source="Burgess & Kim, 2018",
    )
    yield Dataset(
        name="mpi3d",
        summary="MPI3D: a robot arm with an object, 7 factors, real or rendered.",
        options=Mpi3dOptions,
        target="identify_quantization.data.sets:make_mpi3d",
        source="Gondal et al., NeurIPS 2019, arXiv 1906.03292",
    )
    yield Dataset(
        name="falcor3d",
        summary="Falcor3D: 233,280 renderings of a room under lights and cameras, 7 factors.",
        options=ResizedOptions,
        target="identify_quantization.data.sets:make_falcor3d",
        source="Nie et al., ICML 2020, arXiv 2003.03461",
    )
    yield Dataset(
        name="isaac3d",
        summary="Isaac3D: 737,280 renderings of a robot arm in a kitchen, 9 factors.",
        options=ResizedOptions,
        target="identify_quantization.data.sets:make_isaac3d",
        source="Nie et al., ICML 2020, arXiv 2003.03461",
    )
    yield Dataset(
        name="cars3d",
        summary="Cars3D: 183 models of cars from 4 elevations and 24 azimuths.",
        options=ResizedOptions,
        target="identify_quantization.data.sets:make_cars3d",
        source="Reed, Zhang, Zhang & Lee, NeurIPS 2015",
    )
    yield Dataset(
        name="small-norb",
        summary="smallNORB: 24,300 photographs of toys, 5 factors.",
        options=ResizedOptions,
        target="identify_quantization.data.sets:make_small_norb",
        source="LeCun, Huang & Bottou, CVPR 2004",
    )
    yield Dataset(
        name="celeba",
        summary="CelebA: 202,599 faces with 40 attributes.",
        options=ResizedOptions,
        target="identify_quantization.data.sets:make_celeba",
        source="Liu, Luo, Wang & Tang, ICCV 2015, arXiv 1411.7766",
    )
    yield Dataset(
        name="image-folder",
        summary="One's own images, with a table of their factors.",
        options=ImageFolderOptions,
        target="identify_quantization.data.sets:make_image_folder",
    )


@hookimpl
def identify_models() -> Iterable[Model]:
    """Encoder, latents and decoder."""
    yield Model(
        name="dense",
        summary="Dense layers with layer norm on both sides of the latents.",
        options=DenseOptions,
        target="identify_quantization.networks.autoencoder:build_dense",
        sizes="identify_quantization.sizes:dense",
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
def identify_evaluators() -> Iterable[Evaluator]:
    """What trained networks reconstruct, which entries they use, what their latents do and know."""
    yield Evaluator(
        name="reconstruction",
        summary="Cross-entropy and PSNR, next to those of the mean image.",
        options=ReconstructionOptions,
        target="identify_quantization.evaluators.reconstruction:evaluate",
        draw="identify_quantization.views.pictures:draw_reconstruction",
        arity="run",
        requires={"modules", "samples"},
        larger_is="better",
        source=f"{PAPER}, appendix D",
    )
    yield Evaluator(
        name="books",
        summary="Which entries of the books are used, and which are dead.",
        options=BooksOptions,
        target="identify_quantization.evaluators.books:evaluate",
        draw="identify_quantization.views.pictures:draw_books",
        arity="run",
        requires={"modules", "samples"},
        larger_is="neither",
    )
    yield Evaluator(
        name="traversals",
        summary="What each latent does to an image, over the sorted entries of its book.",
        options=TraversalsOptions,
        target="identify_quantization.evaluators.traversals:evaluate",
        draw="identify_quantization.views.pictures:draw_traversals",
        arity="run",
        requires={"modules", "samples"},
        source=f"{PAPER}, figure 5",
    )
    yield Evaluator(
        name="disentanglement",
        summary="InfoMEC over the steps of training, and its matrix of information.",
        options=DisentanglementOptions,
        target="identify_quantization.evaluators.disentanglement:evaluate",
        draw="identify_quantization.views.pictures:draw_disentanglement",
        arity="run",
        requires={"modules", "samples", "factors"},
        headline=True,
        larger_is="better",
        source=f"{PAPER}, section 4",
    )
