"""`identify sweep`: every combination of some values as a run of its own."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from identify_core.cli.invocation import (
    Invocation,
    force_option,
    json_option,
    quiet_option,
    spec_options,
    store_option,
    tracking_options,
    trust_option,
)
from identify_core.cli.output import print_text, print_warning
from identify_core.errors import UsageError
from identify_core.verbs.executors import Workers

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.sweeps.combinations import Plan
    from identify_core.sweeps.records import StoredSweep
    from identify_core.sweeps.summary import Row
    from identify_core.sweeps.tables import Line

F = TypeVar("F", bound=Callable[..., Any])
RAN_AND_FAILED = 1
SCALARS = 8


def executor_options(function: F) -> F:
    """Add `--workers`, `--executor`, `--scheduler` and `--slurm` to a command."""
    options = (
        click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many processes.  [default: 1]"),
        click.option("--executor", type=click.Choice(["local", "dask", "slurm"]), default="local", show_default=True),
        click.option("--scheduler", metavar="ADDRESS", help="Of the Dask cluster, such as tcp://10.0.0.1:8786."),
        click.option(
            "--slurm",
            multiple=True,
            metavar="OPTION",
            help="Of the job array: --slurm=--time=2:00:00; repeatable.",
        ),
    )
    for each in reversed(options):
        function = each(function)
    return function


@click.command("sweep")
@spec_options
@click.option("--over", multiple=True, metavar="KEY=VALUES", help="Vary one more, as in seed=0,1,2; may be repeated.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="With --over seed: how many seeds.")
@click.option("--dry-run", is_flag=True, help="Print the combinations and stop.")
@executor_options
@click.option(
    "--keep-going/--stop-at-first", default=True, show_default=True, help="What to do with the others when a run fails."
)
@click.option("--resume", metavar="ID", help="Go on with this sweep, or @last.")
@click.option("--show", metavar="ID", help="Show what came of this sweep, or @last.")
@click.option("--best", metavar="NUMBER", help="Mark the setting whose mean over seeds is the best in this number.")
@click.option("--smallest", is_flag=True, help="With --best: the smallest mean is the best.")
@click.option(
    "--number", "numbers", multiple=True, metavar="NAME", help="A number of the table over seeds; repeatable."
)
@click.option("--table", type=click.Choice(["latex", "csv"]), help="Print the table over seeds alone, in this format.")
@click.option("--new", is_flag=True, help="Begin again although the store has this very sweep.")
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
    resume: str | None,
    show: str | None,
    dry_run: bool,
    new: bool,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Run every combination of the values in a spec's [sweep] table and of --over.

    The same command again, or --resume, goes on with a sweep that was interrupted.

    \b
    identify sweep mtlcm --preset linear --dry-run
    identify sweep genni --preset smoke --over objective.steps=100,1000 --over seed=0,1,2 --workers 2
    identify sweep genni --preset smoke --over seed --count 7
    identify sweep --show @last --table latex
    """
    from identify_core.spec.memory import refuse_beyond_memory
    from identify_core.store import Store
    from identify_core.sweeps.records import find_sweep
    from identify_core.sweeps.summary import read_rows
    from identify_core.sweeps.trust import trust_of
    from identify_core.verbs.sweeps import Begun, do_sweep, find_or_begin
    from identify_core.verbs.working import Watching

    _refuse_contradictions(given, resume=resume, show=show, dry_run=dry_run, new=new)
    store = Store(invocation.store_path)
    if show is not None:
        sweep = find_sweep(store, show)
        _print(invocation, sweep, read_rows(store, sweep), given, as_json)
        return 0
    if resume is not None:
        sweep = find_sweep(store, resume)
        registry = invocation.registry_for(sweep.document, f"sweep --resume {resume}")
        begun = Begun(sweep=sweep, trust=trust_of(sweep, registry, given["trusted"]))
    else:
        registry = invocation.registry_for_spec(given["file"], given["overrides"])
        plan = _plan(registry, given)
        for each in plan.combinations:
            refuse_beyond_memory(each.spec, force=given["force"])
        if dry_run:
            _print_plan(plan, as_json)
            return 0
        begun = find_or_begin(store, plan, registry, given["trusted"], new=new, warn=print_warning)
        if begun.again:
            print_text(f"going on with the sweep {begun.sweep.id}; --new begins again", err=True)
    watching = Watching(
        track=given["track"],
        seconds_between_checkpoints=given["checkpoint_every"],
        force=given["force"],
        quiet=quiet,
    )
    workers = Workers.of(given)
    rows = do_sweep(invocation, store, begun, workers, watching, keep_going=given["keep_going"])
    _print(invocation, begun.sweep, rows, given, as_json)
    return 0 if all(row.is_whole for row in rows) else RAN_AND_FAILED


def _refuse_contradictions(given: dict[str, Any], **modes: Any) -> None:
    stored = [f"--{name}" for name in ("resume", "show") if modes[name] is not None]
    of_a_spec = {"plugin": "PLUGIN", "file": "--spec", "preset": "--preset", "overrides": "--set", "over": "--over"}
    of_a_spec["count"] = "--count"
    others = [word for key, word in of_a_spec.items() if given[key]]
    others += [word for key, word in {"dry_run": "--dry-run", "new": "--new"}.items() if modes[key]]
    if stored and (others or len(stored) > 1):
        other = stored[1] if len(stored) > 1 else others[0]
        raise UsageError(f"{stored[0]} and {other} do not go together: the sweep in the store has its own spec")
    Workers.of(given)


def _plan(registry: Registry, given: dict[str, Any]) -> Plan:
    from identify_core.sweeps.combinations import plan_sweep

    names = ("plugin", "file", "preset", "overrides", "over", "count")
    return plan_sweep(registry, **{name: given[name] for name in names})


def _print_plan(plan: Plan, as_json: bool) -> None:
    from identify_core.cli.output import print_json, print_table

    combinations = plan.combinations
    if as_json:
        content = [
            {"index": each.index, "name": each.spec.name, "values": dict(each.values), "spec_hash": each.spec.hash}
            for each in combinations
        ]
        print_json("sweep-plan", {"settings": list(plan.base.sweep), "runs": content})
        return
    print_table(
        ("run", *plan.base.sweep),
        [(each.spec.name, *map(_cell, each.values.values())) for each in combinations],
    )
    replicates = sum(each.spec.replicates for each in combinations)
    print_text(f"{len(combinations)} runs, {replicates} replicates in all")


def _print(
    invocation: Invocation, sweep: StoredSweep, rows: Sequence[Row], given: Mapping[str, Any], as_json: bool
) -> None:
    from identify_core.cli.output import print_json, print_table, print_warning, with_store
    from identify_core.sweeps.summary import count_statuses, varying_scalars
    from identify_core.sweeps.tables import as_csv, as_latex, tabulate

    lines = []
    # of no use where every setting is one run; and statistics load numpy, which showing a sweep does without
    several = "seed" in sweep.settings and len(rows) > len({repr(_without_seed(row)) for row in rows})
    asked = as_json or given["table"] is not None or given["best"] or given["numbers"]
    if (several or asked) and any(row.status == "finished" for row in rows):
        extreme: Any = "min" if given["smallest"] else "max"
        lines = tabulate(rows, sweep.settings, given["numbers"], best=given["best"] or "", extreme=extreme)
    if given["table"] is not None:
        print_text((as_latex if given["table"] == "latex" else as_csv)(lines, sweep.settings).rstrip("\n"))
        return

    figures = sorted(sweep.figures.glob("*.png"))
    if as_json:
        content = {"sweep": sweep.id, "folder": sweep.folder, "settings": list(sweep.settings)}
        over_seeds = [_describe_line(line) for line in lines]
        runs = [_describe(row) for row in rows]
        print_json("sweep", {**content, "runs": runs, "over_seeds": over_seeds, "figures": figures})
        return
    names = varying_scalars(rows)
    print_table(
        (*sweep.settings, *names[:SCALARS], "status", "run"),
        [
            (
                *(_cell(row.values[key]) for key in sweep.settings),
                *(_cell(row.scalars.get(name)) for name in names[:SCALARS]),
                row.status,
                row.run or row.name,
            )
            for row in rows
        ],
    )
    if len(names) > SCALARS:
        print_text(f"{len(names) - SCALARS} more numbers vary: --json has all of them")
    if several and lines:
        _print_over_seeds(lines, sweep.settings)
    for row in rows:
        if row.status == "failed":
            print_warning(f"{row.name} failed: {row.reason or 'no reason is known'}")
            spec = shlex.quote(str(sweep.spec_file(row.index)))
            print_text(f"  alone, and with its traceback: identify run --spec {spec}", err=True)
        for label, reason in row.failures.items():
            print_warning(f"{row.name}: {label} failed and is missing: {reason}")
    print_text(f"sweep    {sweep.id}: {count_statuses(rows)}")
    for file in figures:
        print_text(f"picture  {file}")
    print_text((f"look at it again with: {with_store(invocation.store_path)} sweep --show {sweep.id}", {"dim": True}))


def _without_seed(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.values.items() if key != "seed"}


def _print_over_seeds(lines: Sequence[Line], settings: Sequence[str]) -> None:
    """Mean and deviation of each number, and both intervals of its mean, for each setting but the seed."""
    from identify_core.cli.output import print_table
    from identify_core.spreads import LEVEL
    from identify_core.sweeps.tables import format_interval, format_spread

    kept = [key for key in settings if key != "seed"]
    print_text(f"over seeds: mean ± deviation, and {LEVEL:.0%} intervals of the mean")
    print_table(
        (*kept, "number", "mean ± deviation", "t", "bootstrap", "runs"),
        [
            (
                *(_cell(line.values[key]) for key in kept),
                name + (" (best)" if line.best else ""),
                format_spread(each),
                format_interval(each, "student"),
                format_interval(each, "bootstrap"),
                f"{each.count} of {line.runs}",
            )
            for line in lines
            for name, each in list(line.spreads.items())[:SCALARS]
        ],
    )


def _describe_line(line: Line) -> dict[str, Any]:
    spreads = {
        name: {
            "count": each.count,
            "mean": each.mean,
            "deviation": each.deviation,
            "t": each.student,
            "bootstrap": each.bootstrap,
        }
        for name, each in line.spreads.items()
    }
    return {"values": line.values, "runs": line.runs, "best": line.best, "numbers": spreads}


def _cell(value: Any) -> str:
    from identify_core.saying import format_scalar
    from identify_core.spec import say

    return say(value) if isinstance(value, (list, tuple, dict)) else format_scalar(value)


def _describe(row: Row) -> dict[str, Any]:
    return {
        "index": row.index,
        "name": row.name,
        "values": row.values,
        "status": row.status,
        "run": row.run or None,
        "reason": row.reason,
        "failures": row.failures,
        "scalars": row.scalars,
    }
