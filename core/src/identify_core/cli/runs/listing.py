"""`identify runs ls`: the runs of a store, from their run.json alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.output import print_text
from identify_core.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from identify_core.store import RunSummary, Store

STYLES: dict[str, dict[str, Any]] = {
    "finished": {"fg": "green"},
    "running": {"fg": "cyan"},
    "interrupted": {"fg": "yellow"},
    "never began": {"fg": "yellow"},
    "failed": {"fg": "red"},
    "damaged": {"fg": "red", "bold": True},
}


@click.command("ls", short_help="List runs and comparisons.")
@click.option("--kind", type=click.Choice(["run", "comparison"]), help="Only these.  [default: both]")
@click.option("--plugin", help="Only runs of this plugin.")
@click.option("--status", type=click.Choice(list(STYLES)), multiple=True, help="Only these; may be repeated.")
@click.option("--name", help="Only runs whose name matches, as in 'fcn*'.")
@click.option("--sweep", metavar="ID", help="Only runs of this sweep, or of @last.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the N latest.")
@click.option("--sort", type=click.Choice(["time", "name", "plugin", "status"]), default="time", show_default=True)
@click.option("--reverse", is_flag=True, help="Turn the order round; without it the latest is at the end.")
@store_option
@json_option
@click.pass_obj
def list_runs(
    invocation: Invocation,
    kind: str | None,
    plugin: str | None,
    status: tuple[str, ...],
    name: str | None,
    sweep: str | None,
    limit: int | None,
    sort: str,
    reverse: bool,
    as_json: bool,
) -> None:
    """List runs and comparisons, those that are running, interrupted, failed, damaged or never began, too."""
    from identify_core.cli.output import print_json
    from identify_core.store import Store

    store = Store(invocation.store_path)
    wanted = None if sweep is None else _sweep_id(store, sweep)
    listed = {
        heading: _choose(each(), plugin=plugin, status=status, name=name, sweep=wanted)
        for heading, each in (("run", store.runs), ("comparison", store.comparisons))
        if kind in (None, heading)
    }
    for heading, runs in listed.items():
        listed[heading] = _in_order(runs, limit=limit, sort=sort, reverse=reverse)
    if as_json:
        plain = {f"{heading}s": [describe(run) for run in runs] for heading, runs in listed.items()}
        print_json("runs", {"store": invocation.store_path, **plain})
        return
    _print_all(listed, is_filtered=bool(plugin or status or name or sweep))


def _choose(
    runs: list[RunSummary], *, plugin: str | None, status: tuple[str, ...], name: str | None, sweep: str | None
) -> list[RunSummary]:
    """Those that every filter lets through."""
    from fnmatch import fnmatchcase

    return [
        run
        for run in runs
        if (plugin is None or run.plugin == plugin)
        and (not status or run.status in status)
        and (name is None or fnmatchcase(run.name, name))
        and (sweep is None or run.brief.get("sweep", {}).get("id") == sweep)
    ]


def _in_order(runs: list[RunSummary], *, limit: int | None, sort: str, reverse: bool) -> list[RunSummary]:
    runs = runs[-limit:] if limit is not None else runs
    if sort != "time":
        runs.sort(key=lambda run: getattr(run, sort))
    return runs[::-1] if reverse else runs


def _sweep_id(store: Store, reference: str) -> str:
    from identify_core.sweeps.records import find_sweep

    return find_sweep(store, reference).id


def describe(run: RunSummary) -> dict[str, Any]:
    """A run in plain types."""
    return {
        "id": run.id,
        "status": run.status,
        "problem": run.problem,
        "plugin": run.plugin,
        "name": run.name,
        "created": run.created,
        "finished": run.finished,
        "folder": run.folder,
        "scalars": run.scalars,
        "warnings": run.warnings,
    }


def _print_all(listed: Mapping[str, list[RunSummary]], *, is_filtered: bool) -> None:
    """A table of runs and one of comparisons, where there are any."""
    shown_kinds = {heading: runs for heading, runs in listed.items() if runs}
    if not shown_kinds:
        what = "run or comparison" if len(listed) > 1 else next(iter(listed))
        print_text(
            f"no {what} matches" if is_filtered else f"no {'runs' if len(listed) > 1 else f'{what}s'} yet", err=True
        )
    for number, (heading, runs) in enumerate(shown_kinds.items()):
        if number:
            print_text()
        _print(runs, heading)


def _print(runs: list[RunSummary], heading: str) -> None:
    """Columns by hand: with thousands of runs, rich takes twice the time of everything else together."""
    import shutil
    import sys

    owned = heading == "run"  # a comparison has no plugin
    rows: list[tuple[str, ...]] = [(heading, "status", *(["plugin"] if owned else []), "name", "answer")]
    for run in runs:
        cells = (run.id, run.status, *([run.plugin] if owned else []), run.name, " ".join(_answer(run).split()))
        rows.append(tuple(map(shown, cells)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    while width is not None and len(widths) > 2 and sum(widths) + 3 * len(widths) > width:
        widths.pop()  # of the columns the last gives way first, and the answer takes what is left
    lines = []
    for row in rows:
        head = "   ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), ""])
        lines.append((head + (row[-1] if width is None else _whole_words(row[-1], width - len(head)))).rstrip())
    lines.insert(1, "─" * max(map(len, lines)))
    start = widths[0] + 3
    parts: list[Any] = ["\n".join(lines[:2])]
    for line, run in zip(lines[2:], runs, strict=True):
        end = start + len(run.status)
        parts += ["\n", line[:start], (line[start:end], STYLES.get(run.status, {})), line[end:]]
    print_text(*parts)


def _whole_words(sentence: str, room: int) -> str:
    """As much of a sentence as there is room for, ended between two words."""
    if len(sentence) <= room:
        return sentence
    cut = sentence[: max(0, room - 1)].rfind(" ")
    return f"{sentence[:cut]} …" if cut > 0 else ""


def _answer(run: RunSummary) -> str:
    """What a run found, in the words of its first finding that has any; for a damaged run what is wrong with it."""
    if run.problem:
        return run.problem
    summaries = (entry.get("summary", "") for entry in run.brief.get("findings", {}).values())
    return next((str(text) for text in summaries if text), "")
