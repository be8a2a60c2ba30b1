"""`identify study`: the runs, comparisons, tables and figures that one file names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.invocation import (
    Invocation,
    force_option,
    json_option,
    quiet_option,
    store_option,
    tracking_options,
)
from identify_core.cli.output import print_text
from identify_core.cli.sweep import executor_options
from identify_core.verbs.executors import Workers, executor_of

if TYPE_CHECKING:
    from identify_core.comparisons.comparison import Comparison
    from identify_core.plugins import Registry
    from identify_core.store import Store
    from identify_core.studies.page import Made
    from identify_core.studies.perform import StudyDone
    from identify_core.studies.plans import PlannedRuns
    from identify_core.studies.study_file import StudyFile

FAILED = 1


@click.command("study")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Say what would be run, what is there already, and how long it took; stop.")
@executor_options
@force_option
@tracking_options
@quiet_option
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    file: Path,
    check: bool,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Do what a study file names: runs, comparisons, tables and figures, and one report of all.

    What is in the store already and has not changed is not done again; the same command goes on after an interruption.
    The exit status is 1 where a run failed or an expectation does not hold.

    \b
    identify study paper.toml --check
    identify study paper.toml --workers 2
    """
    from identify_core.spec.memory import refuse_beyond_memory
    from identify_core.store import Store
    from identify_core.studies.plans import plan_runs
    from identify_core.studies.study_file import read_study

    Workers.of(given)
    study = read_study(file)
    registry = invocation.registry()
    planned = plan_runs(study, registry)
    for each in planned:
        for combination in each.plan.combinations if each.plan else ():
            refuse_beyond_memory(combination.spec, force=given["force"])
    store = Store(invocation.store_path)
    if check:
        return _check(study, planned, registry, store, as_json)
    done = _perform(invocation, study, planned, registry, store, given, quiet)
    made = _write(done, store)
    _print(done, made, as_json)
    return 0 if done.is_whole and not made.undone else FAILED


def _check(study: StudyFile, planned: list[PlannedRuns], registry: Registry, store: Store, as_json: bool) -> int:
    from identify_core.cli.output import print_json, print_table
    from identify_core.studies.forecast import forecast

    forecasts = forecast(study, planned, registry, store)
    if as_json:
        print_json("study-plan", {"study": study.name, "entries": [each.as_dict() for each in forecasts]})
        return 0
    left = sum(each.left for each in forecasts)
    known = [each.seconds for each in forecasts if each.left and each.seconds is not None]
    unknown = sum(1 for each in forecasts if each.left and each.seconds is None)
    time = f"about {sum(known):.3g} s of it is known from before" if known else "nothing like it ran here before"
    if not left:
        print_text(f"{study.name}: everything is there already")
    else:
        print_text(f"{study.name}: {left} runs and comparisons are left; {time}; {unknown} entries never ran here")
    print_table(
        ("entry", "kind", "there", "left", "last took"),
        [(each.label, each.kind, each.there, each.left or each.note, each.last) for each in forecasts],
    )
    return 0


def _perform(
    invocation: Invocation,
    study: StudyFile,
    planned: list[PlannedRuns],
    registry: Registry,
    store: Store,
    given: dict[str, Any],
    quiet: bool,
) -> StudyDone:
    from identify_core.runs.trackers import track_observers
    from identify_core.studies.perform import StudySurroundings, perform_study
    from identify_core.sweeps.execution import Conditions
    from identify_core.verbs.watching import watched

    track_observers(given["track"])  # a wrong name is said before anything runs
    store.create()
    conditions = Conditions(
        **invocation.loading,
        track=given["track"],
        seconds_between_checkpoints=given["checkpoint_every"],
        force=given["force"],
    )
    with watched(quiet) as (display, stop_requested), executor_of(Workers.of(given), display) as executor:
        means = StudySurroundings(
            registry=registry,
            store=store,
            executor=executor,
            conditions=conditions,
            display=display,
            stop_requested=stop_requested,
            answer=_answer,
        )
        return perform_study(study, planned, means)


def _answer(comparison: Comparison) -> str:
    """The sentence that `identify compare` begins with."""
    from identify_core.reports.relations_text import answer_sentence

    sizes = {each.label: each.shape for each in comparison.lined.representations}
    return answer_sentence(comparison.findings, sizes)


def _write(done: StudyDone, store: Store) -> Made:
    """Tables, figures and the page, from what is stored."""
    from identify_core.store.files import explained
    from identify_core.studies.page import make, write_study
    from identify_core.studies.stored import open_study

    made = make(done)
    with explained("write the study", store.path), open_study(store, done.study.name) as folder:
        write_study(folder, done, made)
    return made


def _print(done: StudyDone, made: Made, as_json: bool) -> None:
    from identify_core.cli.output import print_failure, print_json, print_warning, stdout_console
    from identify_core.reports.tables import rich_table
    from identify_core.studies.page import comparison_line, study_answer

    if as_json:
        print_json("study", _plain(done, made))
        return
    print_text((study_answer(done), {"bold": True}))
    for each in done.comparisons:
        word, sentence = comparison_line(each)
        print_text(f"{word:<14}{each.label}: {sentence}")
    console = stdout_console()
    for label, table in made.tables.items():
        console.print()
        console.print(rich_table(table, name=label))
    for runs in done.runs:
        if runs.left_out:
            print_text(f"{'left out':<14}{runs.label}: {runs.left_out}")
        for row in runs.rows:
            if row.status == "failed":
                print_warning(f"{row.name} failed: {row.reason or 'no reason is known'}")
            for label, reason in row.failures.items():
                print_warning(f"{row.name}: {label} failed and is missing: {reason}")
    print_text((f"report: {made.page}", {"dim": True}))
    if made.undone:
        problems = [f"{label}: {reason}" for label, reason in made.undone.items()]
        print_failure(f"{len(problems)} of the tables and figures cannot be made; all else is kept", problems=problems)


def _plain(done: StudyDone, made: Made) -> dict[str, Any]:
    from identify_core.studies.page import study_answer

    return {
        "study": done.study.name,
        "answer": study_answer(done),
        "report": made.page,
        "runs": [
            {
                "label": each.label,
                "sweep": each.sweep or None,
                "left_out": each.left_out or None,
                "reused": each.reused,
                "runs": [{"name": row.name, "run": row.run or None, "status": row.status} for row in each.rows],
            }
            for each in done.runs
        ],
        "comparisons": [
            {
                "label": each.label,
                "comparison": each.id or None,
                "answer": each.answer,
                "expect": each.expect or None,
                "met": each.met,
                "below": [list(pair) for pair in each.below],
                "failures": dict(each.failures),
                "reused": each.reused,
                "left_out": each.left_out or None,
                "failed": each.failed or None,
            }
            for each in done.comparisons
        ],
        "tables": {
            label: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for label, table in made.tables.items()
        },
        "undone": dict(made.undone),
    }
