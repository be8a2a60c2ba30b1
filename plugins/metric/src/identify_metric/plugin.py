"""What the metric plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Dataset, Evaluator, Model, Objective, Preset, hookimpl
from identify_metric.options.data import DigitsOptions
from identify_metric.options.evaluators import AnglesOptions, ConditionsOptions, DistancesOptions, StabilityOptions
from identify_metric.options.models import DenseOptions
from identify_metric.options.objectives import ElboOptions

PAPER = "Syrota et al., ICML 2025, arXiv 2502.13757"
PREDECESSOR = "Syrota et al., GRaM 2024, arXiv 2408.07507"


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """Images."""
    yield Dataset(
        name="digits",
        summary="scikit-learn's 1,797 handwritten digits, in train, validation and test rows.",
        options=DigitsOptions,
        target="identify_metric.datasets.digits:make_digits",
        source="Alpaydin & Kaynak (1998), UCI Machine Learning Repository",
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
        source=PREDECESSOR,
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


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """What decoders determine."""
    yield Evaluator(
        name="distances",
        summary="Geodesic distances between samples in every replicate, each with its certificate.",
        options=DistancesOptions,
        target="identify_metric.evaluators.distances:evaluate",
        arity="run",
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="stability",
        summary="Whether replicates agree better on geodesic distances than on latent ones.",
        options=StabilityOptions,
        target="identify_metric.evaluators.stability:evaluate",
        draw="identify_metric.views.stability:draw",
        arity="run",
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


@hookimpl
def identify_presets() -> Iterable[Preset]:
    """The study's experiments, and `smoke`."""
    yield _preset("smoke", "Everything once, in seconds.", PAPER)
    yield _preset("digits", "Ten models with four decoders each, thirty pairs: the whole study in minutes.", PAPER)


def _preset(name: str, summary: str, source: str) -> Preset:
    return Preset(name=name, summary=summary, resource=f"identify_metric:presets/{name}.toml", source=source)
