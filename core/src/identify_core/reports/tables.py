"""Tables of findings for the terminal, for markdown and for HTML, with one way to write a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from identify_core.reports.numerals import typeset
from identify_core.reports.templating import render
from identify_core.saying import format_scalar, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement

    from identify_core.findings import Finding, Scalar, Table

TERMINAL_ROWS = 25
PAGE_ROWS = 1000
TALL = 40
_MOST_OF_ONE = 4
_ABOUT = 3  # leading columns of words that say what a row is about
_NARROWEST = 20  # a column of words
_GAP = 3  # between two columns


def headings(table: Table) -> tuple[str, ...]:
    """The column names, each with its unit in parentheses where it has one."""
    return tuple(f"{name} ({table.units[name]})" if table.units.get(name) else name for name in table.columns)


def numeric_columns(table: Table) -> tuple[bool, ...]:
    """For each column, whether it holds numbers (or nothing) only, and so reads better aligned to the right."""

    def numeric(cell: Scalar) -> bool:
        return cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool))

    return tuple(
        bool(table.rows)
        and all(numeric(row[i]) for row in table.rows)
        and any(row[i] is not None for row in table.rows)
        for i in range(len(table.columns))
    )


def rich_table(table: Table, *, name: str = "", rows: int = TERMINAL_ROWS) -> RenderableType:
    """The table for a terminal: its first `rows` rows, and a line that says how many are not shown.

    Where it is wider than the terminal its columns come in several tables, one below the other, each with the columns
    that say what a row is about; numbers are never cut.
    """
    from rich.console import Group
    from rich.text import Text

    grid = _Columns(table, rows)
    title, caption = words_of(name), _caption(table, rows)
    # rich would wrap its own titles and captions to the width of the table, which may be one word
    return Group(
        *([Text(title, style="bold")] if title else []),
        grid,
        *([Text(caption, style="dim italic")] if caption else []),
    )


class _Columns:
    """A table's columns in as many grids as the width asks for."""

    def __init__(self, table: Table, rows: int) -> None:
        self._headings, self._numeric = headings(table), numeric_columns(table)
        self._cells = [[format_scalar(cell) for cell in row] for row in table.rows[:rows]]
        self._least = [self._least_of(column) for column in range(len(self._headings))]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for columns in self._parts(options.max_width):
            yield self._grid(columns)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import measure_renderables

        return measure_renderables(console, options, [self._grid(each) for each in self._parts(options.max_width)])

    def _parts(self, width: int) -> list[list[int]]:
        """The columns of each grid: first those that say what a row is about, then what fits next to them."""
        count = len(self._headings)
        about = min(1, count)
        while about < min(count, _ABOUT) and not (self._numeric[about - 1] or self._numeric[about]):
            about += 1
        keys = list(range(about))
        parts = [[*keys]]
        for column in range(about, count):
            if sum(self._least[each] + _GAP for each in (*parts[-1], column)) > width and len(parts[-1]) > about:
                parts.append([*keys])
            parts[-1].append(column)
        return parts

    def _least_of(self, column: int) -> int:
        """How narrow a column may be: numbers whole, words broken at the worst."""
        longest = max((len(row[column]) for row in self._cells), default=0)
        heading = max(map(len, self._headings[column].split()), default=0)
        return max(longest, heading) if self._numeric[column] else min(max(longest, heading), _NARROWEST)

    def _grid(self, columns: Sequence[int]) -> RenderableType:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            right = self._numeric[column]
            grid.add_column(
                Text(self._headings[column]),
                justify="right" if right else "left",
                min_width=self._least[column],
                overflow="fold",
            )
        for row in self._cells:
            grid.add_row(*(Text(row[column]) for column in columns))
        return grid


def print_findings(console: Console, findings: Mapping[str, Finding], *, full: bool = False) -> None:
    """Print findings: the answer of each and the gravest warning on a line, or all of it where `full`.

    Args:
        console: where to.
        findings: label to finding; of four or more that one evaluator made, the first three are shown unless `full`.
        full: whether numbers, tables, conventions and every warning are printed too.
    """
    from rich.text import Text

    if full:
        for label, finding in findings.items():
            print_finding(console, label, finding)
        return
    groups: dict[str, list[str]] = {}
    for label in findings:
        groups.setdefault(label.partition(".")[0], []).append(label)
    for name, labels in groups.items():
        shown = labels if len(labels) <= _MOST_OF_ONE else labels[: _MOST_OF_ONE - 1]
        for label in shown:
            _print_answer(console, label, findings[label])
        if len(shown) < len(labels):
            console.print(Text(f"{name}: {len(labels) - len(shown)} more like these", style="dim"))


def _print_answer(console: Console, label: str, finding: Finding) -> None:
    from rich.padding import Padding
    from rich.text import Text

    numbers = ", ".join(f"{words_of(name)} {format_scalar(value)}" for name, value in list(finding.scalars.items())[:3])
    answer = finding.summary or numbers or "says nothing in words or numbers"
    console.print(Text.assemble((label, "bold cyan"), "  ", (answer, "bold default")))
    if finding.warnings:
        more = len(finding.warnings) - 1
        text = f"! {finding.warnings[0]}{f' (and {more} more)' if more else ''}"
        console.print(Padding(Text(text, style="yellow"), (0, 0, 0, 2), expand=False))


def print_finding(console: Console, label: str, finding: Finding) -> None:
    """Print a finding: its answer first, then what could mislead, its numbers, its tables and how to read them."""
    from rich.padding import Padding
    from rich.table import Table as RichTable
    from rich.text import Text

    head = Text(label, style="bold cyan")
    console.print(head.append(f"  {finding.summary}", style="bold default") if finding.summary else head)
    for warning in finding.warnings:
        console.print(Padding(Text(f"! {warning}", style="yellow"), (0, 0, 0, 2), expand=False))
    if finding.scalars:
        grid = RichTable.grid(padding=(0, 2))
        for name, value in finding.scalars.items():
            grid.add_row(Text(words_of(name), style="dim"), Text(format_scalar(value)))
        console.print(Padding(grid, (0, 0, 0, 2), expand=False))
    for name, table in finding.tables.items():
        console.print(Padding(rich_table(table, name=name), (1, 0, 0, 2), expand=False))
    for name, meaning in finding.conventions.items():
        console.print(Padding(Text(f"{name}: {meaning}", style="dim"), (0, 0, 0, 2), expand=False))


def markdown_table(table: Table) -> str:
    """The table in GitHub's markdown, the caption below it; cells cannot break out of it."""
    numeric = numeric_columns(table)
    lines = [
        _markdown_row(headings(table)),
        _markdown_row(["---:" if right else "---" for right in numeric], plain=True),
        *(_markdown_row([format_scalar(cell) for cell in row]) for row in table.rows),
    ]
    if table.caption:
        lines += ["", _markdown_text(table.caption)]
    return "\n".join(lines) + "\n"


def html_table(table: Table, *, rows: int = PAGE_ROWS, folded: bool = False) -> Markup:
    """The table as HTML, its first `rows` rows; the page's script makes it sortable by its `data-value`s.

    Args:
        table: what to show.
        rows: how many of its rows.
        folded: whether it stands behind a line that opens it.
    """
    numeric = numeric_columns(table)
    return render(
        "parts.html:table",
        columns=list(zip(headings(table), numeric, strict=True)),
        rows=[
            [(typeset(cell), _sort_key(cell) if right else None) for cell, right in zip(row, numeric, strict=True)]
            for row in table.rows[:rows]
        ],
        caption=_caption(table, rows),
        label=table.caption or "table",  # a scrolling region is reached by the keyboard
        tall=len(table.rows) > TALL,
        folded=folded,
    )


def _caption(table: Table, rows: int) -> str:
    hidden = len(table.rows) - rows
    if hidden <= 0:
        return table.caption
    return f"{table.caption} The first {rows} of {len(table.rows)} rows; the run holds all of them.".lstrip()


def _sort_key(cell: Any) -> str:
    return "" if cell is None else repr(float(cell))


def _markdown_text(words: str) -> str:
    for character in "\\|<>`*_[]":
        words = words.replace(character, f"\\{character}")
    return " ".join(words.split())


def _markdown_row(cells: Any, *, plain: bool = False) -> str:
    return "| " + " | ".join(cell if plain else _markdown_text(cell) for cell in cells) + " |"
