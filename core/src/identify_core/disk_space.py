"""Room on a disk: an error that knows how many bytes were to be written, and how many of them are missing."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from identify_core.saying import say_bytes

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NoRoomError(OSError):
    """The disk is full, or a limit is reached; `wanted` is how many bytes were to be written."""

    def __init__(self, error: OSError, wanted: int) -> None:
        super().__init__(error.errno, error.strerror, error.filename)
        self.wanted = wanted


@contextmanager
def counted_bytes(wanted: int) -> Iterator[None]:
    """Let an error of a full disk inside the block say how many bytes were to be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL or isinstance(error, NoRoomError):
            raise
        raise NoRoomError(error, wanted) from error


def say_missing_room(path: Path, wanted: int) -> str:
    """How many bytes are missing where something was to be written, to follow a message; empty where there is room.

    Args:
        path: a file or folder, which need not be there.
        wanted: how many bytes were to be written.
    """
    there = next((each for each in (path, *path.parents) if each.exists()), None)
    free = None if there is None else shutil.disk_usage(there).free
    if free is None or free >= wanted:
        return ""
    missing = say_bytes(wanted - free)
    return f"; {say_bytes(wanted)} were to be written and {say_bytes(free)} are free: {missing} are missing"
