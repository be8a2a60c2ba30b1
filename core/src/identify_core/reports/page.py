"""The page of a run or a comparison: one HTML file, read from the top: question, answer, picture, ladder, doubts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from identify_core.errors import StoreError
from identify_core.reports.curves import draw_curve, summarise
from identify_core.reports.evidence import Section, shared_signs, show_evidence, symbols_in, view_of
from identify_core.reports.gallery import COLUMN, Picture, read_pictures
from identify_core.reports.interactive import asset, document, plotly_script
from identify_core.reports.opening import READING, answer_of, doubts_of, ladder_of, question_of
from identify_core.reports.provenance import asked, came_from, facts
from identify_core.reports.templating import render
from identify_core.store.folder import Folder
from identify_core.version import __version__

if TYPE_CHECKING:
    from identify_core.store import StoredRun

CURVES = (
    "Each line is the median over the replicates; the dark band holds the middle 80 % of them, the light one all. "
    "Values that are not finite are left out."
)

FOOTER = f"Written by identify-core {__version__}. This file is complete: it loads nothing."


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
    spec_text = run.spec_text
    pictures = list(read_pictures(run))
    findings = run.outlined_findings()
    answer, answering = answer_of(run, findings)
    ladders = [label for label, stored in findings.items() if "ladder" in stored.finding.tables]
    hero = choose_hero(pictures, [answering.label] if answering else ladders)
    defined: set[str] = set()
    signs = {**shared_signs(findings), **(answering.finding.conventions if answering else {})}
    symbols = symbols_in(answer, signs, defined)
    sections = [
        *show_evidence(
            findings, [each for each in pictures if each is not hero], run.document.get("failures", {}), defined
        ),
        *_training(run.history()),
        asked(spec_text),
        came_from(run.document),
    ]
    ladder = ladder_of(findings)
    top = [("answer", "The answer"), *([("hero", "The picture")] if hero else [])]
    top += [*([("ladder", "The ladder")] if ladder else []), ("distrust", "What to distrust")]
    name = str(run.document.get("name") or run.id)
    body = render(
        "page.html",
        kind=str(run.document.get("kind", "run")),
        name=name,
        status=status,
        facts=list(facts(run.document)),
        id=run.id,
        reason=str(run.document.get("reason") or ""),
        contents=[*top, *((each.anchor, each.title) for each in sections)],
        question=question_of(run, spec_text),
        answer=answer,
        answer_symbols=symbols,
        hero={"picture": hero, "view": view_of(hero), "enlarges": hero.width > COLUMN} if hero else None,
        ladder=ladder,
        ladder_reading=READING,
        distrust=doubts_of(run, findings),
        sections=sections,
        footer=FOOTER,
        packed=list(_views(pictures)),
    )
    return document(
        title=f"{name} · identify",
        style=asset("page.css"),
        body=body,
        script=asset("view.js") + asset("page.js"),
    )


def choose_hero(pictures: Sequence[Picture], first: Sequence[str]) -> Picture | None:
    """The picture at the top: the first one of the findings that answer, otherwise the first there is.

    Args:
        pictures: all of the run.
        first: labels of findings, whose pictures come before the others.
    """
    shown = [each for each in pictures if each.image]
    return next((each for label in first for each in shown if each.label == label), next(iter(shown), None))


def finished_page(run: StoredRun) -> str:
    """The page of a run that is about to be committed."""
    return render_page(run, status="finished")


def _training(history: Mapping[str, Any]) -> Iterator[Section]:
    if not history:
        return
    names = sorted(history, key=lambda name: (name != "loss", name))
    curves = [draw_curve(name, summarise(*history[name])) for name in names if len(history[name][0])]
    replicated = any(np.ndim(values) > 1 and values.shape[1] > 1 for _, values in history.values())
    content = render("training.html", curves=curves, reading=CURVES if replicated else "")
    yield Section(anchor="training", title="How training went", content=content)


def _views(pictures: Sequence[Picture]) -> Iterator[tuple[str, str]]:
    """The packed interactive views, and plotly.js once if there is any."""
    views = [(view_of(each), each.interactive) for each in pictures if each.interactive]
    if views:
        yield "plotly", plotly_script()
        yield from views
