"""Cards: a run or a comparison as a few elements of HTML, for the output of a notebook's cell."""

from __future__ import annotations

from identify_core.reports.brief import brief_text
from identify_core.reports.templating import render
from identify_core.store import StoredRun


def run_card(run: StoredRun) -> str:
    """What was found in words, and the same screen as a terminal shows.

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
