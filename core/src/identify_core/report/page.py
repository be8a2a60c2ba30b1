"""The page of a run: one HTML file with the answers first, then the evidence, what was asked and where it came from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from identify_core.errors import StoreError
from identify_core.findings import Finding
from identify_core.report.curves import draw_curve, summarise
from identify_core.report.gallery import Picture, read_pictures, show_picture
from identify_core.report.interactive import asset, document, packed, plotly_script
from identify_core.report.markup import Markup, element, text
from identify_core.report.provenance import asked, came_from, header
from identify_core.report.tables import html_table, typeset, words_of
from identify_core.version import __version__

if TYPE_CHECKING:
    from identify_core.store import StoredFinding, StoredRun

HEADLINE_SCALARS = 6
READING = (
    "Each line is the median over the replicates; the dark band holds the middle 80 % of them, the light one all. "
    "Values that are not finite are left out."
)


def write_report(run: StoredRun, path: Path) -> Path:
    """Write the page of a stored run; it holds all that it shows and loads nothing.

    Args:
        run: a committed or a staged run.
        path: the HTML file, replaced where it exists.

    Raises:
        StoreError: the file cannot be written.
    """
    page = render_page(run)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(page, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise StoreError(
            f"the report cannot be written to {path}: {error.strerror or error}",
            hint="name another file with --output",
        ) from error
    return path


def render_page(run: StoredRun) -> str:
    """The page as text; see `write_report`."""
    pictures = list(read_pictures(run))
    findings = dict(run.findings)
    sections = [
        _answers(findings, run.document),
        *(_evidence(label, stored, _of(label, pictures)) for label, stored in findings.items()),
        *_other_pictures([each for each in pictures if each.label not in findings]),
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
            header(run.document),
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


Section = tuple[str, str, Markup]


def _section(anchor: str, title: str, *content: Any, note: str = "") -> Section:
    heading = element("h2", element("span", title), element("small", note) if note else None)
    return anchor, title, element("section", heading, *content, id=anchor)


def _answers(findings: Mapping[str, StoredFinding], document: Mapping[str, Any]) -> Section:
    warnings = [str(each) for each in document.get("warnings", ())]
    callout = _callout(warnings, "The run warned") if warnings else None
    if not findings:
        empty = "This run holds no finding. Add an [[evaluators]] table to its spec, or use identify evaluate."
        return _section("answers", "What was found", callout, element("p", empty, class_="empty"))
    answers = [_answer(label, stored.finding) for label, stored in findings.items()]
    return _section("answers", "What was found", callout, answers)


def _answer(label: str, finding: Finding) -> Markup:
    sentence = finding.summary or f"{label} says nothing in words; its numbers are below."
    headline = dict(list(finding.scalars.items())[:HEADLINE_SCALARS])
    return element(
        "article",
        element("p", element("a", words_of(label), href=f"#{_anchor(label)}"), class_="label"),
        element("p", sentence, class_="sentence"),
        _callout(finding.warnings, "") if finding.warnings else None,
        _numbers(headline) if headline else None,
        class_="answer",
    )


def _numbers(scalars: Mapping[str, Any]) -> Markup:
    pairs = [
        element("div", element("dt", words_of(name)), element("dd", value, class_="long" if len(value) > 14 else None))
        for name, value in ((name, typeset(value)) for name, value in scalars.items())
    ]
    return element("dl", pairs, class_="numbers")


def _callout(sentences: Any, title: str) -> Markup:
    head = element("strong", title) if title else None
    return element("div", head, [element("p", str(each)) for each in sentences], class_="callout", role="note")


def _anchor(label: str) -> str:
    return "finding-" + "".join(c if c.isalnum() else f"_{ord(c):x}_" if c != "-" else c for c in label)


def _view(picture: Picture) -> str:
    return f"view-{_anchor(picture.label)}-{_anchor(picture.name)}"


def _of(label: str, pictures: Sequence[Picture]) -> list[Picture]:
    return [each for each in pictures if each.label == label]


def _evidence(label: str, stored: StoredFinding, pictures: list[Picture]) -> Section:
    finding = stored.finding
    rest = dict(list(finding.scalars.items())[HEADLINE_SCALARS:])
    return _section(
        _anchor(label),
        words_of(label),
        [show_picture(each, _view(each)) for each in pictures],
        _numbers(rest) if rest else None,
        [(element("h3", words_of(name)), html_table(table)) for name, table in finding.tables.items()],
        _meanings(finding, stored),
        note=stored.evaluator,
    )


def _meanings(finding: Finding, stored: StoredFinding) -> Markup | None:
    """How the numbers are to be read, with which options, and what else is stored."""
    blocks: list[Markup] = []
    for title, pairs in (
        ("How to read the numbers", finding.conventions.items()),
        ("Options", ((name, typeset(_flat(value))) for name, value in stored.options.items())),
        ("Stored arrays", ((name, _array_words(array)) for name, array in finding.arrays.items())),
    ):
        rows = [(element("dt", name), element("dd", str(value))) for name, value in pairs]
        if rows:
            blocks += [element("h4", title), element("dl", rows, class_="pairs")]
    return element("details", element("summary", "Conventions, options and arrays"), blocks) if blocks else None


def _array_words(array: Any) -> str:
    sizes = " × ".join(
        f"{name} {size}" for name, size in zip(array.dimensions, array.values.shape, strict=True)
    )  # the page never holds the values: the store does
    return f"{array.summary} ({sizes or 'one number'}, {array.values.dtype})".lstrip()


def _flat(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _other_pictures(pictures: Sequence[Picture]) -> Iterator[Section]:
    """Pictures of no finding that the run still holds."""
    for label in dict.fromkeys(each.label for each in pictures):
        shown = [show_picture(each, _view(each)) for each in _of(label, pictures)]
        yield _section(_anchor(label), words_of(label) or "Pictures", shown)


def _training(history: Mapping[str, Any]) -> Section | None:
    if not history:
        return None
    curves = [draw_curve(name, summarise(steps, values)) for name, (steps, values) in history.items() if len(steps)]
    replicated = any(np.ndim(values) > 1 and values.shape[1] > 1 for _, values in history.values())
    reading = element("p", READING, class_="quiet") if replicated else None
    return _section("training", "How training went", reading, element("div", curves, class_="curves"))


def _views(pictures: Sequence[Picture]) -> Iterator[Markup]:
    """The packed interactive views, and plotly.js once if there is any."""
    views = [packed(_view(each), each.interactive) for each in pictures if each.interactive]
    if views:
        yield packed("plotly", plotly_script())
        yield from views
