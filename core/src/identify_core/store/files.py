"""JSON that holds every float, and file-system errors in words."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from identify_core.disk_space import FULL, NoRoomError, say_missing_room
from identify_core.errors import StoreError

_DEEPEST = 64  # a run.json is nested eight deep or so
_NON_FINITE = ("nan", "inf", "-inf")
_MAY_BE_ESCAPED = (b'"nan"', b'inf"', b'"\\\\', b'"\\u')  # in JSON that `from_plain` may change
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def explained(action: str, path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a StoreError that says what was tried, where, and what to do.

    Args:
        action: what was tried, to follow "cannot", such as "write the run".
        path: the file or folder it was tried on.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        if error.errno in FULL:
            missing = say_missing_room(path, error.wanted if isinstance(error, NoRoomError) else 0)
            raise StoreError(
                f"cannot {action} at {path}: the disk is full or a size limit is reached ({reason}){missing}",
                hint="what was stored before is intact; make room, or name another store with --store",
            ) from error
        if error.errno in _FORBIDDEN:
            raise StoreError(
                f"cannot {action} at {path}: it is read-only or belongs to somebody else ({reason})",
                hint="name a store that you may write to with --store or IDENTIFY_STORE",
            ) from error
        raise StoreError(f"cannot {action} at {path}: {reason}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON object.
    """
    return parse_json(path.read_bytes())


def parse_json(text: bytes) -> dict[str, Any]:
    """The JSON object in some bytes.

    Raises:
        ValueError: they hold no JSON object.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"it holds a JSON {type(content).__name__} instead of an object")
    if _deeper(content, _DEEPEST):
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return content


def _deeper(content: Any, deepest: int) -> bool:
    """Whether lists and objects are nested more than `deepest` deep."""
    level = [content]
    nested = {dict, list}
    for _ in range(deepest + 1):
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) in nested
        ]
        if not level:
            return False
    return True


def may_be_escaped(text: bytes) -> bool:
    """Whether JSON text may hold something that `from_plain` changes; most records do not, which saves the walk."""
    return any(mark in text for mark in _MAY_BE_ESCAPED)


def to_plain(value: Any) -> Any:
    """`value` in JSON's types: tuples become lists, numpy and torch scalars Python's own, non-finite floats strings.

    A string that would be read back as a float is escaped with a backslash, so that `from_plain` gives it back.

    Raises:
        TypeError: a value is of no plain type, or a key is not a string.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return "\\" + value if value.lstrip("\\") in _NON_FINITE else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [to_plain(item) for item in sorted(value)]
    if hasattr(value, "items"):
        return {_key(key): to_plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    raise TypeError(f"{value!r} is not plain: numbers, strings, booleans, None, lists and mappings of them are")


def from_plain(value: Any) -> Any:
    """The inverse of `to_plain` up to tuples, which come back as lists."""
    if isinstance(value, str):
        if value in _NON_FINITE:
            return float(value)
        return value[1:] if value.startswith("\\") and value.lstrip("\\") in _NON_FINITE else value
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: from_plain(item) for key, item in value.items()}
    return value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} of a mapping is not a string")
    return key
