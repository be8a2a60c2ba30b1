"""The page of a study: what held and what did not, then its comparisons, tables and figures, then its runs."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from markupsafe import Markup

from identify_core.errors import UsageError
from identify_core.findings import Figure, Table
from identify_core.reports.evidence import Section
from identify_core.reports.figures import save_figure
from identify_core.reports.gallery import COLUMN, Picture, show_picture
from identify_core.reports.interactive import asset, document
from identify_core.reports.page import FOOTER
from identify_core.reports.tables import html_table
from identify_core.reports.templating import render
from identify_core.saying import words_of
from identify_core.store.folder import Folder
from identify_core.studies.figures import draw_figure
from identify_core.studies.perform import ComparisonDone, RunsDone, StudyDone
from identify_core.studies.tables import make_table
from identify_core.sweeps.summary import count_statuses


def study_answer(done: StudyDone) -> str:
    """One sentence: how many expectations hold, and what was left undone."""
    expected = [each for each in done.comparisons if each.met is not None]
    held = sum(bool(each.met) for each in expected)
    runs = sum(len(each.rows) for each in done.runs)
    said = f"{held} of {len(expected)} expectations hold" if expected else "nothing was expected"
    wrong = [each.label for each in done.comparisons if each.failed or each.failures]
    wrong += [each.label for each in done.runs if not each.is_whole]
    undone = f"; not done: {', '.join(wrong)}" if wrong else ""
    return f"{said}; {_count(runs, 'run')}, {_count(len(done.comparisons), 'comparison')}{undone}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def comparison_line(each: ComparisonDone) -> tuple[str, str]:
    """How a comparison ended in a word, and the sentence that says what was found."""
    if each.left_out:
        return "left out", each.left_out
    if each.failed:
        return "failed", each.failed
    failures = "".join(f"; {label} failed: {reason}" for label, reason in each.failures.items())
    if each.met is None:
        return "found", f"{each.answer}{failures}"
    if each.met:
        return "holds", f"expected {each.expect}: {each.answer}{failures}"
    first, other, found = each.below[0] if each.below else ("", "", "")
    more = f" and {len(each.below) - 1} more pairs" if len(each.below) > 1 else ""
    return "does not hold", f"expected {each.expect}, but {first} and {other}: {found}{more}{failures}"


@attrs.define(kw_only=True)
class Made:
    """What a study's page is made of, from what is stored.

    Args:
        tables: by label, in order.
        figures: in order.
        undone: label of each table and figure that cannot be made, with the reason.
        page: the file, once it is written.
    """

    tables: dict[str, Table] = attrs.field(factory=dict)
    figures: list[Figure] = attrs.field(factory=list)
    undone: dict[str, str] = attrs.field(factory=dict)
    page: Path = Path()


def make(done: StudyDone) -> Made:
    """The tables and figures of a study; one that cannot be made costs no other."""
    made = Made()
    for table in done.study.tables:
        try:
            made.tables[table.label] = make_table(table, done.runs)
        except UsageError as error:
            made.undone[table.label] = f"{error.message}; {error.hint}"
    for figure in done.study.figures:
        try:
            made.figures.append(draw_figure(figure, done.runs))
        except UsageError as error:
            made.undone[figure.label] = f"{error.message}; {error.hint}"
    return made


def study_page(done: StudyDone, made: Made, pictures: Mapping[str, bytes]) -> str:
    """The page as text, complete in itself.

    Args:
        done: what became of the study.
        made: its tables and figures.
        pictures: PNG of each figure by its name.
    """
    sections = [
        _section("comparisons", "What relates what", _comparisons(done.comparisons)),
        *(_section(f"table-{label}", words_of(label), html_table(table)) for label, table in made.tables.items()),
        *(
            _section(f"figure-{each.name}", words_of(each.name), _picture(each, pictures[each.name]))
            for each in made.figures
        ),
        _section("runs", "Runs", html_table(runs_table(done.runs))),
    ]
    body = render(
        "study.html",
        title=done.study.title,
        answer=study_answer(done),
        sections=[each for each in sections if each is not None],
        footer=FOOTER,
    )
    return document(title=f"{done.study.title} · identify", style=asset("page.css"), body=body, script="")


def runs_table(runs: Sequence[RunsDone]) -> Table:
    """One row an entry: how many runs, how they ended, and the sweep that they are."""
    return Table(
        columns=("runs", "count", "status", "there before", "sweep"),
        rows=[
            (each.label, len(each.rows), each.left_out or count_statuses(each.rows), each.reused, each.sweep)
            for each in runs
        ],
        caption="What was run; the runs themselves are in the store.",
    )


def write_study(folder: Folder, done: StudyDone, made: Made) -> None:
    """Write figures, tables as csv, and the page, into the study's folder."""
    import csv
    import io

    drawn = {each.name: save_figure(each, folder.path / "figures")[0].read_bytes() for each in made.figures}
    folder.make("tables").close()
    for label, table in made.tables.items():
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([table.columns, *table.rows])
        folder.write(f"tables/{label}.csv", lines.getvalue().encode())
    folder.write("report.html", study_page(done, made, drawn).encode())
    made.page = folder.path / "report.html"


def _section(anchor: str, title: str, content: Markup | None) -> Section | None:
    return None if content is None else Section(anchor=anchor, title=title, content=content)


def _comparisons(comparisons: Sequence[ComparisonDone]) -> Markup | None:
    if not comparisons:
        return None
    rows = [(each.label, *comparison_line(each), each.id) for each in comparisons]
    return html_table(
        Table(columns=("comparison", "result", "answer", "id"), rows=rows, caption="What was compared, and the answer.")
    )


def _picture(figure: Figure, png: bytes) -> Markup:
    image = base64.b64encode(png).decode("ascii")
    shown = Picture(
        label=figure.name, name=figure.name, caption=figure.caption, image=image, width=COLUMN, interactive="", notes=()
    )
    return show_picture(shown, "")
