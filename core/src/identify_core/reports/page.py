"""The page of a run: one HTML file with the answers first, then the evidence, what was asked and where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from identify_core.errors import StoreError
from identify_core.reports.answers import Section, make_section, show_answers, show_evidence, view_of
from identify_core.reports.curves import draw_curve, summarise
from identify_core.reports.gallery import Picture, read_pictures
from identify_core.reports.interactive import asset, document, packed, plotly_script
from identify_core.reports.markup import Markup, element, text
from identify_core.reports.provenance import asked, came_from, header
from identify_core.store.folder import Folder
from identify_core.version import __version__

if TYPE_CHECKING:
    from identify_core.store import StoredRun

READING = (
    "Each line is the median over the replicates; the dark band holds the middle 80 % of them, the light one all. "
    "Values that are not finite are left out."
)


def write_report(run: StoredRun, path: Path, *, status: str = "") -> Path:
    """Write the page of a stored run; it holds all that it shows and loads nothing.

    Args:
        run: a committed or a staged run.
        path: the HTML file, replaced where it exists.
        status: how the run ended, where that is about to be written; what the run says by default.

    Raises:
        StoreError: the file cannot be written, or something of the run cannot be read.
    """
    page = render_page(run, status=status or run.status)
    try:
        with Folder.open(path.parent, make=True) as folder:
            folder.write(path.name, page.encode())
    except OSError as error:
        raise StoreError(
            f"the report cannot be written to {path}: {error.strerror or error}",
            hint="name another file with --output",
        ) from error
    return path


def render_page(run: StoredRun, *, status: str) -> str:
    """The page as text; see `write_report`."""
    pictures = list(read_pictures(run))
    findings = run.outlined_findings()
    sections = [
        show_answers(findings, run.document),
        *show_evidence(findings, pictures),
        _training(run.history()),
        asked(run.spec_text),
        came_from(run.document),
    ]
    shown = [section for section in sections if section is not None]
    main = element("main", [section for _, _, section in shown])
    links = [element("li", element("a", title, href=f"#{anchor}")) for anchor, title, _ in shown]
    body = text(
        (
            element("a", "Skip to the answers", href="#answers", class_="skip"),
            header(run.document, status),
            element("div", element("nav", element("ol", links), aria_label="Contents"), main, class_="columns"),
            element("footer", f"Written by identify-core {__version__}. This file is complete: it loads nothing."),
            list(_views(pictures)),
        )
    )
    name = str(run.document.get("name") or run.id)
    return document(
        title=f"{name} · identify",
        style=asset("page.css"),
        body=body,
        script=asset("view.js") + asset("page.js"),
    )


def finished_page(run: StoredRun) -> str:
    """The page of a run that is about to be committed."""
    return render_page(run, status="finished")


def _training(history: Mapping[str, Any]) -> Section | None:
    if not history:
        return None
    names = sorted(history, key=lambda name: (name != "loss", name))
    curves = [draw_curve(name, summarise(*history[name])) for name in names if len(history[name][0])]
    replicated = any(np.ndim(values) > 1 and values.shape[1] > 1 for _, values in history.values())
    reading = element("p", READING, class_="quiet") if replicated else None
    return make_section("training", "How training went", reading, element("div", curves, class_="curves"))


def _views(pictures: Sequence[Picture]) -> Iterator[Markup]:
    """The packed interactive views, and plotly.js once if there is any."""
    views = [packed(view_of(each), each.interactive) for each in pictures if each.interactive]
    if views:
        yield packed("plotly", plotly_script())
        yield from views
