"""A run or a comparison in one screen: what was found first, then what it is of and where the rest is."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from identify_core.reports.opening import headline_first
from identify_core.reports.relations_text import answer_lines
from identify_core.reports.tables import print_findings
from identify_core.reports.templating import render

if TYPE_CHECKING:
    from rich.console import Console

    from identify_core.findings import Finding
    from identify_core.store import StoredRun

_WIDTH = 100


def print_brief(console: Console, run: StoredRun) -> None:
    """Print what a run or a comparison found, what it warned of, and what it holds.

    Args:
        console: where to.
        run: committed or staged.
    """
    from rich.text import Text

    findings = run.document.get("findings", {})
    if run.summary.kind == "comparison":
        _print_comparison(console, run)
    else:
        found = headline_first(run.outlined_findings(), run.document)
        print_findings(console, {label: stored.finding for label, stored in found.items()})
    print_troubles(console, run, said={f"{k}: {text}" for k, each in findings.items() for text in each["warnings"]})
    facts = [run.summary.name, f"plugin {run.summary.plugin}" if run.summary.plugin else ""]
    facts += [f"{key} {run.document[key]}" for key in ("replicates", "seed") if run.document.get(key) not in (None, "")]
    facts.append(f"created {run.summary.created[:16].replace('T', ' ')} UTC")
    console.print(Text(f"{run.id} ({run.status}): {', '.join(filter(None, facts))}"), soft_wrap=True)
    for name, latents in run.latents.items():
        console.print(Text(f"latents/{name}: {latents.in_words}"), soft_wrap=True)


def print_relations(console: Console, findings: Mapping[str, Finding], sizes: Mapping[str, tuple[int, int]]) -> None:
    """Print what relates the representations of a comparison, in one screen.

    Args:
        console: where to.
        findings: label to finding.
        sizes: label of each representation to (n, d).
    """
    for number, line in enumerate(answer_lines(findings, sizes, width=console.width)):
        console.print(line, markup=False, style="bold" if number == 0 else "", soft_wrap=True)


def print_troubles(console: Console, run: StoredRun, *, said: Collection[str] = ()) -> None:
    """What the run warned of, but for what was said already, and what failed."""
    from rich.text import Text

    for warning in run.summary.warnings:
        if warning not in said:
            console.print(Text(f"! {warning}", style="yellow"))
    for label, reason in run.document.get("failures", {}).items():
        console.print(Text(f"! {label} failed: {reason}", style="red"))


def sizes_of(comparison: StoredRun) -> dict[str, tuple[int, int]]:
    """(n, d) of each representation of a stored comparison, by its label."""
    rows = comparison.document["rows"]
    return {each["label"]: (rows, each["width"]) for each in comparison.document["representations"]}


def brief_text(run: StoredRun, *, width: int = _WIDTH) -> str:
    """The same as plain text."""
    from identify_core.terminal import make_console

    written = io.StringIO()
    print_brief(make_console(written, highlight=False, width=width, color_system=None), run)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip().splitlines())


def run_card(run: StoredRun) -> str:
    """The same for a cell of a notebook: what was found in words, and the screen of a terminal.

    Args:
        run: committed or staged.
    """
    said = [(label, found.summary) for label, found in run.outlined_findings().items() if found.summary]
    return render(
        "card.html",
        name=run.summary.name,
        status=run.status,
        id=run.id,
        rows=[] if run.summary.kind == "comparison" else said,
        text=brief_text(run),
    )


def _print_comparison(console: Console, comparison: StoredRun) -> None:
    """The answer as `identify compare` printed it."""
    findings = {label: stored.finding for label, stored in comparison.findings.items()}
    print_relations(console, findings, sizes_of(comparison))
