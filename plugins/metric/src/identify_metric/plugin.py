"""What the metric plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Dataset, Evaluator, Model, Objective, hookimpl
from identify_metric.options.data import (
    CelebaOptions,
    CellsOptions,
    DigitsOptions,
    FolderOptions,
    ImageOptions,
    TableOptions,
)
from identify_metric.options.evaluators import (
    AnglesOptions,
    ConditionsOptions,
    DistancesOptions,
    IsometryOptions,
    LatentSpaceOptions,
    StabilityOptions,
    VolumesOptions,
)
from identify_metric.options.models import ConvOptions, DenseOptions, InjectiveOptions
from identify_metric.options.objectives import ElboOptions, LandmarkOptions

PAPER = "Syrota et al., ICML 2025, arXiv 2502.13757"
PREDECESSOR = "Syrota et al., GRaM 2024, arXiv 2408.07507"


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """Images and tables."""
    yield Dataset(
        name="digits",
        summary="scikit-learn's 1,797 handwritten digits, in train, validation and test rows.",
        options=DigitsOptions,
        target="identify_metric.datasets.digits:make_digits",
        sizes="identify_metric.sizes:digits",
        source="Alpaydin & Kaynak (1998), UCI Machine Learning Repository",
    )
    for name, summary, make, source in (
        ("mnist", "70,000 handwritten digits, 28 × 28.", "make_mnist", "LeCun, Cortes & Burges (1998)"),
        ("fashion-mnist", "70,000 articles of clothing, 28 × 28.", "make_fashion_mnist", "Xiao et al. (2017)"),
        ("cifar10", "60,000 photographs of ten classes, 3 × 32 × 32.", "make_cifar10", "Krizhevsky (2009)"),
        ("svhn", "99,289 digits of house numbers, 3 × 32 × 32.", "make_svhn", "Netzer et al. (2011)"),
    ):
        yield Dataset(
            name=name,
            summary=summary,
            options=ImageOptions,
            target=f"identify_metric.datasets.images:{make}",
            source=source,
        )
    yield Dataset(
        name="celeba",
        summary="202,599 faces with 40 attributes: the middle 148 × 148 pixels, resized to 64 × 64.",
        options=CelebaOptions,
        target="identify_metric.datasets.images:make_celeba",
        source="Liu et al., ICCV 2015",
    )
    yield Dataset(
        name="image-folder",
        summary="Pictures of one's own; those of a subfolder share a label.",
        options=FolderOptions,
        target="identify_metric.datasets.images:make_image_folder",
    )
    yield Dataset(
        name="table",
        summary="Rows of numbers of one's own, such as cells by principal components, from CSV or .h5ad.",
        options=TableOptions,
        target="identify_metric.datasets.tables:make_table",
    )
    yield Dataset(
        name="cells",
        summary="Generated cells in clusters, a stand-in for the cells of the study's first figure.",
        options=CellsOptions,
        target="identify_metric.datasets.tables:make_cells",
        sizes="identify_metric.sizes:cells",
        source=PAPER,
    )


@hookimpl
def identify_models() -> Iterable[Model]:
    """Variational autoencoders with several decoders."""
    yield Model(
        name="dense",
        summary="An encoder and several decoders of dense layers.",
        options=DenseOptions,
        target="identify_metric.networks.dense:build_dense",
        check="identify_metric.networks.dense:check_dense",
        sizes="identify_metric.sizes:dense",
        source=PREDECESSOR,
    )
    yield Model(
        name="conv",
        summary="The study's convolutional autoencoders for images of Fashion-MNIST, CIFAR-10 and CelebA.",
        options=ConvOptions,
        target="identify_metric.networks.convolutional:build_conv",
        check="identify_metric.networks.convolutional:check_conv",
        source=PAPER,
    )
    yield Model(
        name="injective",
        summary="Decoders that are smooth embeddings whatever their weights: a lift and a coupling flow.",
        options=InjectiveOptions,
        target="identify_metric.networks.injective:build_injective",
        check="identify_metric.networks.injective:check_injective",
        source=f"{PAPER}; couplings: Dinh et al., ICLR 2017, arXiv 1605.08803",
    )


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """Training."""
    yield Objective(
        name="elbo",
        summary="The evidence lower bound with an ensemble of decoders, identified up to an isometry of their metric.",
        options=ElboOptions,
        target="identify_metric.objectives.elbo:train",
        identified_up_to="isometry",
        source=PAPER,
    )
    yield Objective(
        name="landmark-distances",
        summary="Geodesic distances to a few samples in the decoders of a stored run, identified without any map.",
        options=LandmarkOptions,
        target="identify_metric.objectives.landmarks:measure",
        identified_up_to="identity",
        source=PAPER,
    )


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """What decoders determine."""
    yield Evaluator(
        name="distances",
        summary="Geodesic distances between samples in every replicate, each with its certificate.",
        options=DistancesOptions,
        target="identify_metric.evaluators.distances:evaluate",
        draw="identify_metric.views.distances:draw",
        arity="run",
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="stability",
        summary="Whether models agree better on geodesic distances than on latent ones, of one run or of several.",
        options=StabilityOptions,
        target="identify_metric.evaluators.stability:evaluate",
        draw="identify_metric.views.stability:draw",
        arity="group",
        headline=True,
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="angles",
        summary="The angle at one sample between the geodesics to two others, in every replicate.",
        options=AnglesOptions,
        target="identify_metric.evaluators.angles:evaluate",
        arity="run",
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="identifiability-conditions",
        summary="Rank and condition of the decoders' Jacobian at the data, and latents that have collapsed.",
        options=ConditionsOptions,
        target="identify_metric.evaluators.conditions:evaluate",
        arity="run",
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="volumes",
        summary="Areas of geodesic triangles in two latents, and the invariant density, in every replicate.",
        options=VolumesOptions,
        target="identify_metric.evaluators.volumes:evaluate",
        arity="run",
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="isometry",
        summary="By how much the transition between two models stretches the metric of their decoders.",
        options=IsometryOptions,
        target="identify_metric.evaluators.isometry:evaluate",
        arity="pair",
        requires={"modules", "samples"},
        bounds=(0.0, None),
        larger_is="more distant",
        source=PAPER,
    )
    yield Evaluator(
        name="latent-space",
        summary="A map of two latents: volumes, unit balls, geodesics, and where the decoders disagree.",
        options=LatentSpaceOptions,
        target="identify_metric.evaluators.latent_space:evaluate",
        draw="identify_metric.views.latent_space:draw",
        arity="run",
        requires={"modules", "samples"},
        source=PREDECESSOR,
    )
