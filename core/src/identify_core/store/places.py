"""Places in a folder of a store: their components, and what lies there, told without following a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

import attrs

FileKind = Literal["file", "folder", "link", "other", ""]


@attrs.frozen
class Entry:
    """What lies in a folder under a name: a file, a folder, a link, or something else such as a FIFO."""

    name: str
    kind: FileKind


def names_of(where: str) -> list[str]:
    """The components of a place.

    Raises:
        ValueError: it could lead out of the folder.
    """
    if not where:
        return []
    names = where.split("/")
    separators = {os.sep, os.altsep or os.sep, "\0"} - {"/"}
    if any(name in ("", ".", "..") or separators & set(name) for name in names) or Path(where).is_absolute():
        raise ValueError(f"{where!r} is not a place inside a folder of the store")
    return names


def problem_of(status: os.stat_result, *, written: bool) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    return "it is a hard link: the same file has another name" if written and status.st_nlink > 1 else ""


def kind_of(status: os.stat_result) -> FileKind:
    if stat.S_ISLNK(status.st_mode) or getattr(status, "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_REPARSE_POINT:
        return "link"  # on Windows also a junction
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    return "file" if stat.S_ISREG(status.st_mode) else "other"


def kind_of_entry(entry: os.DirEntry[str]) -> FileKind:
    if os.name == "nt":
        return kind_of(entry.stat(follow_symlinks=False))
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"
