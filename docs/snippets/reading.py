"""The fenced blocks of a page, each with the remarks that stand above it.

A remark is a comment directly above a block, `% word: text` in the documentation and `<!-- word: text -->` where GitHub
shows the page too:

    % not run: reason     the block is left out
    % slow: reason        the block is run by `-m slow` alone
    % installed: reason   its `pip install` is left out, the rest is run
    % setup: name         what is to be so before it runs, see `snippets.setups`; it holds for the blocks below too
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
from markdown_it import MarkdownIt
from markdown_it.token import Token

DOCS = Path(__file__).parent.parent
ROOT = DOCS.parent

KINDS = ("console", "python", "toml", "text")
DIRECTIVES = ("{include}", "{toctree}", "{raw} html", "{figure}")
GENERATED = tuple(f"{{code-block}} {each}" for each in ("python", "toml", "pycon"))
REMARKS = ("not run", "slow", "installed", "setup")

_REMARK = re.compile(r"^(?:%\s*|<!--\s*)([a-z ]+):\s*(.*?)\s*(?:-->)?$", re.MULTILINE)
_COMMAND = re.compile(r"^\s*(\$ |identify \S|pip install|python -m )", re.MULTILINE)


@attrs.frozen(kw_only=True)
class Block:
    """One fenced block.

    Args:
        kind: what follows the backticks; empty for none, or for a block that is made by indentation.
        text: its lines.
        line: the number of its first line, from 1.
        remarks: word to text.
    """

    kind: str
    text: str
    line: int
    remarks: Mapping[str, str]

    @property
    def file_name(self) -> str:
        """The file that the block is, where its first line says so: `# spirals.py`."""
        found = re.match(r"# ([\w./-]+\.(?:py|toml))\n", self.text)
        return found[1] if found else ""


def all_pages() -> list[Path]:
    """Every page: the documentation and what GitHub and the package index show."""
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "core" / "README.md"]
    texts += sorted((ROOT / "plugins").glob("*/README.md"))
    return [*texts, *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)]


def page_name(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def read_blocks(page: Path) -> list[Block]:
    """Every fenced or indented block of a page, in order."""
    return list(blocks_of(page.read_text(encoding="utf-8")))


def blocks_of(text: str) -> Iterator[Block]:
    """Every fenced or indented block of a Markdown text, in order."""
    remarks: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in ("fence", "code_block"):
            yield Block(kind=token.info.strip(), text=token.content, line=_line(token), remarks=remarks)
            remarks = {}
        elif token.type in ("inline", "html_block"):
            found = {word.strip(): reason for word, reason in _REMARK.findall(token.content)}
            # Text between a remark and a block would leave it open which block is meant.
            remarks = {**remarks, **found} if found else {}


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0


def complaints(block: Block, *, generated: bool = False) -> Iterator[str]:
    """What is wrong with a block before it is run.

    Args:
        block: of a page.
        generated: whether the page is made by `docs/generate.py`, which may show signatures that are not programs, and
            the examples of docstrings and rooms, which tests of their own execute.
    """
    directives = (*DIRECTIVES, *(GENERATED if generated else ()))
    if not block.kind:
        yield f"a block without a kind: say one of {', '.join(KINDS)} after the backticks"
    elif block.kind not in KINDS and not block.kind.startswith(directives):
        yield f"a block of the unknown kind {block.kind!r}: it must be one of {', '.join(KINDS)}"
    for word, reason in block.remarks.items():
        if word not in REMARKS:
            yield f"an unknown remark {word!r}: it must be one of {', '.join(REMARKS)}"
        elif not reason:
            yield f"the remark {word!r} gives no reason"
    if block.kind == "text" and _COMMAND.search(block.text):
        yield "a command in a block of text, which is never run: make it a console block"
    if block.kind == "console" and not re.search(r"^\$ ", block.text, re.MULTILINE):
        yield "a console block without a command: begin its commands with '$ '"
