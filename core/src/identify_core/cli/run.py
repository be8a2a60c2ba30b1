"""`identify run`: execute a spec and say what was found."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.invocation import (
    Invocation,
    force_option,
    json_option,
    quiet_option,
    spec_options,
    store_option,
    tracking_options,
)

if TYPE_CHECKING:
    from identify_core.runs.engine import Outcome, Surroundings

RAN_AND_FAILED = 1


@click.command("run")
@spec_options
@click.option("--name", help="What the run is called.")
@click.option("--seed", type=int, help="The root of every random stream.")
@click.option("--replicates", type=int, help="How many copies of the model.")
@click.option("--device", help="auto, cpu, cuda, cuda:1 or mps.")
@force_option
@tracking_options
@quiet_option
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    plugin: str | None,
    file: Path | None,
    preset: str | None,
    overrides: tuple[str, ...],
    track: tuple[str, ...],
    checkpoint_every: float,
    quiet: bool,
    as_json: bool,
    force: bool,
    **flags: Any,
) -> int:
    """Run a spec: train the replicates, store their latents, evaluate them.

    \b
    identify run genni                              the plugin's first preset
    identify run genni --preset smoke
    identify run genni --spec spec.toml --set objective.steps=2000
    """
    from identify_core.spec import load_spec
    from identify_core.spec.memory import refuse_beyond_memory

    registry = invocation.registry_for_spec(file, overrides)
    spec = load_spec(registry, plugin=plugin, file=file, preset=preset, overrides=overrides, flags=flags)
    refuse_beyond_memory(spec, force=force)
    # Everything above is light; torch is loaded only for a spec that can run.
    from identify_core.runs.engine import execute

    return perform(
        invocation, lambda surroundings: execute(spec, surroundings), track, checkpoint_every, quiet, as_json
    )


def perform(
    invocation: Invocation,
    work: Any,
    track: Sequence[str],
    seconds_between_checkpoints: float,
    quiet: bool,
    as_json: bool,
) -> int:
    """Do a run's work with its progress on stderr, stopping at Ctrl-C, and print its outcome.

    Args:
        invocation: the options before the verb.
        work: called with the surroundings; returns the outcome.
        track: names of trackers.
        seconds_between_checkpoints: how much work a crash may cost.
        quiet: no progress.
        as_json: whether the outcome is printed as JSON.

    Returns:
        The exit status.
    """
    from identify_core.cli.watching import watched
    from identify_core.reports.page import finished_page
    from identify_core.runs.engine import Surroundings
    from identify_core.runs.observation import Observers
    from identify_core.runs.trackers import track_observers
    from identify_core.store import Store

    trackers = {str(tracker.name): tracker for tracker in track_observers(track)}
    registry = invocation.registry(extra=trackers)
    with watched(quiet) as (display, stop_requested):
        surroundings: Surroundings = Surroundings(
            store=Store(invocation.store_path),
            display=display,
            stop_requested=stop_requested,
            observers=Observers(registry.observers()),
            seconds_between_checkpoints=seconds_between_checkpoints,
            render=finished_page,
        )
        outcome = work(surroundings)
    _print(outcome, invocation.store_path, as_json)
    return RAN_AND_FAILED if outcome.failures else 0


def _print(outcome: Outcome, store: Path, as_json: bool) -> None:
    from identify_core.cli.output import print_json, print_warning, stdout_console

    if as_json:
        print_json(
            "outcome",
            {
                "run": outcome.run_id,
                "folder": str(outcome.folder),
                "report": str(outcome.folder / "report.html"),
                "scalars": outcome.scalars,
                "failures": outcome.failures,
                "warnings": list(outcome.warnings),
            },
        )
        return
    from identify_core.reports.tables import print_findings
    from identify_core.store import StoredRun

    console = stdout_console()
    found = StoredRun.open(outcome.folder).findings
    print_findings(console, {label: stored.finding for label, stored in found.items()})
    for label, reason in outcome.failures.items():
        print_warning(f"{label} failed and is missing: {reason}")
    console.print(f"run     {outcome.run_id}", markup=False)
    console.print(f"report  {outcome.folder / 'report.html'}", markup=False)
    at = "" if store == Path("identify-store") else f"--store {shlex.quote(str(store))} "
    console.print(f"everything: identify {at}runs show {outcome.run_id} --full", markup=False, style="dim")
