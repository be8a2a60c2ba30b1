"""`identify evaluate`: run evaluators on a stored run."""

from __future__ import annotations

from typing import Any

import click

from identify_core.cli.completing import complete_evaluators, complete_keys, complete_runs
from identify_core.cli.invocation import (
    Invocation,
    force_option,
    json_option,
    quiet_option,
    store_option,
    trust_option,
)

RAN_AND_FAILED = 1


@click.command("evaluate")
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "--evaluator",
    "names",
    multiple=True,
    required=True,
    metavar="NAME",
    shell_complete=complete_evaluators,
    help="Such as subspace or genni:subspace.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_keys,
    help="An option of the evaluators, as in counts=[9,9].",
)
@click.option("--label", help="What the finding is called.  [default: the evaluator's name]")
@click.option("--replace", is_flag=True, help="Take the place of a finding of that label.")
@click.option("--full", is_flag=True, help="Print every number, table, convention and warning.")
@click.option("--device", help="auto, cpu, cuda, cuda:1 or mps.  [default: the run's]")
@force_option
@trust_option
@quiet_option
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    run: str,
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    label: str | None,
    replace: bool,
    full: bool,
    device: str | None,
    force: bool,
    trusted: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> int:
    """Run evaluators on a stored RUN and keep what they find with it."""
    from identify_core.cli.output import print_failure, print_json, stdout_console
    from identify_core.reports.tables import print_findings
    from identify_core.store import Store, StoredRun
    from identify_core.verbs.working import Evaluation, evaluate_stored

    asked = Evaluation(
        names=names,
        overrides=overrides,
        label=label or "",
        replace=replace,
        device=device or "",
        force=force,
        trusted=trusted,
        quiet=quiet,
    )
    stored = Store(invocation.store_path).open(run, statuses=("finished",))
    revisited = evaluate_stored(invocation, stored, asked)
    labels, failures = revisited.labels, revisited.failures
    found = StoredRun.open(stored.folder).findings
    shown = {name: _plain(found[name]) for name in labels}
    if as_json:
        print_json("findings", {"run": stored.id, "findings": shown, "failures": failures})
    else:
        print_findings(stdout_console(), {name: found[name].finding for name in labels}, full=full)
    if failures:
        print_failure(
            f"{len(failures)} of {len(names)} evaluators failed; what the others found is kept",
            problems=[f"{name}: {reason}" for name, reason in failures.items()],
        )
    return RAN_AND_FAILED if failures else 0


def _plain(stored: Any) -> dict[str, Any]:
    finding = stored.finding
    return {
        "evaluator": stored.evaluator,
        "summary": finding.summary,
        "scalars": dict(finding.scalars),
        "conventions": dict(finding.conventions),
        "warnings": list(finding.warnings),
    }
