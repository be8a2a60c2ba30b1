"""`identify report`: write a stored run as one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.output import print_text

if TYPE_CHECKING:
    from identify_core.store import Store, StoredRun


@click.command("report")
@click.argument("run")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write the page.  [default: report.html in the run's folder]",
)
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@store_option
@json_option
@click.pass_obj
def command(invocation: Invocation, run: str, output: Path | None, show: bool, as_json: bool) -> None:
    """Write a stored RUN, or a comparison, as one HTML page that needs nothing else: answers, evidence, provenance.

    The figures of a comparison are drawn when its page is first asked for.

    \b
    identify report @last --open
    identify report @comparison --open
    identify report fcn-shells --output shells.html
    """
    from identify_core.cli.output import print_json, print_warning
    from identify_core.reports import write_report
    from identify_core.store import Store
    from identify_core.store.cache import note_drawn
    from identify_core.store.files import explained
    from identify_core.store.layout import REPORT_FILE

    store = Store(invocation.store_path)
    stored = store.open_any(run)
    if output is None:
        with explained("write the report", stored.folder):
            store.open_run(stored.summary).close()  # a run that is a link is read, and its page written elsewhere
    if stored.summary.kind == "comparison" and stored.summary.committed:
        _draw_once(invocation, store, stored)
        stored = store.open_any(stored.id)
    page = write_report(stored, output if output is not None else stored.folder / REPORT_FILE).resolve()
    if output is None and stored.summary.committed:
        with explained("write the report", stored.folder), store.open_run(stored.summary) as folder:
            note_drawn(folder, [REPORT_FILE])
    if as_json:
        print_json("report", {"run": stored.id, "report": page, "bytes": page.stat().st_size})
    else:
        print_text(page)
    if show:
        import webbrowser

        if not webbrowser.open(page.as_uri()):
            print_warning(f"no browser could be opened; the page is {page}")


def _draw_once(invocation: Invocation, store: Store, comparison: StoredRun) -> None:
    """Draw a comparison's figures unless it has a page, and with it its figures, already."""
    from identify_core.cli.output import print_warning
    from identify_core.reports.stored_figures import draw_comparison
    from identify_core.store.layout import REPORT_FILE

    if (comparison.folder / REPORT_FILE).is_file():
        return
    registry = invocation.registry_for(comparison.document, f"report {comparison.id}", kinds=("evaluator",))
    for label, problem in draw_comparison(store, comparison, registry).items():
        print_warning(f"{label} was not drawn: {problem}")
