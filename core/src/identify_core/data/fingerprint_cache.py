"""Fingerprints of samples that map files, kept in the user's cache folder by path, size and times of the files."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from identify_core.atomic_files import replacing
from identify_core.data.mapped import MappedColumn

_KEPT = 100
_SETTLED = 2.0  # seconds: a file that changed later may change again within one tick of the file system's clock


def cache_folder() -> Path:
    """Where this user's fingerprints are, whether or not there are any."""
    from platformdirs import user_cache_path

    return user_cache_path("identify", appauthor=False) / "fingerprints"


def identity(column: MappedColumn) -> str | None:
    """What a mapped column is told by without reading it; None where its file changed a moment ago."""
    status = os.stat(column.path)
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    if time.time() - changed / 1e9 < _SETTLED:
        return None
    chosen = "" if column.chosen is None else hashlib.sha256(column.chosen.numpy().tobytes()).hexdigest()
    where = (str(column.path.resolve()), status.st_size, status.st_mtime_ns, status.st_ctime_ns, column.offset)
    return repr((where, column.stored, column.rows_shape, column.scale, chosen))


def recall(key: str, kind: type[np.generic], count: int) -> np.ndarray[Any, Any] | None:
    """What was kept under a key, `count` numbers of a kind; None where there is nothing sound."""
    try:
        found = np.load(cache_folder() / f"{key}.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if isinstance(found, np.ndarray) and found.dtype == kind and found.shape == (count,) else None


def keep(key: str, values: np.ndarray[Any, Any]) -> None:
    """Keep values under a key; a folder that cannot be written costs the next reading of the file, nothing more."""
    folder = cache_folder()
    try:
        with replacing(folder / f"{key}.npy") as draft:
            np.save(draft, values, allow_pickle=False)
        by_age = sorted(folder.glob("*.npy"), key=lambda each: each.stat().st_mtime)
        for old in by_age[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return
