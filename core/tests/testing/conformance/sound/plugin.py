"""What the sound plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Check, Command, Dataset, Evaluator, Model, Objective, Preset, hookimpl

from .options import DeepOptions, FitOptions, GridOptions, MlpOptions, RingsOptions

HERE = __package__


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """Two, of which the smoke preset uses the first."""
    yield Dataset(
        name="rings",
        summary="Rings.",
        options=RingsOptions,
        target=f"{HERE}.data:make_rings",
        sizes=f"{HERE}.sizes:rings",
    )
    yield Dataset(name="grid", summary="A grid.", options=GridOptions, target=f"{HERE}.data:make_grid")


@hookimpl
def identify_models() -> Iterable[Model]:
    """Two, of which the smoke preset uses the first."""
    yield Model(
        name="mlp",
        summary="One hidden layer.",
        options=MlpOptions,
        target=f"{HERE}.networks:build_mlp",
        sizes=f"{HERE}.sizes:mlp",
    )
    yield Model(name="deep", summary="Some layers.", options=DeepOptions, target=f"{HERE}.networks:build_deep")


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """One."""
    yield Objective(
        name="fit",
        summary="Mean squared error by gradient descent.",
        options=FitOptions,
        target=f"{HERE}.training:fit",
        identified_up_to="permutation",
        source="A theorem",
    )


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """One of each arity."""
    yield Evaluator(
        name="alignment",
        summary="How alike the centred Gram matrices are.",
        target=f"{HERE}.measures:align",
        prepare=f"{HERE}.measures:prepare",
        estimate=f"{HERE}.measures:estimate",
        arity="pair",
        invariant_to=("similarity",),
        bounds=(0.0, 1.0),
        larger_is="more similar",
    )
    yield Evaluator(
        name="prediction",
        summary="How well the latents predict the factors linearly.",
        target=f"{HERE}.measures:predict",
        arity="representation",
        requires={"factors"},
        invariant_to=("affine",),
        bounds=(0.0, 1.0),
        larger_is="better",
    )
    yield Evaluator(
        name="outcome",
        summary="The loss of every replicate.",
        target=f"{HERE}.outcome:measure",
        draw=f"{HERE}.outcome:draw",
        arity="run",
        requires={"modules", "samples"},
    )


@hookimpl
def identify_presets() -> Iterable[Preset]:
    """The smoke preset, and an experiment."""
    yield Preset(name="smoke", summary="Everything in seconds.", resource=f"{HERE}:smoke.toml")
    yield Preset(name="paper", summary="An experiment.", resource=f"{HERE}:paper.toml", source="A paper, section 1")


@hookimpl
def identify_commands() -> Iterable[Command]:
    """One."""
    yield Command(name="greet", summary="Greet.", target=f"{HERE}.outcome:greet")


@hookimpl
def identify_checks() -> Iterable[Check]:
    """One."""
    yield Check(name="well", summary="Whether all is well.", target=f"{HERE}.outcome:is_well")
