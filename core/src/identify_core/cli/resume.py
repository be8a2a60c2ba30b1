"""`identify resume`: go on with a run that was interrupted."""

from __future__ import annotations

import click

from identify_core.cli.completing import complete_runs
from identify_core.cli.invocation import (
    Invocation,
    force_option,
    json_option,
    quiet_option,
    store_option,
    tracking_options,
    trust_option,
)


@click.command("resume")
@click.argument("run", shell_complete=complete_runs)
@force_option
@trust_option
@tracking_options
@quiet_option
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    run: str,
    force: bool,
    trusted: tuple[str, ...],
    track: tuple[str, ...],
    checkpoint_every: float,
    quiet: bool,
    as_json: bool,
) -> int:
    """Continue an interrupted RUN from its last checkpoint; it ends with the arrays of an uninterrupted run."""
    from identify_core.cli.run import print_outcome
    from identify_core.verbs.working import Watching, go_on

    watching = Watching(track=track, seconds_between_checkpoints=checkpoint_every, force=force, quiet=quiet)
    outcome = go_on(invocation, run, watching, trusted=trusted)
    return print_outcome(outcome, invocation.store_path, as_json)
