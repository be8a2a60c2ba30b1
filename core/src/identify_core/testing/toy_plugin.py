"""A small complete plugin for tests: a noisy linear target, a two-layer network, a regression, three evaluators.

Register it where a test needs one: `load_registry(extra={"toy": toy_plugin})`.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from identify_core.components import Dataset, Evaluator, Model, Objective, Preset
from identify_core.hookspecs import hookimpl
from identify_core.options import above, at_least, option


@attrs.frozen
class LinesOptions:
    """Options of `lines`."""

    samples: int = option(64, help="How many samples, half of them for testing.", limit=at_least(4))
    inputs: int = option(3, help="Inputs of a sample.", limit=at_least(1))
    noise: float = option(0.0, help="Standard deviation of the noise on the targets.", limit=at_least(0))


@attrs.frozen
class TwoLayersOptions:
    """Options of `two-layers`."""

    width: int = option(4, help="Hidden units.", limit=at_least(1))


@attrs.frozen
class RegressionOptions:
    """Options of `regression`."""

    steps: int = option(20, help="Gradient steps.", limit=at_least(1))
    learning_rate: float = option(0.05, help="Step length.", limit=above(0))
    pause: float = option(0.0, help="How long each step sleeps, so that a test can interrupt it.", unit="s")


@attrs.frozen
class WholeOptions:
    """Options of `whole`."""

    fail: bool = option(False, help="Whether to raise.")
    pause: float = option(0.0, help="How long to sleep, so that a test can interrupt it.", unit="s")


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """A noisy linear target."""
    yield Dataset(
        name="lines",
        summary="A linear target with two factors.",
        options=LinesOptions,
        target="identify_core.testing.toy_targets:make_lines",
    )


@hookimpl
def identify_models() -> Iterable[Model]:
    """A two-layer network."""
    yield Model(
        name="two-layers",
        summary="Linear, ReLU, linear.",
        options=TwoLayersOptions,
        target="identify_core.testing.toy_targets:build_two_layers",
        check="identify_core.testing.toy_targets:check_two_layers",
    )


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """A regression by gradient descent."""
    yield Objective(
        name="regression",
        summary="Mean squared error by gradient descent.",
        options=RegressionOptions,
        target="identify_core.testing.toy_targets:regress",
        identified_up_to="permutation-positive-scaling",
    )


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """One evaluator of each arity."""
    yield Evaluator(
        name="norm",
        summary="The Frobenius norm of the centred latents.",
        target="identify_core.testing.toy_targets:measure_norm",
        arity="representation",
        invariant_to=("orthogonal",),
        bounds=(0.0, None),
    )
    yield Evaluator(
        name="distance",
        summary="The Frobenius distance between two representations of one width.",
        target="identify_core.testing.toy_targets:measure_distance",
        arity="pair",
        invariant_to=("identity",),
        bounds=(0.0, None),
        larger_is="more distant",
        is_metric=True,
    )
    yield Evaluator(
        name="whole",
        summary="The loss of every replicate on the test split.",
        options=WholeOptions,
        target="identify_core.testing.toy_targets:measure_whole",
        draw="identify_core.testing.toy_targets:draw_whole",
        arity="run",
        requires={"modules", "samples", "history"},
    )


@hookimpl
def identify_presets() -> Iterable[Preset]:
    """One that ends at once."""
    yield Preset(name="smoke", summary="Ends at once.", resource="identify_core.testing:toy_smoke.toml")
