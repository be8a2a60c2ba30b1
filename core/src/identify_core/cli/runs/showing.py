"""`identify runs show`: one run: where it came from, what it holds, what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.completing import complete_runs
from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.output import print_text
from identify_core.cli.runs.listing import STYLES, describe

if TYPE_CHECKING:
    from rich.console import Console

    from identify_core.store import StoredRun


@click.command("show", short_help="Show a run: provenance, arrays, findings.")
@click.argument("run", default="@last", shell_complete=complete_runs)
@click.option("--full", is_flag=True, help="Show provenance, arrays, figures and every number, too.")
@click.option(
    "--against",
    metavar="COMPARISON",
    shell_complete=complete_runs,
    help="Of a comparison: say what changed since another one of the same things.",
)
@click.option("--spec", "only_spec", is_flag=True, help="Print the resolved spec alone.")
@store_option
@json_option
@click.pass_obj
def show(invocation: Invocation, run: str, full: bool, against: str | None, only_spec: bool, as_json: bool) -> None:
    """Show a RUN, by default the latest: what was found first; provenance, arrays and figures with --full."""
    from identify_core.cli.output import print_json, print_where_the_rest_is, stdout_console
    from identify_core.store import Store

    stored = Store(invocation.store_path).open_any(run)
    if against is not None:
        _print_changes(Store(invocation.store_path).open_any(against), stored, as_json=as_json)
        return
    if only_spec:
        print_text(stored.spec_text, nl=False)
        return
    arrays, problems = _read_arrays(stored)
    if as_json:
        content = describe(stored.summary) | {"document": dict(stored.document), "arrays": arrays, "problems": problems}
        print_json("run", content)
        return
    from identify_core.reports.brief import print_brief

    console = stdout_console()
    if full:
        _print_findings(console, stored, full=True)
        _print_head(console, stored)
        _print_arrays(arrays)
        _print_figures(console, stored)
    else:
        print_brief(console, stored)
        print_where_the_rest_is(console, invocation.store_path, stored.id, full=False, page=None)
    from identify_core.cli.output import print_warning

    for problem in problems:
        print_warning(problem)


def _print_changes(earlier: StoredRun, later: StoredRun, *, as_json: bool) -> None:
    from identify_core.cli.output import print_json, print_table
    from identify_core.reports.changes import changes_between
    from identify_core.saying import format_scalar

    said, table = changes_between(earlier, later)
    if as_json:
        changes = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        print_json("changes", {"before": earlier.id, "after": later.id, "answer": said, "changes": changes})
        return
    print_text(said)
    if table.rows:
        print_table(table.columns, [[format_scalar(cell) for cell in row] for row in table.rows])


def _read_arrays(run: StoredRun) -> tuple[list[dict[str, Any]], list[str]]:
    """Every array's metadata, and what of it cannot be read."""
    from identify_core.store.layout import ARRAYS, decode_name
    from identify_core.store.nodes import walk

    arrays, problems = [], []
    for path, node, problem in walk(run.folder / ARRAYS):
        if node is None:
            problems.append(f"{path or ARRAYS}: {problem}")
        elif node.is_array:
            text = "encoding" in node.attributes
            arrays.append(
                {
                    "path": "/".join(map(decode_name, path.split("/"))),
                    "shape": node.shape[:-1] if text else node.shape,
                    "dtype": "text" if text else node.dtype,
                    "dimensions": node.dimensions[:-1] if text else node.dimensions,
                    "claim": str(node.attributes.get("identified_up_to", "")),
                }
            )
    return arrays, problems


def _print_head(console: Console, run: StoredRun) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(Text.assemble((run.id, "bold"), "  ", (run.status, STYLES.get(run.status, {}).get("fg", ""))))
    grid = Table.grid(padding=(0, 2))
    for name, value in _facts(run):
        grid.add_row(Text(name, style="dim"), Text(value, overflow="fold"))
    console.print(grid)
    from identify_core.reports.brief import print_troubles

    print_troubles(console, run)


def _facts(run: StoredRun) -> Iterator[tuple[str, str]]:
    document = run.document
    yield "name", run.summary.name
    yield "plugin", run.summary.plugin
    yield "created", run.summary.created
    yield "finished", run.summary.finished or "–"
    for key in ("seed", "replicates", "dtype", "spec_hash", "data_fingerprint"):
        if document.get(key) not in (None, ""):
            yield key.replace("_", " "), str(document[key])
    for reference, opened in document.get("opened", {}).items():
        yield f"reads {reference}", opened
    for key, value in document.get("provenance", {}).items():
        if isinstance(value, dict):
            value = ", ".join(f"{inner} {each}" for inner, each in value.items())
        elif isinstance(value, list):
            value = " ".join(map(str, value))
        if value not in (None, ""):
            yield key.replace("_", " "), str(value)
    for component in document.get("components", []):
        if isinstance(component, dict):
            made_by = f"{component.get('distribution', '')} {component.get('version', '')}".strip()
            yield str(component.get("kind", "")), f"{component.get('name', '')}  ({made_by})"
    yield "folder", str(run.folder)


def _print_arrays(arrays: list[dict[str, Any]]) -> None:
    from identify_core.cli.output import print_table

    print_text()
    rows = [
        (
            each["path"],
            " × ".join(map(str, each["shape"])) or "scalar",
            each["dtype"],
            ", ".join(each["dimensions"]),
            f"identified up to {each['claim']}" if each["claim"] else "",
        )
        for each in arrays
    ]
    print_table(("array", "shape", "type", "dimensions", "claim"), rows)


def _print_findings(console: Console, run: StoredRun, *, full: bool) -> None:
    from identify_core.reports.tables import print_findings

    print_findings(console, {k: found.finding for k, found in run.outlined_findings().items()}, full=full)


def _print_figures(console: Console, run: StoredRun) -> None:
    from rich.text import Text

    figures = run.document.get("figures", [])
    if figures:
        print_text()
    for figure in figures:
        files = [str(run.folder / figure[key]) for key in ("static", "interactive") if figure.get(key)]
        console.print(Text.assemble((figure["name"], "bold cyan"), "  ", figure["caption"]))
        for file in files:
            console.print(Text(f"  {file}", style="dim"))
