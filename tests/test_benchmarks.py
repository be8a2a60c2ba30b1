"""The benchmarks' command: what it runs, what it marks, and that the pages print commands that find something."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    import benchmarks.__main__ as command

    yield command
    for name in [each for each in sys.modules if each.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


def case(**facts: Any) -> Any:
    from benchmarks.case import Case

    said = {"name": "sum", "baseline_name": "loop", "expected": 1.0, "repeats": 3, "agree": lambda ours, theirs: None}
    return Case(**{**said, "ours": lambda: sum(range(1000)), "baseline": lambda: sum(range(30000)), **facts})


def test_a_pattern_without_a_match_is_an_error_that_lists_the_modules(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["nothing*"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(
        "no benchmark matches 'nothing*'; the modules are core_command_line, core_directed_pairs, "
    )


def test_every_module_is_named_after_its_plugin(command: Any) -> None:
    plugins = {path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml")}
    assert {name.partition("_")[0] for name in command.modules()} <= plugins | {"core"}


def test_every_command_that_a_page_prints_finds_a_module(command: Any) -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "plugins").glob("*/README.md")]
    printed = {
        pattern
        for page in pages
        for pattern in re.findall(r"python -m benchmarks '([^']+)'", page.read_text(encoding="utf-8"))
    }
    assert printed
    assert {pattern for pattern in printed if not command.matching(pattern)} == set()


def test_a_row_has_the_median_and_the_spread_of_paired_ratios(command: Any) -> None:
    spent = iter([1.0, 2.0, 1.0, 6.0, 2.0, 6.0])
    command.cpu_seconds = lambda work: (next(spent), work())
    row = command.measure(case())
    assert row["ratios"] == [2.0, 6.0, 3.0]
    assert row["ratio"] == 3.0
    assert "| 3× (2 to 6) |" in command.line(row)


@pytest.mark.parametrize(
    ("ratio", "expected", "said"),
    [(0.99, 1.0, "missed"), (1.19, 1.0, "little margin"), (1.2, 1.0, ""), (0.1, None, "")],
)
def test_a_promise_with_less_than_a_fifth_of_margin_is_marked(
    command: Any, ratio: float, expected: float | None, said: str
) -> None:
    row = {"name": "a", "baseline": "b", "ours_s": 1.0, "baseline_s": 1.0, "gpu_s": None, "note": "c"}
    row |= {"ratio": ratio, "ratios": [ratio], "expected": expected}
    assert command.judge(row) == said
    assert command.line(row).endswith(f"| **{said}**; c |" if said else "| c |")


def test_results_that_differ_are_reported_before_any_time(command: Any) -> None:
    def differ(ours: Any, theirs: Any) -> None:
        raise AssertionError("they differ")

    with pytest.raises(AssertionError, match="they differ"):
        command.measure(case(agree=differ))


def test_a_gpu_that_is_not_there_is_said(
    command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.torch.cuda, "is_available", lambda: False)
    assert command.main(["--gpu"]) == 2
    assert "torch sees no GPU here" in capsys.readouterr().err


def test_tables_go_into_their_place_in_a_page(command: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n\n% table: a\n\nold\n\n% end\n\n% table: b\n\nkept\n\n% end\n", encoding="utf-8")
    command.update(page, {"a": ["| new |"]})
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert text.startswith("before\n\n% table: a\n\n")
    assert text.endswith("| new |\n\n% end\n\n% table: b\n\nkept\n\n% end\n")
