"""Cards: a run or a comparison as a few elements of HTML, for the output of a notebook's cell."""

from __future__ import annotations

from identify_core.reports.brief import brief_text
from identify_core.reports.markup import element
from identify_core.reports.tables import words_of
from identify_core.store import StoredRun


def run_card(run: StoredRun) -> str:
    """What was found in words, and below it the same screen as a terminal shows, folded.

    Args:
        run: committed or staged.
    """
    rows = [
        element("tr", element("th", words_of(label)), element("td", found.summary or "–"))
        for label, found in run.outlined_findings().items()
        if found.finding.summary
    ]
    text = brief_text(run)
    screen = element("pre", text, style="white-space: pre-wrap")
    if run.summary.kind == "comparison" or not rows:
        return element("div", screen)
    head = element("p", element("b", f"{run.summary.name} ({run.status})"), " ", element("code", run.id))
    return element("div", head, element("table", rows), element("details", element("summary", "As text"), screen))
