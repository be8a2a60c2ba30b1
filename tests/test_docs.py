"""The site of the documentation: it builds without a warning, its links and pictures lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from snippets.reading import DOCS, all_pages, page_name

from identify_core.cli.root import VERBS

HAS_SPHINX = all(find_spec(each) is not None for each in ("sphinx", "furo", "myst_parser", "sphinx_copybutton"))
needs_sphinx = pytest.mark.skipif(not HAS_SPHINX, reason="no Sphinx here: pip install -r requirements-docs.txt")


def build(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    options = ("-W", "--keep-going", "-n", "-q", "-b", "html", "-d", str(folder / "doctrees"))
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(source), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )


@needs_sphinx
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = build(DOCS, tmp_path)
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    for kind in ("Tutorial", "How to", "Explanation", "Reference"):
        assert f'<span class="caption-text">{kind}</span>' in index


@needs_sphinx
def test_a_link_to_nowhere_is_a_warning_and_so_an_error(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text((DOCS / "conf.py").read_text(encoding="utf-8"), encoding="utf-8")
    (source / "_static").mkdir()
    (source / "_static" / "site.css").touch()
    (source / "index.md").write_text("# A page\n\nSee [nothing](nowhere.md).\n", encoding="utf-8")
    done = build(source, tmp_path)
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


@pytest.mark.parametrize("page", all_pages(), ids=page_name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http", "#", "mailto")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


def test_every_verb_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    for verbs in VERBS.values():
        for verb in verbs:
            assert f"| `{verb}` |" in page, verb
