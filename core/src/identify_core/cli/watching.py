"""Watching work from the terminal: its progress on stderr, and Ctrl-C as a request to stop."""

from __future__ import annotations

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
    from identify_core.cli.output import stderr_console
    from identify_core.contexts.display import SilentDisplay, TerminalDisplay
    from identify_core.runs.interrupts import stop_on_interrupt

    display: Display = SilentDisplay() if quiet else TerminalDisplay(stderr_console())
    with stop_on_interrupt(TerminalDisplay(stderr_console()).message) as stop_requested:
        yield display, stop_requested
