"""One word a thing: what the page of words rules out stands in no page that people wrote and in no help text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "docs" / "explanation" / "words.md"
GENERATED = ("docs/reference", "docs/measures", "docs/_build")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path != WORDS),
    *sorted((ROOT / "core" / "src" / "identify_core" / "cli").rglob("*.py")),
]


def ruled_out() -> dict[str, str]:
    """What is not said, with the word that is."""
    rows = [line.strip("|").split("|") for line in WORDS.read_text(encoding="utf-8").splitlines() if "|" in line]
    words = {}
    for word, _, others in [[cell.strip() for cell in row] for row in rows[2:]]:
        words |= {other.strip(" `"): word.strip("`") for other in others.split(",") if other.strip()}
    return words


def test_the_page_rules_something_out() -> None:
    assert {"fraction": "part", "net": "replicate", "--to": "--output", "1e-06": "1e-6"}.items() <= ruled_out().items()


@pytest.mark.parametrize(("other", "word"), ruled_out().items())
def test_a_word_that_is_ruled_out_stands_nowhere(other: str, word: str) -> None:
    if other.startswith("--"):
        pattern = re.compile(rf"(?m)^\$ identify .*{re.escape(other)}(?![\w-])")
    else:
        pattern = re.compile(rf"(?<![\w.-]){re.escape(other)}(?![\w-])", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}: say {word}"
        for path in PAGES
        if not str(path.relative_to(ROOT)).startswith(GENERATED)
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
