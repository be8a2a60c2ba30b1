"""`identify evaluate`: run evaluators on a stored run."""

from __future__ import annotations

from typing import Any

import click

from identify_core.cli.invocation import (
    Invocation,
    force_option,
    json_option,
    quiet_option,
    store_option,
    trust_option,
)

RAN_AND_FAILED = 1
_REMADE = {"samples", "weights", "modules", "decoder"}  # what evaluators may require that a stored run makes again


@click.command("evaluate")
@click.argument("run")
@click.option(
    "--evaluator", "names", multiple=True, required=True, metavar="NAME", help="Such as subspace or genni:subspace."
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="An option of the evaluators, as in counts=[9,9]."
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
    from identify_core.cli.watching import watched
    from identify_core.errors import UsageError
    from identify_core.spec import choose_evaluators, load_stored_spec
    from identify_core.spec.memory import refuse_beyond_memory
    from identify_core.store import Store, StoredRun

    if label is not None and len(names) > 1:
        raise UsageError("--label names one finding, but there are several evaluators")
    store = Store(invocation.store_path)
    stored = store.open(run, statuses=("finished",))
    again = " ".join(["evaluate", run, *(f"--evaluator {each}" for each in names)])
    registry = invocation.registry_for(stored.document, again)
    plugin = str(stored.document.get("plugin") or "")
    spec = None
    if plugin:  # imported representations have no spec
        spec = load_stored_spec(
            registry,
            stored.summary.read_spec(),
            owner=f"the run {stored.id}",
            signature=stored.document.get("spec_signature"),
            trusted=trusted,
        )
    chosen = choose_evaluators(registry, names, overrides, plugin=plugin or None, label=label or "")
    if spec is not None and any(each.registered.component.requires & _REMADE for each in chosen):
        refuse_beyond_memory(spec, force=force, training=False)  # the others read latents, block by block
    from identify_core.reports.page import finished_page
    from identify_core.reports.tables import print_findings
    from identify_core.runs.revisits import Revisit

    with watched(quiet) as (display, stop_requested):
        revisit = Revisit(
            store=store,
            run=stored,
            spec=spec,
            evaluators=chosen,
            device=device or (spec.device if spec else "auto"),
            display=display,
            stop_requested=stop_requested,
            replace=replace,
            render=finished_page,
        )
        revisited = revisit.evaluate()
    labels, failures = revisited.labels, revisited.failures
    found = StoredRun.open(stored.folder).findings
    shown = {name: _plain(found[name]) for name in labels}
    if as_json:
        print_json("findings", {"run": stored.id, "findings": shown, "failures": failures})
    else:
        print_findings(stdout_console(), {name: found[name].finding for name in labels}, full=full)
    if failures:
        print_failure(
            f"{len(failures)} of {len(chosen)} evaluators failed; what the others found is kept",
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
