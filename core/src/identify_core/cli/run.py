"""`identify run`: execute a spec and say what was found."""

from __future__ import annotations

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
    from identify_core.runs.engine import Outcome

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
    from identify_core.verbs.working import Watching, surrounded

    watching = Watching(track=track, seconds_between_checkpoints=checkpoint_every, force=force, quiet=quiet)
    with surrounded(invocation, watching) as surroundings:
        outcome = execute(spec, surroundings)
    return print_outcome(outcome, invocation.store_path, as_json)


def print_outcome(outcome: Outcome, store: Path, as_json: bool) -> int:
    """Print how a run ended.

    Returns:
        The exit status.
    """
    _print(outcome, store, as_json)
    return RAN_AND_FAILED if outcome.failures else 0


def _print(outcome: Outcome, store: Path, as_json: bool) -> None:
    from identify_core.cli.output import print_json, print_warning, stdout_console, with_store

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
    from identify_core.reports.opening import headline_first
    from identify_core.reports.tables import print_findings
    from identify_core.store import StoredRun

    console = stdout_console()
    run = StoredRun.open(outcome.folder)
    found = headline_first(run.findings, run.document)
    print_findings(console, {label: stored.finding for label, stored in found.items()})
    for label, reason in outcome.failures.items():
        print_warning(f"{label} failed and is missing: {reason}")
    console.print(f"run     {outcome.run_id}", markup=False)
    console.print(f"report  {outcome.folder / 'report.html'}", markup=False)
    console.print(f"everything: {with_store(store)} runs show {outcome.run_id} --full", markup=False, style="dim")
