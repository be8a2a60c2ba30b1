"""`identify report`: write a stored run as one self-contained page."""

from __future__ import annotations

from pathlib import Path

import click

from identify_core.cli.completing import complete_runs
from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.output import print_text


@click.command("report")
@click.argument("run", shell_complete=complete_runs)
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
    from identify_core.store import Store
    from identify_core.verbs.working import write_page

    stored = Store(invocation.store_path).open_any(run)
    page = write_page(invocation, stored, output, print_warning)
    if as_json:
        print_json("report", {"run": stored.id, "report": page, "bytes": page.stat().st_size})
    else:
        print_text(page)
    if show:
        import webbrowser

        if not webbrowser.open(page.as_uri()):
            print_warning(f"no browser could be opened; the page is {page}")
