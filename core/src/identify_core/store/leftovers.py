"""Leftovers: what dead processes left in a store and no run needs, and how something leaves a store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress

from identify_core.errors import StoreError
from identify_core.store import locks
from identify_core.store.folder import Folder
from identify_core.store.layout import ARRAYS, FOLDERS, SCRATCH, SCRATCH_OF, STAGING, STORE_FILE, UNPLACED, is_safe_id
from identify_core.store.nodes import unlisted_findings
from identify_core.store.summary import read_summary

_TRASH = ".removed-"
_TEMPORARY = (UNPLACED, f".{STORE_FILE}.", ".run.json.")


def find_leftovers(root: Folder, *, held: str = "") -> Iterator[str]:
    """Places of leftovers below a store: half-deleted runs, stale locks, scratch that nobody uses.

    Args:
        root: the store's folder.
        held: a lock that this very process holds, so that nobody else uses what it guards.
    """

    def is_free(lock: str) -> bool:
        return lock == held or not locks.is_alive(root.path / STAGING / lock)

    with root.enter(STAGING) as staging:
        for entry in staging.scan():
            name = entry.name
            if name.startswith(_TRASH):
                yield f"{STAGING}/{name}"
            elif name.endswith(".lock"):
                if not staging.kind(name.removesuffix(".lock")) and is_free(name):
                    yield f"{STAGING}/{name}"
            elif name.startswith((UNPLACED, SCRATCH_OF)) and is_free(lock_of(f"{STAGING}/{name}")):
                yield f"{STAGING}/{name}"
    for home in FOLDERS.values():
        with root.enter(home) as folder:
            for entry in folder.scan():
                if entry.kind == "folder" and is_safe_id(entry.name) and is_free(f"{entry.name}.lock"):
                    yield from (f"{home}/{entry.name}/{where}" for where in _unneeded(folder, entry.name))


def _unneeded(folder: Folder, identifier: str) -> Iterator[str]:
    """Places below a committed run that it does not need."""
    path = folder.path / identifier
    run = read_summary(path, lock=None)
    if not run.problem:
        yield from (f"{ARRAYS}/{where}" for where in unlisted_findings(path / ARRAYS, run.document))
    for entry in folder.scan(identifier):
        if entry.name == SCRATCH or entry.name.startswith(_TEMPORARY):
            yield entry.name


def lock_of(where: str) -> str:
    """The lock that guards a leftover; empty for one that nobody can want any more."""
    home, identifier, *_ = where.split("/")
    if home != STAGING:
        return f"{identifier}.lock"
    if identifier.endswith(".lock"):
        return identifier
    return "" if identifier.startswith(_TRASH) else f"{identifier.removeprefix(UNPLACED)}.lock"


def discard(folder: Folder, where: str, staging: Folder) -> None:
    """Delete what lies at a place; it leaves the store by one rename, and is deleted then."""
    trash = f"{_TRASH}{secrets.token_hex(8)}"
    with suppress(FileNotFoundError):
        folder.move(where, staging, trash)
    staging.remove(trash)


def remove_scratch(staging: Folder, run_id: str) -> None:
    """Delete what evaluations of a run have left, as far as no process uses it."""
    for entry in staging.scan():
        if entry.kind == "folder" and entry.name.startswith(f"{SCRATCH_OF}{run_id}-"):
            taken = take_scratch(staging, entry.name)
            if taken is not None:
                staging.remove(entry.name)
                taken[1].release(remove=True)


def take_scratch(staging: Folder, name: str) -> tuple[str, locks.Lock] | None:
    """A scratch folder's name and its lock; None where another process uses it."""
    try:
        return name, locks.acquire(staging, f"{name}.lock", wait=0)
    except StoreError as error:
        if isinstance(error.__cause__, OSError):
            raise
        return None
