"""`identify resume`: go on with a run or a comparison that was interrupted."""

from __future__ import annotations

from typing import Any

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
from identify_core.cli.sweep import executor_options
from identify_core.verbs.executors import Workers


@click.command("resume")
@click.argument("run", shell_complete=complete_runs)
@executor_options
@force_option
@trust_option
@tracking_options
@quiet_option
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    run: str,
    trusted: tuple[str, ...],
    track: tuple[str, ...],
    checkpoint_every: float,
    force: bool,
    quiet: bool,
    as_json: bool,
    **spread: Any,
) -> int:
    """Continue an interrupted RUN, or comparison, where it was; it ends with the arrays of an uninterrupted one.

    A comparison can be spread over processes or a cluster, whether or not it was before.
    """
    from identify_core.cli.run import print_outcome
    from identify_core.verbs.working import Watching, go_on

    watching = Watching(track=track, seconds_between_checkpoints=checkpoint_every, force=force, quiet=quiet)
    ended = go_on(invocation, run, watching, workers=Workers.of(spread), trusted=trusted)
    if isinstance(ended, tuple):
        from identify_core.cli.compare import answer

        return answer(*ended, invocation.store_path, as_json=as_json)
    return print_outcome(ended, invocation.store_path, as_json)
