"""Watching work: its progress on a terminal or in a notebook, and an interrupt as a request to stop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from identify_core.contexts.display import Display


@contextmanager
def watched(quiet: bool) -> Iterator[tuple[Display, Callable[[], bool]]]:
    """Show the progress of the block unless `quiet`, and count interrupts instead of raising at the first.

    Yields:
        Where progress is shown, and whether the user has asked to stop.
    """
    from identify_core.contexts.display import SilentDisplay
    from identify_core.runs.interrupts import stop_on_interrupt

    spoken = _display()
    with stop_on_interrupt(spoken.message) as stop_requested:
        yield SilentDisplay() if quiet else spoken, stop_requested


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    session = shell.get_ipython() if shell is not None else None
    return session is not None and hasattr(session, "kernel")


def _display() -> Display:
    from identify_core.contexts.display import TerminalDisplay
    from identify_core.terminal import make_console

    if in_notebook():
        from identify_core.verbs.notebook import NotebookDisplay

        return NotebookDisplay()
    return TerminalDisplay(make_console(sys.stderr, highlight=False, soft_wrap=True))
