"""Every fenced block of every page does what its page says: commands, Python and specs."""

from __future__ import annotations

from pathlib import Path

import pytest
from generating.plugins import plugin_names
from snippets.reading import all_pages, blocks_of, complaints, page_name, read_blocks
from snippets.running import PageRun, plain_environment, read_console

GENERATED = ("docs/reference/", "docs/measures/")
PAGES = all_pages()
WITH_BLOCKS = [
    page for page in PAGES if any(block.kind in ("console", "python", "toml") for block in read_blocks(page))
]
SLOW = [page for page in PAGES if any("slow" in block.remarks for block in read_blocks(page))]


def run_page(page: Path, folder: Path, *, slow: bool = False) -> int:
    """Run a page's blocks; how many they were."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    plugin = page.stem if page.stem in plugin_names() else ""
    run = PageRun(work, plain_environment(home), plugin=plugin, slow=slow)
    blocks = read_blocks(page)
    for block in blocks:
        try:
            run.run(block)
        except AssertionError as error:
            raise AssertionError(f"{page_name(page)}, line {block.line}: {error}") from error
    return len(blocks)


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=page_name)
def test_every_snippet_of_a_page_runs(tmp_path: Path, page: Path) -> None:
    assert run_page(page, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=page_name)
def test_every_slow_snippet_of_a_page_runs(tmp_path: Path, page: Path) -> None:
    assert run_page(page, tmp_path, slow=True)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_page_has_no_block_that_nobody_runs(page: Path) -> None:
    generated = page_name(page).startswith(GENERATED)
    found = [
        f"line {block.line}: {each}" for block in read_blocks(page) for each in complaints(block, generated=generated)
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_file_that_a_page_writes_is_used_by_it(page: Path) -> None:
    """A spec that is a file is run or validated by a command, not by itself."""
    blocks = read_blocks(page)
    commands = "\n".join(block.text for block in blocks if block.kind == "console")
    for block in blocks:
        if block.kind == "toml" and block.file_name and Path(block.file_name).name != "identify.toml":
            names = (block.file_name, Path(block.file_name).parts[0], f" {Path(block.file_name).stem}")
            assert any(name in commands for name in names), f"line {block.line}: nothing uses {block.file_name}"


def test_the_pages_are_found() -> None:
    names = {page_name(page) for page in PAGES}
    assert {"README.md", "core/README.md", "plugins/genni/README.md", "docs/tutorial/first-run.md"} <= names
    assert not any("_build" in name for name in names)
    tutorial = next(page for page in PAGES if page.stem == "first-run")
    assert sum(len(list(read_console(block.text))) for block in read_blocks(tutorial) if block.kind == "console") > 10


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```\nidentify run genni\n```", "a block without a kind"),
        ("text\n\n    identify run genni\n", "a block without a kind"),
        ("```bash\nidentify run genni\n```", "unknown kind 'bash'"),
        ("```text\nidentify run genni\n```", "a command in a block of text"),
        ("```text\n$ ls\n```", "a command in a block of text"),
        ("```console\nidentify run genni\n```", "without a command"),
        ("% not run:\n\n```python\n1\n```", "'not run' gives no reason"),
        ("<!-- not run: -->\n```python\n1\n```", "'not run' gives no reason"),
        ("% skipped: it is long\n\n```python\n1\n```", "an unknown remark 'skipped'"),
        ("```{code-block} python\nname()\n```", "unknown kind '{code-block} python'"),
    ],
)
def test_a_block_that_would_not_be_run_is_noticed(text: str, complaint: str) -> None:
    (block,) = blocks_of(text)
    assert any(complaint in each for each in complaints(block))


def test_a_remark_belongs_to_the_block_below_it_alone() -> None:
    text = (
        "% not run: it uploads\n```console\n$ identify a\n```\n\n```console\n$ identify b\n```\n\n"
        "% slow: c\n\ntext\n\n```python\n```\n"
    )
    first, second, third = blocks_of(text)
    assert (first.remarks, second.remarks, third.remarks) == ({"not run": "it uploads"}, {}, {})


def test_several_remarks_may_stand_above_a_block() -> None:
    for text in ("<!-- slow: a -->\n<!-- setup: b -->\n```python\n```\n", "% slow: a\n% setup: b\n\n```python\n```\n"):
        (block,) = blocks_of(text)
        assert block.remarks == {"slow": "a", "setup": "b"}


def test_commands_are_read_with_their_status_and_output() -> None:
    text = "$ identify a  # exit 2\nerror: no\n\nhint\n$ cd b && identify c \\\n  --d 'e f'\n"
    first, second, third = read_console(text)
    assert (first.words, first.status, first.output) == (("identify", "a"), 2, "error: no\n\nhint")
    assert (second.words, third.words) == (("cd", "b"), ("identify", "c", "--d", "e f"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```console\n$ identify describe nothing\n```", "exit 2"),
        ("```console\n$ identify --version\nidentify 99\n```", "identify 99"),
        ("```console\n$ identify --version\n(identify-core)...identify\n```", "shown"),
        ("```console\n$ rm -r .\n```", "not 'rm'"),
        ("```python\nassert 1 == 2, 'unequal'\n```", "unequal"),
        ('```toml\nformat = 1\nplugin = "genni"\n[dataset]\ntype = "techer"\n```', "teacher"),
        ("% setup: a wonder\n```python\n1\n```", "no setup 'a wonder'"),
    ],
)
def test_a_block_that_does_not_do_what_it_says_fails(tmp_path: Path, text: str, message: str) -> None:
    (block,) = blocks_of(text)
    with pytest.raises(AssertionError, match=message):
        PageRun(tmp_path, plain_environment(tmp_path)).run(block)


def test_blocks_share_a_folder_and_names(tmp_path: Path) -> None:
    text = (
        "```python\nx = 1\n```\n\n```python\nassert x == 1\n```\n\n```python\n# here.py\nprint('found')\n```\n\n"
        "```console\n$ python here.py\n...ou...\n```\n"
    )
    run = PageRun(tmp_path, plain_environment(tmp_path))
    for block in blocks_of(text):
        run.run(block)
    assert (tmp_path / "here.py").exists()
