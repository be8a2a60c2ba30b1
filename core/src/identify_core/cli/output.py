"""What verbs print: results on stdout as tables or JSON, everything else on stderr."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from identify_core.terminal import make_console, shown

if TYPE_CHECKING:
    from rich.console import Console

    from identify_core.errors import IdentifyError

# What JSON leaves as it is, and some terminals obey.
_ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
# Wide enough that a table sent to a file or a pipe is never wrapped or cut.
_WIDTH_OF_A_PIPE = 100_000


def print_json(schema: str, content: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout, with the name of its shape first.

    Args:
        schema: what the object is, such as `runs`; it is printed as `identify/runs/1`.
        content: the fields; plain values, with non-finite numbers as in run.json, the strings "nan", "inf" and "-inf".

    Raises:
        TypeError: something in it has no plain form.
    """
    from identify_core.store.files import to_plain

    document = {"schema": f"identify/{schema}/1", **to_plain(content)}
    print_json_text(document)


def print_json_text(document: Any) -> None:
    """Print plain values on stdout as JSON that any terminal and any encoding can take."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2, allow_nan=False)
    click.echo(text.translate(_ESCAPED_IN_JSON))


def print_text(*parts: Any, err: bool = False, nl: bool = True) -> None:
    """Print text on stdout, its control characters shown as escapes.

    Args:
        parts: what is printed without anything in between: text, or a pair of text and `click.style`'s settings.
        err: print on stderr instead.
        nl: end the line.
    """
    said = [
        click.style(shown(str(each[0])), **each[1]) if isinstance(each, tuple) else shown(str(each)) for each in parts
    ]
    click.echo("".join(said), err=err, nl=nl)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """Print a table on stdout: fitted to a terminal, and never wrapped or cut in a file or a pipe."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(shown(str(cell))) for cell in row))
    stdout_console().print(table)


def stdout_console() -> Console:
    """A console on stdout for results."""
    return make_console(sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)


def stderr_console() -> Console:
    """A console on stderr for messages; lines are never broken, so that they can be searched for."""
    return make_console(sys.stderr, highlight=False, soft_wrap=True)


def print_error(error: IdentifyError) -> None:
    """An expected error on stderr: its message, its problems one a line, and its hint."""
    print_failure(error.message, problems=getattr(error, "problems", ()), hint=error.hint)


def print_failure(message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
    """A failure on stderr: one message, the problems that it consists of, and one hint."""
    from rich.text import Text

    console = stderr_console()
    console.print(Text.assemble(("error: ", "bold red"), message))
    for problem in problems:
        console.print(Text.assemble(("  - ", "red"), problem))
    if hint:
        console.print(Text.assemble(("hint: ", "bold cyan"), hint))


def print_where_the_rest_is(console: Console, store: Path, identifier: str, *, full: bool, page: Path | None) -> None:
    """The last line of an answer: the commands that show the rest of a run or a comparison.

    Args:
        console: where it is printed.
        store: where it lies.
        identifier: its id.
        full: whether everything was printed already.
        page: the report, where it is written already.
    """
    command = with_store(store)
    everything = "" if full else f"everything: {command} runs show {identifier} --full; "
    where = page or f"{command} report {identifier}"
    console.print(f"{everything}report: {where}", markup=False, soft_wrap=True, style="dim")


def with_store(store: Path) -> str:
    """`identify`, with the option that names the store where it is not the one that is found by itself."""
    return "identify" if store == Path("identify-store") else f"identify --store {shlex.quote(str(store))}"


def print_warning(message: str) -> None:
    """A warning on stderr."""
    from rich.text import Text

    stderr_console().print(Text.assemble(("warning: ", "bold yellow"), message))
