"""Ctrl-C while a run goes on: once stops at the next step with a checkpoint, twice aborts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt(announce: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Count interrupts inside the block instead of raising at the first one.

    SIGTERM counts as well, so that a batch system's grace period becomes a checkpoint.

    Args:
        announce: shows one line to the user.

    Yields:
        Whether the user has asked to stop.
    """
    requested = threading.Event()

    def handle(_signum: int, _frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()
        announce("stopping at the next step with a checkpoint; once more aborts at once")

    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set  # only the main thread may handle signals
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
