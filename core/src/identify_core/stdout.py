"""Keeping standard output for results: while a plugin's code runs, whatever it prints goes to standard error.

What one process cannot give: a thread of a plugin that writes to the file descriptor itself, as C code does, while a
result is being printed, writes into it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

_STDOUT, _STDERR = 1, 2


@contextlib.contextmanager
def kept_for_results() -> Iterator[None]:
    """Send to standard error what a block prints, at every level: Python's, C's and that of processes it starts.

    Streams that the block closes are opened again, and the recursion limit is what it was.
    """
    streams = {"stdout": sys.__stdout__, "stderr": sys.__stderr__}
    open_ones = {name: each for name, each in streams.items() if each is not None and not each.closed}
    limit = sys.getrecursionlimit()
    try:
        with _on_stderr():
            yield
    finally:
        sys.setrecursionlimit(limit)
        for name, stream in open_ones.items():
            if stream.closed:
                _open_again(name, stream)


def _open_again(name: str, closed: TextIO) -> None:
    number = _STDOUT if name == "stdout" else _STDERR
    try:
        os.fstat(number)
    except OSError:  # the descriptor went with the stream, and was nothing that could be kept
        number = os.open(os.devnull, os.O_WRONLY)
    stream = open(number, "w", encoding=closed.encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    setattr(sys, f"__{name}__", stream)
    present = getattr(sys, name)
    if present is closed:
        setattr(sys, name, stream)
    elif getattr(present, "_stream", None) is closed:
        present._stream = stream


@contextlib.contextmanager
def _on_stderr() -> Iterator[None]:
    with contextlib.redirect_stdout(sys.stderr):
        try:
            kept = os.dup(_STDOUT)
        except OSError:  # closed, as for a daemon: nothing can be spoilt
            yield
            return
        kept_errors = _duplicate(_STDERR)
        try:
            _flush()
            with contextlib.suppress(OSError):  # where standard error is closed
                os.dup2(_STDERR, _STDOUT)
            yield
        finally:
            _flush()
            os.dup2(kept, _STDOUT)
            os.close(kept)
            if kept_errors is not None:
                os.dup2(kept_errors, _STDERR)
                os.close(kept_errors)


def _duplicate(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:
        return None


def _flush() -> None:
    """Empty the buffers above the file descriptor, so that each part lands on its own side."""
    if sys.__stdout__ is not None and not sys.__stdout__.closed:
        sys.__stdout__.flush()
    # C's own buffer, which only code that came with ctypes or next to it can have filled
    if "ctypes" in sys.modules and os.name == "posix":
        import ctypes

        ctypes.CDLL(None).fflush(None)
