"""The documentation is true: its commands run, its specs are valid, its pictures and links are there."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from identify_core.cli.root import VERBS

if TYPE_CHECKING:
    from conftest import CommandLine

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"\s+# exit (\d+)$")


def commands(page: Path) -> list[tuple[list[str], int]]:
    found = []
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                status = EXIT.search(line)
                text = EXIT.sub("", line.removeprefix("$ "))
                found.append((shlex.split(text), int(status[1]) if status else 0))
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_every_command_of_a_page_runs(identify: CommandLine, page: Path) -> None:
    for (program, *arguments), status in commands(page):
        assert program == "identify"
        quiet = ["--quiet"] if arguments[0] in ("run", "evaluate", "compare") else []
        identify(*arguments, *quiet, status=status)


def test_there_are_commands() -> None:
    assert len(commands(DOCS / "tutorial" / "first-run.md")) > 10


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http", "#", "mailto")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


def test_the_spec_of_the_reference_is_valid(identify: CommandLine) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", (DOCS / "reference" / "specs.md").read_text(encoding="utf-8"), re.DOTALL)
    tomllib.loads(text)
    (identify.folder / "reference.toml").write_text(text)
    identify("validate", "--spec", "reference.toml")


def test_every_verb_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    for verbs in VERBS.values():
        for verb in verbs:
            assert f"| `{verb}` |" in page, verb


def test_the_pages_made_from_records_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for path, text in generate.pages():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: python docs/generate.py"
