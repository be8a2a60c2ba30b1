"""The page of the errors: every class with its exit status."""

from __future__ import annotations

from collections.abc import Iterator

from generating.classes import function_section
from generating.docstrings import paragraphs, read_docstring
from generating.markdown import page, prose, table

from identify_core import errors
from identify_core.deprecation import IdentifyDeprecationWarning, deprecated
from identify_core.errors import IdentifyError

INTRODUCTION = """\
An error that a user can act on is an `IdentifyError`: one sentence of fact, one hint, an exit status. The command line
prints the two and exits; `--debug` shows the traceback too. Any other exception is a defect and keeps its traceback. A
plugin's target raises [`OptionsError`](#optionserror) where options that are each well formed do not go together; the
core adds which component it was and where its values came from."""


def errors_page() -> str:
    """Every expected error."""
    tree = list(_tree(IdentifyError, 0))
    rows = [(f"{'— ' * depth}`{each.__name__}`", str(each.exit_code), _first(each)) for each, depth in tree]
    statuses = [
        ("0", "done"),
        ("1", "it ran and failed: a run, an evaluator, or an expectation that was not met"),
        ("2", "the command line or the spec is wrong; nothing was written"),
        ("3", "a plugin is broken, missing, incompatible or ambiguous, or does not conform"),
        ("4", "the store cannot be read or written, or does not hold what was asked for"),
        ("130", "interrupted, after a checkpoint: `identify resume` goes on"),
    ]
    return page(
        "# Errors and exit statuses",
        "## Exit statuses",
        table(("status", "meaning"), statuses),
        "## Errors",
        INTRODUCTION,
        table(("class", "exit status", "meaning"), rows),
        *(_section(each) for each, _ in tree),
        "## Warnings",
        page(f"### `{IdentifyDeprecationWarning.__name__}`", _text(IdentifyDeprecationWarning)),
        function_section(deprecated, level="###"),
    )


def _tree(error: type[IdentifyError], depth: int) -> Iterator[tuple[type[IdentifyError], int]]:
    yield error, depth
    for each in error.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _tree(each, depth + 1)


def _first(error: type[IdentifyError]) -> str:
    return prose(read_docstring(error, error.__name__).text.split("\n\n")[0])


def _text(documented: type) -> str:
    return paragraphs(read_docstring(documented, documented.__name__).text)


def _section(error: type[IdentifyError]) -> str:
    documented = read_docstring(error, error.__name__)
    rows = [(f"`{name}`", prose(meaning)) for name, meaning in documented.arguments.items()]
    return page(
        f"### `{error.__name__}`",
        paragraphs(documented.text),
        f"Exit status {error.exit_code}.",
        table(("argument", "meaning"), rows) if rows else "",
    )
