"""Results on stdout, whole and parseable; messages on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from identify_core.cli.output import print_failure, print_json, print_table, print_warning


def test_json_names_its_shape_and_spells_out_what_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    print_json("probe", {"a": float("nan"), "b": (1, -float("inf")), "c": {"d": None}, "e": Path("x"), "f": "σ"})
    text = capsys.readouterr().out
    assert "σ" in text
    assert json.loads(text) == {
        "schema": "identify/probe/1",
        "a": "nan",
        "b": [1, "-inf"],
        "c": {"d": None},
        "e": "x",
        "f": "σ",
    }


def test_what_has_no_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="is not plain"):
        print_json("probe", {"a": object()})


def test_a_table_in_a_pipe_is_never_cut_or_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "value"), [("x" * 300, "[bold]y[/bold]"), ("z", 3)], title="A title")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "A title"
    assert any("x" * 300 in line and "[bold]y[/bold]" in line for line in lines)


def test_messages_go_to_stderr_in_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_failure("m" * 200, problems=["[a] is wrong"], hint="try")
    print_warning("careful [b]")
    printed = capsys.readouterr()
    assert printed.err == f"error: {'m' * 200}\n  - [a] is wrong\nhint: try\nwarning: careful [b]\n"
    assert printed.out == ""
