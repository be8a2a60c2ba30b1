"""The cache of a run: its figures and its page, drawn from what is stored, under a manifest of their checksums.

A run is whole without them. What is damaged in them is drawn again, so that they have checksums of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from identify_core.store.folder import Folder
from identify_core.store.layout import FIGURES, MANIFEST_FILE, REPORT_FILE
from identify_core.store.records import parse_record, write_record

_BLOCK = 1 << 20


def note_drawn(folder: Folder, names: Iterable[str] | None = None) -> None:
    """Bring the manifest up to date with files that were drawn, or removed, just now.

    Args:
        folder: of a run.
        names: relative to it; None for all that is there.
    """
    known = {} if names is None else dict(_manifest(folder))
    for name in _drawn(folder) if names is None else names:
        if folder.kind(name) == "file":
            known[name] = _sum(folder, name)
        else:
            known.pop(name, None)
    write_record(folder, MANIFEST_FILE, {"files": dict(sorted(known.items()))})


def check_cache(folder: Folder) -> dict[str, str]:
    """Name to what is wrong with a file of the cache; empty where all is as it was drawn, or nothing was noted.

    A damaged manifest is a problem of its own, and nothing can be said of the files then.
    """
    if not folder.kind(MANIFEST_FILE):
        return {}
    try:
        known = _manifest(folder)
    except ValueError as error:
        return {MANIFEST_FILE: str(error)}
    problems = {}
    for name, expected in known.items():
        try:
            if _sum(folder, name) != expected:
                problems[name] = "it changed since it was drawn: the checksum differs"
        except FileNotFoundError:
            problems[name] = "it is missing"
        except OSError as error:
            problems[name] = f"it cannot be read: {error.strerror or error}"
    return problems


def _manifest(folder: Folder) -> Mapping[str, str]:
    """Name to checksum of what was drawn.

    Raises:
        ValueError: the manifest is damaged.
    """
    if not folder.kind(MANIFEST_FILE):
        return {}
    try:
        files = parse_record(folder.read(MANIFEST_FILE)).get("files")
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error
    if not isinstance(files, dict) or not all(
        _is_drawn(name) and isinstance(each, str) for name, each in files.items()
    ):
        raise ValueError("it does not name files of the cache with their checksums")
    return files


def _drawn(folder: Folder) -> list[str]:
    figures = folder.scan(FIGURES) if folder.kind(FIGURES) == "folder" else []
    return [REPORT_FILE, *(f"{FIGURES}/{entry.name}" for entry in figures if entry.kind == "file")]


def _is_drawn(name: str) -> bool:
    head, _, rest = name.partition("/")
    return name == REPORT_FILE or (head == FIGURES and bool(rest) and "/" not in rest)


def _sum(folder: Folder, name: str) -> str:
    digest = hashlib.sha256()
    with folder.open_file(name) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
