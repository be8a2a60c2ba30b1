"""Keeping standard output for results: while a plugin's code runs, whatever it prints goes to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_STDOUT, _STDERR = 1, 2


@contextlib.contextmanager
def kept_for_results() -> Iterator[None]:
    """Send to standard error what a block prints, at every level: Python's, C's and that of processes it starts."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            kept = os.dup(_STDOUT)
        except OSError:  # closed, as for a daemon: nothing can be spoilt
            yield
            return
        try:
            _flush()
            with contextlib.suppress(OSError):  # where standard error is closed
                os.dup2(_STDERR, _STDOUT)
            yield
        finally:
            _flush()
            os.dup2(kept, _STDOUT)
            os.close(kept)


def _flush() -> None:
    """Empty the buffers above the file descriptor, so that each part lands on its own side."""
    if sys.__stdout__ is not None and not sys.__stdout__.closed:
        sys.__stdout__.flush()
    # C's own buffer, which only code that came with ctypes or beside it can have filled
    if "ctypes" in sys.modules and os.name == "posix":
        import ctypes

        ctypes.CDLL(None).fflush(None)
