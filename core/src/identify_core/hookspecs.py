"""What a plugin may implement: the hook specifications of the `identify` project.

A plugin is a light module named by an entry point of the group `identify`. Every hook is optional. A complete plugin:

    from identify_core import Dataset, hookimpl

    @hookimpl
    def identify_datasets():
        yield Dataset(name="spirals", summary="Two spirals.", options=SpiralsOptions, target="my_plugin.spirals:make")

Component hooks are called once, when the registry is built; observer hooks are called while a run goes on. New
arguments are only ever added at the end, and an implementation names only the arguments that it wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from identify_core.components import Check, Command, Dataset, Evaluator, Model, Objective, Preset

PROJECT = "identify"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class IdentifySpecs:
    """The hooks, in the order in which they are called."""

    @hookspec
    def identify_datasets(self) -> Iterable[Dataset]:  # type: ignore[empty-body]
        """Offer datasets: `target(options, context) -> Samples`."""

    @hookspec
    def identify_models(self) -> Iterable[Model]:  # type: ignore[empty-body]
        """Offer models: `target(options, shape, context) -> nn.Module`, one replicate."""

    @hookspec
    def identify_objectives(self) -> Iterable[Objective]:  # type: ignore[empty-body]
        """Offer objectives: `target(options, replicates, samples, context) -> Iterable[Latents | Finding]`."""

    @hookspec
    def identify_evaluators(self) -> Iterable[Evaluator]:  # type: ignore[empty-body]
        """Offer evaluators: `target(options, subject, context) -> Finding | Iterable[Finding]`."""

    @hookspec
    def identify_presets(self) -> Iterable[Preset]:  # type: ignore[empty-body]
        """Offer complete specs, such as a paper's experiment; one named `smoke` ends in seconds on a CPU."""

    @hookspec
    def identify_commands(self) -> Iterable[Command]:  # type: ignore[empty-body]
        """Offer commands for the plugin's own group, `identify PLUGIN COMMAND`."""

    @hookspec
    def identify_checks(self) -> Iterable[Check]:  # type: ignore[empty-body]
        """Offer checks for `identify doctor`."""

    @hookspec
    def identify_run_started(self, run_id: str, spec: Mapping[str, Any], folder: str) -> None:
        """A run begins. `spec` is the resolved spec in plain types, `folder` where its files are being written."""

    @hookspec
    def identify_run_logged(self, run_id: str, step: int, scalars: Mapping[str, Any]) -> None:
        """Values at one training step, at most a few times a second.

        Each value is a float, or a list of floats with one per replicate.
        """

    @hookspec
    def identify_run_finished(self, run_id: str, status: str, scalars: Mapping[str, Any], folder: str) -> None:
        """A run ended; `status` is finished, failed or interrupted, `scalars` its headline numbers."""
