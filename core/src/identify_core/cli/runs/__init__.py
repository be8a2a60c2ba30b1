"""`identify runs`: what a store holds, and what to do with it."""

from __future__ import annotations

import click

from identify_core.cli.runs.listing import list_runs
from identify_core.cli.runs.moving import export, verify
from identify_core.cli.runs.removing import prune, remove
from identify_core.cli.runs.showing import show


@click.group("runs")
def command() -> None:
    """List, show, remove, prune, verify and export runs.

    A RUN is an id, the beginning or the end of one, a name that only one run has, @last for the latest, or @last~1 for
    the one before.
    """


for each in (list_runs, show, remove, prune, verify, export):
    command.add_command(each)
