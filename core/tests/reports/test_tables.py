"""Tables: one way to write numbers, and cells that cannot break out of the terminal, of markdown or of HTML."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from identify_core.findings import Finding, Scalar, Table
from identify_core.reports.numerals import typeset
from identify_core.reports.tables import (
    PAGE_ROWS,
    headings,
    html_table,
    markdown_table,
    numeric_columns,
    print_finding,
)
from identify_core.saying import format_scalar

LOSSES = Table(
    columns=("replicate", "loss", "reason"),
    rows=[(0, 1.5e-7, "converged"), (1, float("nan"), "diverged"), (2, None, "steps")],
    caption="Where each replicate ended.",
    units={"loss": "nat"},
)


def printed(label: str, finding: Finding, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_finding(console, label, finding)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize(
    ("value", "plain", "set_in_type"),
    [
        (None, "–", "–"),
        (True, "yes", "yes"),
        (42875, "42875", "42875"),
        (-3, "-3", "−3"),
        (0.1234567, "0.1235", "0.1235"),
        (1.5e-7, "1.5e-7", "1.5 · 10⁻⁷"),
        (1e-12, "1e-12", "10⁻¹²"),
        (-2.5e11, "-2.5e11", "−2.5 · 10¹¹"),
        (float("nan"), "nan", "nan"),
        (float("-inf"), "-inf", "−∞"),
        ("1e-5 - text", "1e-5 - text", "1e-5 - text"),
    ],
)
def test_numbers_are_written_one_way(value: Scalar, plain: str, set_in_type: str) -> None:
    assert format_scalar(value) == plain
    assert typeset(value) == set_in_type


@given(st.floats(min_value=-1e308, max_value=1e308))
def test_a_written_number_is_the_number_to_four_digits(value: float) -> None:
    assert float(format_scalar(value)) == pytest.approx(value, rel=6e-4, abs=0)


def test_columns_of_numbers_and_gaps_are_numeric_and_no_others() -> None:
    assert numeric_columns(LOSSES) == (True, True, False)
    assert numeric_columns(Table(columns=("a", "b"), rows=[(None, True)])) == (False, False)


def test_headings_carry_units() -> None:
    assert headings(LOSSES) == ("replicate", "loss (nat)", "reason")


def test_a_finding_is_printed_with_its_answer_first_and_everything_in_it() -> None:
    finding = Finding(
        summary="Two of three converged.",
        scalars={"median-loss": 1.5e-7},
        tables={"replicates": LOSSES},
        conventions={"loss": "mean over samples"},
        warnings=("Replicate 1 diverged.",),
    )
    lines = printed("convergence", finding).splitlines()
    assert lines[0] == "convergence  Two of three converged."
    assert lines[1].strip() == "! Replicate 1 diverged."
    whole = "\n".join(lines)
    for expected in ("median loss  1.5e-7", "loss (nat)", "diverged", "Where each replicate", "loss: mean over"):
        assert expected in whole


def test_the_terminal_shows_brackets_as_they_are() -> None:
    finding = Finding(summary="[red]x[/red]", scalars={"[b]": "[i]"}, warnings=("[/]",), conventions={"[a]": "[/b]"})
    whole = printed("[bold]", finding)
    for expected in ("[bold]", "[red]x[/red]", "[i]", "! [/]", "[a]: [/b]"):
        assert expected in whole


def test_a_long_table_says_how_much_of_it_is_shown() -> None:
    table = Table(columns=("row",), rows=[(i,) for i in range(2000)])
    whole = printed("x", Finding(tables={"rows": table}))
    assert "The first 25 of 2000 rows" in whole
    assert " 25 " not in whole.replace("first 25 of", "")
    page = html_table(table)
    assert page.count("<tr>") == PAGE_ROWS + 1
    assert "The first 1000 of 2000 rows" in page


def test_markdown_cells_cannot_end_their_cell_or_start_markup() -> None:
    table = Table(columns=("a|b",), rows=[("x|y\n| <script> [l](u) `c`",)], caption="a\n# b")
    lines = markdown_table(table).splitlines()
    assert lines[0] == r"| a\|b |"
    assert lines[2] == r"| x\|y \| \<script\> \[l\](u) \`c\` |"
    assert lines[-1] == "a # b"


def test_markdown_aligns_numbers_to_the_right() -> None:
    assert markdown_table(LOSSES).splitlines()[1] == "| ---: | ---: | --- |"


def test_html_cells_are_escaped_and_numbers_carry_their_whole_value() -> None:
    table = Table(columns=("<b>", "n"), rows=[("<script>", 0.123456789)], caption="<i>")
    page = html_table(table)
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert 'data-value="0.123456789">0.1235<' in page


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_table_wider_than_the_terminal_comes_in_parts_and_no_number_is_cut(width: int) -> None:
    numbers = [[-1.2345e-17 * (row + 1) / (column + 1) for column in range(12)] for row in range(3)]
    columns = ("representation", "other", *(f"number {column}" for column in range(12)))
    names = ("20260101-000000-a-long-name:hidden-1[0]", "b")
    table = Table(columns=columns, rows=[(*names, *row) for row in numbers])
    lines = printed("wide", Finding(tables={"pairs": table}), width).splitlines()
    assert all(len(line) <= width for line in lines)
    assert "…" not in "".join(lines)
    words = " ".join(lines).split()
    for row in numbers:
        for number in row:
            assert format_scalar(number) in words
    heads = sum("representation" in line for line in lines)
    assert sum("other" in line for line in lines) == heads  # each part says what its rows are about
    assert heads == 1 if width == 200 else heads > 1
    pieces = "".join(line.split()[0] for line in lines if line.strip() and line.split()[0] in names[0])
    assert pieces.count(names[0]) == 3 * heads
