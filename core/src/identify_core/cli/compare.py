"""`identify compare`: representations of runs, or arrays in files, next to one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.completing import complete_evaluators, complete_keys, complete_rungs, complete_runs
from identify_core.cli.invocation import Invocation, json_option, quiet_option, store_option, trust_option
from identify_core.cli.output import print_text
from identify_core.cli.outside import outside_options, terms_from
from identify_core.cli.sweep import executor_options
from identify_core.verbs.executors import Workers

if TYPE_CHECKING:
    from pathlib import Path

    from identify_core.comparisons.comparison import Comparison, Request
    from identify_core.comparisons.estimates import Estimate
    from identify_core.plugins import Registry
    from identify_core.store import Store

FAILED = 1


@click.command("compare")
@click.argument("what", nargs=-1, required=True, metavar="RUN|ARRAY...", shell_complete=complete_runs)
@click.option("--latents", multiple=True, metavar="NAME", help="Which latents of the runs; may be repeated.")
@click.option("--split", help="Take only latents of this split.")
@click.option(
    "--evaluator",
    "names",
    shell_complete=complete_evaluators,
    multiple=True,
    metavar="NAME",
    help="Such as measures:linear-cka; may be repeated.  [default: the ladder and five common measures]",
)
@click.option("--all", "every", is_flag=True, help="Every evaluator of pairs that applies, however long it takes.")
@click.option("--full", is_flag=True, help="Print every table, convention and warning.")
@click.option("--report", is_flag=True, help="Draw the figures and write the page, too, as `identify report` does.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    shell_complete=complete_keys,
    metavar="KEY=VALUE",
    help="An option of the evaluators.",
)
@outside_options
@trust_option
@click.option("--trust-ids", is_flag=True, help="Take equal ids for equal samples although the inputs differ.")
@click.option("--partial", is_flag=True, help="Compare the rows in common although they are under a tenth.")
@click.option(
    "--expect",
    default="",
    shell_complete=complete_rungs,
    metavar="RUNG",
    help="Fail where a pair is not identified up to this rung.",
)
@click.option("--name", default="comparison", show_default=True, help="What the comparison is called.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of splits, permutations and bootstraps.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@executor_options
@click.option("--dry-run", is_flag=True, help="Say what would be compared, how long and in how much memory; stop.")
@quiet_option
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    what: tuple[str, ...],
    latents: tuple[str, ...],
    split: str | None,
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    axes: str,
    ids: tuple[str, ...],
    factors: tuple[str, ...],
    taken_as: tuple[str, ...],
    every: bool,
    full: bool,
    report: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    workers: int | None,
    executor: str,
    scheduler: str | None,
    slurm: tuple[str, ...],
    **settings: Any,
) -> int:
    """Compare representations: of runs of any plugins, or of arrays in files.

    \b
    identify compare @last:hidden-1                          the replicates of one run, by their latents hidden-1
    identify compare RUN RUN --latents hidden-1 --expect linear
    identify compare a.npy b.npz:key c.zarr/path --evaluator measures:linear-cka
    identify compare a.csv b.parquet --ids sample            rows joined on a column
    identify compare states.npy --axes sample,layer,latent   the layers of one array

    Arrays come from csv, tsv, parquet, .npy, .npz, Zarr, HDF5, .h5ad, .mat, .safetensors and .pt files.
    """
    from identify_core.rungs import rung

    if settings["expect"]:
        rung(settings["expect"])
    at_work = Workers(count=workers, executor=executor, scheduler=scheduler, slurm=slurm)
    registry = invocation.registry()
    from identify_core.comparisons.comparison import Request
    from identify_core.comparisons.execution import compare
    from identify_core.comparisons.stored_requests import Asked
    from identify_core.store import Store
    from identify_core.verbs.comparisons import evaluators_of_pairs, means_of

    store = Store(invocation.store_path)
    terms = terms_from(axes=axes, ids=ids, factors=factors, taken_as=taken_as)
    asked = Asked(references=what, latents=latents, split=split or "", terms=terms)
    groups = asked.open(store)
    for group in groups:
        if group.remark:
            print_text(group.remark, err=True)
    evaluators = evaluators_of_pairs(registry, groups, names, overrides, every=every)
    request = Request(groups=groups, evaluators=evaluators, asked=asked, registry=registry, **settings)
    if dry_run:
        return _plan(request, as_json)
    with means_of(invocation, at_work, quiet=quiet) as means:
        comparison = compare(request, means)
        page = _draw(store, comparison, registry) if report else None
    return answer(comparison, request, invocation.store_path, as_json=as_json, full=full, page=page)


def answer(
    comparison: Comparison,
    request: Request,
    store: Path,
    *,
    as_json: bool,
    full: bool = False,
    page: Path | None = None,
) -> int:
    """Print a comparison that lies in a store; the exit status."""
    if as_json:
        _print_json(comparison, request, page)
    else:
        _print_answer(comparison, store, full=full, page=page)
    _print_failures(comparison, request.expect)
    return FAILED if comparison.below or comparison.failures else 0


def _draw(store: Store, comparison: Comparison, registry: Registry) -> Path:
    """Draw the comparison's figures and its page; what cannot be drawn is said."""
    from identify_core.cli.output import print_warning
    from identify_core.reports.stored_figures import draw_comparison
    from identify_core.store.layout import REPORT_FILE

    problems = draw_comparison(store, store.open(comparison.id, kind="comparison"), registry)
    for label, problem in problems.items():
        print_warning(f"{label} was not drawn: {problem}")
    return comparison.folder / REPORT_FILE


def _plan(request: Request, as_json: bool) -> int:
    from identify_core.cli.output import print_json, print_table, stdout_console
    from identify_core.comparisons.estimates import plan

    planned = plan(request)
    status = FAILED if any(each.reason for each in planned.estimates) else 0
    if as_json:
        print_json("comparison-plan", planned.as_dict())
        return status
    console = stdout_console()
    print_table(
        ("evaluator", "seconds", "memory"),
        [(each.evaluator, *_told(each)) for each in planned.estimates],
    )
    for name, reason in planned.skipped.items():
        console.print(f"left out  {name}: {reason}", markup=False)
    if planned.warning:
        console.print(planned.warning, markup=False, style="bold red")
    console.print(
        f"{planned.representations} representations, {planned.pairs} pairs, {planned.rows} rows in common; about "
        f"{planned.seconds:.3g} s and {_megabytes(planned.bytes)} on {planned.device}",
        markup=False,
    )
    console.print(
        "no values were read: a measure that cannot take them says so in the comparison, and costs no other",
        markup=False,
        style="dim",
    )
    return status


def _told(estimate: Estimate) -> tuple[str, str]:
    if estimate.reason:
        return "fails", estimate.reason
    return f"{estimate.seconds:.3g}", _megabytes(estimate.bytes)


def _megabytes(count: float) -> str:
    return f"{count / 2**20:.4g} MiB" if count < 2**30 else f"{count / 2**30:.3g} GiB"


def _print_json(comparison: Comparison, request: Request, page: Path | None) -> None:
    from identify_core.cli.output import print_json

    print_json("comparison", {**_plain(comparison, request), "report": page})


def _print_failures(comparison: Comparison, expect: str) -> None:
    from identify_core.cli.output import print_failure

    if comparison.failures:
        print_failure(
            f"{len(comparison.failures)} of {len(comparison.failures) + len(comparison.findings)} evaluators failed; "
            "what the others found is kept",
            problems=[f"{label}: {reason}" for label, reason in comparison.failures.items()],
        )
    if comparison.below:
        print_failure(
            f"{len(comparison.below)} pairs are not identified up to {expect}",
            problems=[f"{first} and {other}: {found}" for first, other, found in comparison.below],
        )


def _print_answer(comparison: Comparison, store: Path, *, full: bool, page: Path | None) -> None:
    """The answer in one screen; everything else behind it where `full`."""
    from identify_core.cli.output import print_where_the_rest_is, stdout_console
    from identify_core.reports.brief import print_relations
    from identify_core.reports.tables import print_finding

    console, lined = stdout_console(), comparison.lined
    if lined.warning:
        console.print(lined.warning, markup=False, style="bold red")
    print_relations(console, comparison.findings, {each.label: each.shape for each in lined.representations})
    for label, finding in comparison.findings.items():
        if finding.summary and "pairs" not in finding.tables:
            console.print(f"{label}: {finding.summary}", markup=False, soft_wrap=True)
    for label, lost in lined.left_out.items():
        console.print(f"{label}: {lost} rows have no counterpart and are left out", markup=False, style="dim")
    if full:
        for label, finding in comparison.findings.items():
            console.print()
            print_finding(console, label, finding)
        for name, reason in comparison.skipped.items():
            console.print(f"left out {name}: {reason}", markup=False, style="dim")
    print_where_the_rest_is(console, store, comparison.id, full=full, page=page)


def _plain(comparison: Comparison, request: Request) -> dict[str, Any]:
    return {
        "comparison": comparison.id,
        "folder": str(comparison.folder),
        "rows": comparison.lined.rows,
        "left_out": comparison.lined.left_out,
        "warning": comparison.lined.warning,
        "skipped": comparison.skipped,
        "failures": comparison.failures,
        "expect": request.expect,
        "met": not comparison.below if request.expect and comparison.judged else None,
        "representations": [each.label for each in comparison.lined.representations],
        "findings": {
            label: {
                "summary": finding.summary,
                "scalars": dict(finding.scalars),
                "conventions": dict(finding.conventions),
                "warnings": list(finding.warnings),
                "tables": {
                    name: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
                    for name, table in finding.tables.items()
                },
            }
            for label, finding in comparison.findings.items()
        },
    }
