"""`identify runs rm` and `identify runs prune`: delete runs, and what processes that are gone have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from identify_core.cli.completing import complete_runs
from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.output import print_text
from identify_core.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from identify_core.store import RunSummary, Store


@click.command("rm", short_help="Delete runs for good.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_runs)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@store_option
@json_option
@click.pass_obj
def remove(invocation: Invocation, runs: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete runs or comparisons for good; all of them are looked up before the first one goes."""
    from identify_core.cli.output import print_json
    from identify_core.store import Store

    store = Store(invocation.store_path)
    found = {run.id: run for run in map(store.find_any, runs)}
    _confirm(list(found.values()), [], yes=yes)
    for run in found.values():
        there = store.remove(run)
        if not as_json:
            print_text(f"removed {run.id}" if there else f"{run.id} is not there any more")
    if as_json:
        print_json("removed", {"runs": list(found)})


@click.command("prune", short_help="Delete interrupted runs and leftovers.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@store_option
@json_option
@click.pass_obj
def prune(invocation: Invocation, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete interrupted and failed runs, which could be resumed until then, those that never began, and leftovers.

    Finished and running runs are never touched, nor damaged ones: those go with `identify runs rm`.
    """
    from identify_core.cli.output import print_json
    from identify_core.store import Store
    from identify_core.store.layout import NEVER_BEGAN

    store = Store(invocation.store_path)
    unfinished = [
        run
        for run in (*store.runs(), *store.comparisons())
        if not run.committed and run.status in ("interrupted", "failed", NEVER_BEGAN)
    ]
    leftovers = store.leftovers()
    if not dry_run:
        _confirm(unfinished, leftovers, yes=yes)
        unfinished = [run for run in unfinished if _remove_unless_written(store, run)]
        for path in leftovers:
            store.delete_leftover(path)
    if as_json:
        print_json("pruned", {"dry_run": dry_run, "runs": [run.id for run in unfinished], "leftovers": list(leftovers)})
        return
    verb = "would remove" if dry_run else "removed"
    for run in unfinished:
        print_text(f"{verb} {run.id}  {run.status}")
    for path in leftovers:
        print_text(f"{verb} {path}")
    if not unfinished and not leftovers:
        print_text("nothing to prune", err=True)


def _remove_unless_written(store: Store, run: RunSummary) -> bool:
    """Delete an unfinished run and say whether that was done: somebody may resume it since it was listed."""
    try:
        return store.remove(run)
    except StoreError as error:
        if isinstance(error.__cause__, OSError):
            raise
        print_text(f"left alone: {error.message}", err=True)
        return False


def _confirm(runs: list[RunSummary], leftovers: list[Path], *, yes: bool) -> None:
    if yes or not (runs or leftovers):
        return
    for run in runs:
        print_text(f"{run.id}  {run.status}  {run.name}", err=True)
    for path in leftovers:
        print_text(f"{path}  left over", err=True)
    counts = ((len(runs), "run"), (len(leftovers), "leftover"))
    what = " and ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count)
    click.confirm(f"Delete {what} for good?", abort=True, err=True)
