"""`identify plot`: draw the figures of a stored run again from its findings, without computing anything again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from identify_core.cli.completing import complete_runs
from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.cli.output import print_text

if TYPE_CHECKING:
    from identify_core.reports.stored_figures import Drawing

RAN_AND_FAILED = 1
FORMATS = ("png", "svg", "pdf", "html")


@click.command("plot")
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    default=("png",),
    show_default=True,
    help="May be repeated; html is the interactive view of the figures that have one.",
)
@click.option("--only", "labels", multiple=True, metavar="LABEL", help="Only this finding; may be repeated.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to write, one folder a finding.  [default: figures-RUN_ID here]",
)
@store_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    run: str,
    formats: tuple[str, ...],
    labels: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> int:
    """Draw the figures of a stored RUN or comparison, as its plugins draw them now; the run itself stays as it is.

    \b
    identify plot @last
    identify plot fcn-shells --format svg --format pdf --only subspace --output paper/figures
    """
    from identify_core.cli.output import print_json, print_warning
    from identify_core.reports.stored_figures import redraw, refuse_nothing
    from identify_core.store import Store

    stored = Store(invocation.store_path).open_any(run)
    folder = output if output is not None else Path(f"figures-{stored.id}")
    registry = invocation.registry_for(stored.document, f"plot {run}", kinds=("evaluator",))
    drawings = redraw(stored, registry, folder, formats=formats, only=labels)
    if as_json:
        print_json("figures", {"run": stored.id, "findings": [_plain(each) for each in drawings]})
    for each in drawings:
        for file in [] if as_json else each.files:
            print_text(file)
        if each.problem:
            print_warning(f"{each.label} was not drawn: {each.problem}")
    refuse_nothing(stored, drawings, formats)
    return RAN_AND_FAILED if any(each.problem for each in drawings) else 0


def _plain(drawing: Drawing) -> dict[str, Any]:
    return {"label": drawing.label, "files": list(drawing.files), "problem": drawing.problem or None}
