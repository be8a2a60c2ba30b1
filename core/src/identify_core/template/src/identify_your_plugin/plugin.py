"""What this plugin offers. Light: it imports neither torch nor numpy, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Dataset, Evaluator, Model, Objective, hookimpl

from identify_your_plugin.options import (
    AgreementOptions,
    AutoencoderOptions,
    MixturesOptions,
    ReconstructionOptions,
)

LINEAR = "Roeder, Metz & Kingma, On linear identifiability of learned representations, ICML 2021, arXiv 2007.00810"


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """`target(options, context) -> Samples`."""
    yield Dataset(
        name="mixtures",
        summary="Independent sources, seen through a random linear mixing with noise.",
        options=MixturesOptions,
        target="identify_your_plugin.dataset:make_mixtures",
        sizes="identify_your_plugin.sizes:mixtures",
        source="Comon, Independent component analysis, a new concept?, Signal Processing 36(3), 1994",
    )


@hookimpl
def identify_models() -> Iterable[Model]:
    """`target(options, shape, context) -> nn.Module`, one replicate."""
    yield Model(
        name="autoencoder",
        summary="An encoder with one hidden layer and a linear decoder.",
        options=AutoencoderOptions,
        target="identify_your_plugin.model:build_autoencoder",
        sizes="identify_your_plugin.sizes:autoencoder",
        check="identify_your_plugin.model:check_autoencoder",
        source="Baldi & Hornik, Neural networks and principal component analysis, Neural Networks 2(1), 1989",
    )


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """`target(options, replicates, samples, context) -> Iterable[Latents | Finding]`."""
    yield Objective(
        name="reconstruction",
        summary="Train every replicate to give back its inputs, then keep its latents.",
        options=ReconstructionOptions,
        target="identify_your_plugin.objective:reconstruct",
        identified_up_to="linear",
        source=LINEAR,
    )


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """`target(options, subject, context) -> Score`, for an evaluator of pairs."""
    yield Evaluator(
        name="agreement",
        summary="Mean squared canonical correlation of two representations.",
        options=AgreementOptions,
        target="identify_your_plugin.evaluator:measure_agreement",
        draw="identify_your_plugin.evaluator:draw_agreement",
        arity="pair",
        invariant_to=("affine",),
        bounds=(0.0, 1.0),
        larger_is="more similar",
        source="Kornblith, Norouzi, Lee & Hinton, ICML 2019, arXiv 1905.00414, section 3",
    )
