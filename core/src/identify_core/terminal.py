"""Terminals: text from anywhere is shown and obeyed nowhere, and no stream ends a command because of what it is.

A name or a message in a store may hold control characters: in a terminal they move the cursor, write the clipboard or
turn the reading order round. `shown` makes them visible; everything that a verb prints goes through it once.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
import threading
import time
import unicodedata
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from identify_core.errors import IdentifyError

if TYPE_CHECKING:
    from rich.console import Console

_KEPT = "\n\t"
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@functools.cache
def _visible() -> dict[int, str]:
    controls = (code for code in range(0xA0) if unicodedata.category(chr(code)) == "Cc" and chr(code) not in _KEPT)
    others = (*map(ord, _TURNING), *range(0xD800, 0xE000))
    return {code: f"\\x{code:02x}" for code in controls} | {code: f"\\u{code:04x}" for code in others}


def shown(text: str) -> str:
    """A text with control characters, lone surrogates and marks of the reading order as escapes that can be read."""
    return text.translate(_visible())


def make_console(file: IO[str] | None = None, **settings: Any) -> Console:
    """A rich console that shows every text that it is given as `shown` does; its own styles work as ever.

    Args:
        file: where it prints; standard output where it is None.
        settings: as `rich.console.Console` takes them.
    """
    from rich.console import Console
    from rich.segment import Segment

    class Shown(Console):
        def render(self, *arguments: Any, **more: Any) -> Iterator[Segment]:
            for segment in super().render(*arguments, **more):
                yield segment if segment.control else Segment(shown(segment.text), segment.style)

    return Shown(file=file, **settings)


def prepare_streams() -> None:
    """Make the standard streams fit for any text and any state in which a command may be started.

    A closed one becomes the null device: otherwise the next file that is opened would take its number, and what is
    printed would be written into it. What an encoding lacks is printed as an escape. A standard error that cannot be
    written, on a full disk or a closed pipe, loses messages and nothing else.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it lasts as long as the process
            setattr(sys, name, stream)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = _Results(sys.stdout)
    sys.stderr = _Stream(sys.stderr)


def end_results() -> None:
    """Let what is still printed, by a thread or at exit, go to standard error: the results are complete.

    Raises:
        OutputError: standard output cannot take what it was given.
    """
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    sys.stdout = sys.stderr
    # A reader that has seen enough, as `head` has, is not an error.
    if failure is not None and failure.errno != errno.EPIPE:
        raise OutputError(
            f"the result cannot be written to standard output: {failure.strerror or failure}",
            hint="what the command keeps is in the store all the same",
        )


def lingering_threads(seconds: float) -> list[str]:
    """The names of threads that would keep the process from ending, after waiting for them for some time."""
    until = time.monotonic() + seconds
    others = [each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon]
    for each in others:
        each.join(max(0.0, until - time.monotonic()))
    return [each.name for each in others if each.is_alive()]


class OutputError(IdentifyError):
    """Standard output cannot take the result."""


class _Stream:
    """A stream that loses what cannot be written, and is otherwise the one that it was."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def _note(self, error: OSError) -> None:
        """What a failure to write leads to: for messages, nothing."""

    def write(self, text: str) -> int:
        """Write what can be written."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._note(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write what can be written of each."""
        for line in lines:
            self.write(line)

    def close(self) -> None:
        """Stay open: what is printed later has to go somewhere."""
        self.flush()

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except OSError as error:
            self._note(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Results(_Stream):
    """Standard output: what other threads than the main one print is not a result, and goes to standard error.

    Attributes:
        failure: the first failure to write, after which nothing more is written.
    """

    failure: OSError | None = None

    def _note(self, error: OSError) -> None:
        self.failure = self.failure or error
        with contextlib.suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.close(null)

    def write(self, text: str) -> int:
        """Write it, or pass it on."""
        if threading.current_thread() is threading.main_thread():
            return super().write(text)
        return sys.stderr.write(text)
