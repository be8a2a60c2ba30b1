"""What a plugin may implement: the hook specifications of the `identify` project.

A plugin is a light module named by an entry point of the group `identify`, or a file given with `--plugin-file`. Every
hook is optional. Component hooks are called once, when the plugins are loaded; observer hooks are called while a run
goes on. New arguments are only ever added at the end, and an implementation names only the arguments that it wants.

Each hook's docstring ends with a complete plugin, a file that works as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from identify_core.components import Check, Command, Dataset, Evaluator, Model, Objective, Preset

PROJECT = "identify"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""The decorator of a function of `plugin.py` that implements a hook, such as `identify_datasets`."""


class IdentifySpecs:
    """The hooks, in the order in which they are called."""

    @hookspec
    def identify_datasets(self) -> Iterable[Dataset]:  # type: ignore[empty-body]
        """Offer datasets: `target(options, context) -> Samples`.

        The target is called at the beginning of a run, and again where a later evaluator needs the samples.

        Example:
            # spirals.py
            import attrs

            from identify_core import Dataset, above, at_least, hookimpl, option


            @attrs.frozen
            class SpiralsOptions:
                samples: int = option(512, help="How many points, half of them for testing.", limit=at_least(4))
                turns: float = option(1.5, help="How often each spiral goes round.", limit=above(0))


            @hookimpl
            def identify_datasets():
                yield Dataset(
                    name="spirals",
                    summary="Two interleaved spirals in the plane.",
                    options=SpiralsOptions,
                    target="spirals:make_spirals",
                )


            def make_spirals(options, context):
                import numpy as np
                import torch

                from identify_core import Factor, Samples

                position = torch.rand(options.samples, generator=context.stream("positions"), dtype=context.dtype)
                arm = torch.arange(options.samples) % 2
                angle = 2 * torch.pi * options.turns * position + torch.pi * arm
                half = options.samples // 2
                return Samples(
                    columns={
                        "x": position[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1),
                        "y": 2 * arm[:, None].to(context.dtype) - 1,
                    },
                    ids=np.arange(options.samples),
                    splits={"train": np.arange(half), "test": np.arange(half, options.samples)},
                    factors={"arm": Factor(values=arm.numpy(), kind="categorical")},
                )
        """

    @hookspec
    def identify_models(self) -> Iterable[Model]:  # type: ignore[empty-body]
        """Offer models: `target(options, shape, context) -> nn.Module`, one replicate.

        The target is called once for each replicate, under that replicate's own random stream.

        Example:
            # perceptron.py
            import attrs

            from identify_core import Model, at_least, hookimpl, option


            @attrs.frozen
            class PerceptronOptions:
                width: int = option(8, help="Hidden units.", limit=at_least(1))


            @hookimpl
            def identify_models():
                yield Model(
                    name="perceptron",
                    summary="One hidden layer of tanh units.",
                    options=PerceptronOptions,
                    target="perceptron:build_perceptron",
                )


            def build_perceptron(options, shape, context):
                from torch import nn

                (inputs,), (outputs,) = shape.inputs, shape.outputs
                return nn.Sequential(nn.Linear(inputs, options.width), nn.Tanh(), nn.Linear(options.width, outputs))
        """

    @hookspec
    def identify_objectives(self) -> Iterable[Objective]:  # type: ignore[empty-body]
        """Offer objectives: `target(options, replicates, samples, context) -> Iterable[Latents | Finding]`.

        The target is called once in a run, and again from the last checkpoint where the run was interrupted.

        Example:
            # least_squares.py
            import attrs

            from identify_core import Objective, above, at_least, hookimpl, option


            @attrs.frozen
            class LeastSquaresOptions:
                steps: int = option(200, help="Updates of each replicate.", limit=at_least(1))
                learning_rate: float = option(0.01, help="The length of Adam's steps.", limit=above(0))


            @hookimpl
            def identify_objectives():
                yield Objective(
                    name="least-squares",
                    summary="The mean squared error, all samples in every step.",
                    options=LeastSquaresOptions,
                    target="least_squares:train",
                )


            def train(options, replicates, samples, context):
                from identify_core import Adam, Latents, fit, squared_error

                known = samples.split("train").to(context.device, context.dtype)
                fit(
                    replicates.train(),
                    squared_error(),
                    {"x": known.tensor("x"), "y": known.tensor("y")},
                    optimiser=Adam(learning_rate=options.learning_rate),
                    steps=options.steps,
                    context=context,
                )
                unseen = samples.split("test").to(context.device, context.dtype)
                for number, (layer, values) in enumerate(replicates.activations(unseen.tensor("x")).items()):
                    yield Latents(name=f"layer-{number}", values=values, split="test", summary=f"after {layer}")
        """

    @hookspec
    def identify_evaluators(self) -> Iterable[Evaluator]:  # type: ignore[empty-body]
        """Offer evaluators: `target(options, subject, context) -> Finding | Iterable[Finding]`.

        The target is called after training, by `identify evaluate`, and for each pair by `identify compare`. For one
        representation or a pair it may return a `Score` or a `Verdict` instead of a `Finding`.

        Example:
            # spread.py
            from identify_core import Evaluator, hookimpl


            @hookimpl
            def identify_evaluators():
                yield Evaluator(
                    name="spread",
                    summary="How far the replicates' outputs lie apart on the test samples.",
                    target="spread:measure_spread",
                    arity="run",
                    requires={"modules", "samples"},
                    bounds=(0.0, None),
                )


            def measure_spread(options, subject, context):
                import torch

                from identify_core import Finding

                unseen = subject.run.samples.split("test").to(context.device, context.dtype)
                with torch.inference_mode():
                    outputs = subject.run.replicates(unseen.tensor("x"))
                spread = outputs.std(dim=0, unbiased=False).mean().item()
                return Finding(
                    summary=f"the outputs of {subject.run.count} replicates differ by {spread:.3g}",
                    scalars={"spread": spread},
                    conventions={"spread": "standard deviation over replicates, mean over samples and outputs"},
                )
        """

    @hookspec
    def identify_presets(self) -> Iterable[Preset]:  # type: ignore[empty-body]
        """Offer complete specs, such as a paper's experiment; one named `smoke` ends in seconds on a CPU.

        A plugin without this hook offers the files of the folder `presets` of its package, `smoke` first. The first one
        runs where none is named; `presets_in` gives them with another one first.

        Example:
            # plugin.py of the package identify_spirals, which keeps its specs in a folder papers
            from identify_core import Preset, hookimpl


            @hookimpl
            def identify_presets():
                yield Preset(
                    name="smoke",
                    summary="Everything once, in seconds.",
                    resource="identify_spirals:papers/smoke.toml",
                )
        """

    @hookspec
    def identify_commands(self) -> Iterable[Command]:  # type: ignore[empty-body]
        """Offer commands for the plugin's own group, `identify PLUGIN COMMAND`; a built-in verb always wins over it.

        The target is imported when the command is called.

        Example:
            # greeting.py
            import click

            from identify_core import Command, hookimpl


            @hookimpl
            def identify_commands():
                yield Command(name="hello", summary="Greet somebody.", target="greeting:hello")


            @click.command()
            @click.argument("name", default="world")
            def hello(name):
                \"\"\"Greet NAME.\"\"\"
                click.echo(f"hello, {name}")
        """

    @hookspec
    def identify_checks(self) -> Iterable[Check]:  # type: ignore[empty-body]
        """Offer checks for `identify doctor`, such as whether a data set has been downloaded.

        The target is called by `identify doctor` alone.

        Example:
            # processors.py
            import os

            from identify_core import Check, hookimpl


            @hookimpl
            def identify_checks():
                yield Check(name="processors", summary="there are two or more", target="processors:count_them")


            def count_them():
                if (os.cpu_count() or 1) < 2:
                    return "there is one processor only: everything takes twice as long"
        """

    @hookspec
    def identify_run_started(self, run_id: str, spec: Mapping[str, Any], folder: str) -> None:
        """A run begins, or goes on after an interruption.

        Args:
            run_id: its id in the store.
            spec: the resolved spec in plain types.
            folder: where its files are being written.

        Example:
            # diary.py
            from identify_core import hookimpl


            @hookimpl
            def identify_run_started(run_id, spec):
                with open("diary.txt", "a") as diary:
                    diary.write(f"{run_id} began with seed {spec['seed']}\\n")
        """

    @hookspec
    def identify_run_logged(self, run_id: str, step: int, scalars: Mapping[str, Any]) -> None:
        """Values at one training step, at most four times a second whatever the objective logs.

        Args:
            run_id: its id in the store.
            step: the objective's own counter.
            scalars: name to a float, or to a list of floats with one per replicate.

        Example:
            # alarm.py
            import sys

            from identify_core import hookimpl


            @hookimpl
            def identify_run_logged(step, scalars):
                losses = scalars.get("loss", 0.0)
                if max(losses if isinstance(losses, list) else [losses]) > 1e6:
                    print(f"step {step}: a loss is above a million", file=sys.stderr)
        """

    @hookspec
    def identify_run_finished(self, run_id: str, status: str, scalars: Mapping[str, Any], folder: str) -> None:
        """A run ended.

        Args:
            run_id: its id in the store.
            status: finished, failed or interrupted; an interrupted run begins again when it is resumed.
            scalars: its headline numbers, as `identify runs show` has them; empty unless it finished.
            folder: where it lies.

        Example:
            # bell.py
            import sys

            from identify_core import hookimpl


            @hookimpl
            def identify_run_finished(run_id, status):
                print(f"\\a{run_id}: {status}", file=sys.stderr)
        """
