"""Store: the folder of runs; it lists and finds them by their run.json alone, and removes them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from identify_core.errors import StoreError, UnknownReferenceError
from identify_core.store import locks
from identify_core.store.files import explained
from identify_core.store.folder import Folder
from identify_core.store.index import in_order, list_committed, newest_first, sequence_of
from identify_core.store.layout import (
    FOLDERS,
    FORMAT,
    STAGING,
    STORE_FILE,
    Kind,
    check_id,
    is_of_a_store,
    is_safe_id,
    match_reference,
    timestamp,
    utc_now,
)
from identify_core.store.leftovers import discard, find_leftovers, lock_of, remove_scratch
from identify_core.store.places import Entry
from identify_core.store.records import UNSEALED, parse_record, write_record
from identify_core.store.summary import RunSummary, began, read_again, read_summary

if TYPE_CHECKING:
    from identify_core.store.reader import StoredRun

_WAIT_TO_DELETE, _WAIT_TO_COMMIT = 30.0, 60.0  # seconds, for an evaluation that adds to a run, and for other commits
_COMMITTED = ("finished",)  # what a committed run is, unless it is damaged or of an older version
_NEAR = 20
_COMMITTING = ".commit.lock"


@attrs.frozen
class Store:
    """A folder of runs.

    Args:
        path: the folder; nothing is read or made until a method needs it.
    """

    path: Path = attrs.field(converter=Path)

    def create(self) -> Store:
        """Make the folder and its marker where they are missing; a store that exists is left as it is.

        Raises:
            StoreError: the folder holds other things, is of a newer format, or cannot be written.
        """
        with explained("make a store", self.path), Folder.open(self.path, make=True) as root:
            if root.kind(STORE_FILE) != "file":
                foreign = [entry.name for entry in root.scan() if not is_of_a_store(entry.name)]
                if foreign:
                    raise StoreError(
                        f"{self.path} is not a store: it has no {STORE_FILE} but holds {foreign[0]!r}",
                        hint="name an empty or a new folder with --store",
                    )
                write_record(root, STORE_FILE, {"created": timestamp(utc_now())})
            for folder in (STAGING, *FOLDERS.values()):
                root.make(folder).close()
        self.check()
        return self

    def check(self) -> None:
        """Make sure that the folder is a store which this version reads.

        Raises:
            StoreError: it is not there, is not a store, is damaged, or is of a newer format.
        """
        marker = self.path / STORE_FILE
        try:
            with Folder.open(self.path) as root:
                version = parse_record(root.read(STORE_FILE)).get("format")
        except FileNotFoundError:
            if not self.path.is_dir():
                raise StoreError(
                    f"there is no store at {self.path}",
                    hint="`identify run` makes one; --store or IDENTIFY_STORE names another",
                ) from None
            raise StoreError(
                f"{self.path} is not a store: it has no {STORE_FILE}",
                hint="--store or IDENTIFY_STORE names another folder",
            ) from None
        except NotADirectoryError:
            raise StoreError(f"{self.path} is not a store: it is a file", hint="--store names another folder") from None
        except OSError as error:
            raise StoreError(f"{marker} cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise StoreError(
                f"{marker} is damaged: {error}",
                hint=f'the runs are intact; put {{"format": {UNSEALED}}} into that file',
            ) from error
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise StoreError(f"{marker} has no valid format number but {version!r}")
        if version > FORMAT:
            raise StoreError(
                f"the store at {self.path} has format {version}, written by a newer version of identify; "
                f"this one reads up to {FORMAT}",
                hint="update identify-core",
            )

    def runs(self) -> list[RunSummary]:
        """Every run, staged ones and damaged ones too, oldest first."""
        return self._list("run")

    def comparisons(self) -> list[RunSummary]:
        """Every comparison, oldest first."""
        return self._list("comparison")

    def find(self, reference: str, *, statuses: Sequence[str] = (), kind: Kind = "run") -> RunSummary:
        """The one run that `reference` means.

        Args:
            reference: an id, a run's name, the beginning or the end of an id, `@last` for the run that was committed
                last, or `@last~1` for the one before.
            statuses: the statuses that will do; empty for any. `@last` counts only these; without them runs that are
                committed, and others only where there is none. It counts damaged runs only if it is asked to.
            kind: what to look among.

        Raises:
            StoreError: it means none or several, or a run of another status.
        """
        if reference.startswith("@"):
            return self._find_last(reference, statuses, kind)
        check_id(reference)
        whole = self._find_whole(reference, kind)
        runs = [] if whole else self._list(kind)
        found = [whole] if whole else [read_again(run) for run in match_reference(reference, runs)]
        if not found:
            near = f"; the latest is {runs[-1].id}" if runs else ", and none at all"
            raise UnknownReferenceError(
                f"no {kind} {reference!r} is in the store at {self.path}{near}", hint="`identify runs ls` lists them"
            )
        if len(found) > 1:
            listed = "".join(f"\n  {run.id}  {run.status}" for run in found)
            raise StoreError(
                f"{reference!r} means {len(found)} {kind}s:{listed}",
                hint="give more of the id, or @last for the latest",
            )
        if statuses and found[0].status not in statuses:
            reason = f": {found[0].problem}" if found[0].problem else ""
            raise StoreError(f"the {kind} {found[0].id} is {found[0].status}{reason}, not {' or '.join(statuses)}")
        return found[0]

    def find_any(self, reference: str, *, statuses: Sequence[str] = ()) -> RunSummary:
        """The one run or comparison that `reference` means, as in `find`; `@comparison` is the latest comparison.

        `@comparison~1` is the one before. What names a run and a comparison means the run.

        Raises:
            StoreError: it means none or several, or one of another status.
        """
        if reference.partition("~")[0] == "@comparison":
            return self.find(f"@last{reference.removeprefix('@comparison')}", statuses=statuses, kind="comparison")
        try:
            return self.find(reference, statuses=statuses)
        except UnknownReferenceError:
            try:
                return self.find(reference, statuses=statuses, kind="comparison")
            except UnknownReferenceError:
                raise UnknownReferenceError(
                    f"no run and no comparison {reference!r} is in the store at {self.path}",
                    hint="`identify runs ls` lists them",
                ) from None

    def open_any(self, reference: str, *, statuses: Sequence[str] = ()) -> StoredRun:
        """The run or comparison that `reference` means, to be read; arguments and errors are those of `find_any`."""
        from identify_core.store.reader import StoredRun

        return StoredRun(self.find_any(reference, statuses=statuses))

    def open(self, reference: str, *, statuses: Sequence[str] = (), kind: Kind = "run") -> StoredRun:
        """The run that `reference` means, to be read; the arguments and errors are those of `find`."""
        from identify_core.store.reader import StoredRun

        return StoredRun(self.find(reference, statuses=statuses, kind=kind))

    def open_folder(self, where: str = "") -> Folder:
        """A folder of the store, held open; only the store itself may be reached through links.

        Raises:
            OSError: it is not there, or is a link or behind one.
        """
        with Folder.open(self.path) as root:
            return root.enter(where)

    def open_run(self, run: RunSummary) -> Folder:
        """The folder of a run, held open to be written.

        Raises:
            StoreError: it is a link, or not a folder of this store.
            OSError: it is not there any more.
        """
        with self._home_of(run) as home:
            if home.kind(run.id) == "link":
                raise StoreError(
                    f"{run.folder} is a link to {os.path.realpath(run.folder)}; it can be read, but nothing is written "
                    "there",
                    hint="name the store that the run lies in with --store",
                )
            return home.enter(run.id)

    def lock(self, identifier: str, *, wait: float = locks.WAIT) -> locks.Lock:
        """Take the lock of a run.

        Raises:
            StoreError: another process writes the run, or the lock cannot be taken.
        """
        name = self.lock_path(identifier).name
        with explained("lock the run", self.path), self.open_folder(STAGING) as staging:
            return locks.acquire(staging, name, wait=wait)

    @contextmanager
    def counted_commit(self, kind: Kind) -> Iterator[int]:
        """The number of the commit that the block makes; no other process commits meanwhile.

        Raises:
            StoreError: another process has been committing for a minute.
        """
        try:
            with self.open_folder(STAGING) as staging:
                lock = locks.acquire(staging, _COMMITTING, wait=_WAIT_TO_COMMIT)
        except StoreError as error:
            if isinstance(error.__cause__, OSError):
                raise
            raise StoreError(
                f"another process is finishing a run in the store at {self.path} and does not come to an end",
                hint="`identify resume` finishes this run when the other one has ended",
            ) from None
        try:
            yield 1 + max((sequence_of(run.brief) for run in self._committed(kind)), default=0)
        finally:
            lock.release(remove=True)

    def remove(self, run: RunSummary) -> bool:
        """Delete a run for good, or where it is a link the link alone.

        It leaves the listing at once by one rename, and is deleted then.

        Returns:
            Whether it was still there.

        Raises:
            StoreError: it is still being written, lies elsewhere, or cannot be deleted.
        """
        with explained("delete the run", run.folder), self._home_of(run) as home, self.open_folder(STAGING) as staging:
            if home.kind(run.id) == "link":
                home.remove(run.id)
                return True
            if staging.kind(f"{run.id}.lock") not in ("file", ""):
                staging.remove(f"{run.id}.lock")  # a link, say: no lock of ours, and never to be written through
            lock = self.lock(run.id, wait=_WAIT_TO_DELETE if run.committed else locks.WAIT)
            try:
                there = home.kind(run.id) != ""
                discard(home, run.id, staging)
                remove_scratch(staging, run.id)
                return there
            finally:
                lock.release(remove=True)

    def leftovers(self) -> list[Path]:
        """What dead processes left and no run needs: half-deleted runs, stale locks, scratch that nobody uses."""
        self.check()
        with explained("look for leftovers", self.path), self.open_folder() as root:
            return sorted(self.path / where for where in find_leftovers(root))

    def delete_leftover(self, path: Path) -> None:
        """Delete one of `leftovers()`, unless it is none any more."""
        where = path.relative_to(self.path).as_posix()
        with explained("delete", path), self.open_folder() as root, self.open_folder(STAGING) as staging:
            name = lock_of(where)
            if not name:
                root.remove(where)
                return
            if staging.kind(name) not in ("file", ""):
                staging.remove(name)
            try:
                lock = locks.acquire(staging, name, wait=0)
            except StoreError:  # somebody uses it again
                return
            try:
                if not where.endswith(".lock") and where in find_leftovers(root, held=name):
                    discard(root, where, staging)
            finally:
                lock.release(remove=True)

    def lock_path(self, identifier: str) -> Path:
        """The lock file of a run."""
        return self.path / STAGING / f"{check_id(identifier)}.lock"

    def _home_of(self, run: RunSummary) -> Folder:
        """The folder that a run lies in.

        Raises:
            StoreError: it is not one of this store's.
        """
        check_id(run.id)
        home = run.folder.parent.name
        if run.folder.name != run.id or home not in (STAGING, *FOLDERS.values()):
            raise StoreError(f"{run.folder} is not a folder of the store at {self.path}; it is left alone")
        with explained("open the run", run.folder):
            folder = self.open_folder(home)
            if not run.folder.parent.samefile(folder.path):
                raise StoreError(f"{run.folder} is not a folder of the store at {self.path}; it is left alone")
            return folder

    def _list(self, kind: Kind) -> list[RunSummary]:
        self.check()
        runs = {}
        staging = self.path / STAGING
        for entry in self._entries(STAGING):
            if is_safe_id(entry.name) and entry.kind in ("folder", "link") and (staging / entry.name).is_dir():
                run = read_summary(staging / entry.name, lock=self.lock_path(entry.name))
                if run.kind == kind:
                    runs[run.id] = run
        # Committed ones last: a run that was moved between the two looks is then found, and found whole.
        runs |= {run.id: run for run in self._committed(kind)}
        present = [run for run in runs.values() if run.committed or run.folder.is_dir()]
        return sorted(present, key=lambda run: (began(run), run.id))

    def _committed(self, kind: Kind) -> list[RunSummary]:
        with self._listing(FOLDERS[kind]), self.open_folder() as root:
            return list_committed(root, FOLDERS[kind]) if root.kind(FOLDERS[kind]) else []

    def _entries(self, folder: str) -> list[Entry]:
        with self._listing(folder), self.open_folder() as root:
            return root.scan(folder) if root.kind(folder) else []

    @contextmanager
    def _listing(self, folder: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self.path / folder} cannot be listed: {error.strerror or error}",
                hint="a store that is to lie elsewhere is linked as a whole" if error.errno == errno.ELOOP else "",
            ) from error

    def _find_last(self, reference: str, statuses: Sequence[str], kind: Kind) -> RunSummary:
        head, _, back = reference.partition("~")
        if head != "@last" or ("~" in reference and not (back.isascii() and back.isdigit())):
            raise StoreError(
                f"{reference!r} is not a reference: there are @last and, counting back, @last~1, @last~2, …"
            )
        steps = int(back or 0)
        found = self._newest(statuses or _COMMITTED, kind, steps)
        if found is not None:
            return found
        wanted = [run for run in self._list(kind) if (run.status in statuses if statuses else run.status != "damaged")]
        runs = in_order(wanted if statuses else [run for run in wanted if run.committed] or wanted, began)
        if not runs:
            what = "" if not statuses else f" that is {' or '.join(statuses)}"
            raise StoreError(
                f"there is no {reference}: the store at {self.path} has no {kind}{what}",
                hint="`identify run` makes one" if kind == "run" else "`identify compare` makes one",
            )
        if steps >= len(runs):
            what = " or ".join(statuses) + " " if statuses else ""
            raise StoreError(
                f"{reference!r} goes back too far: the store at {self.path} has {len(runs)} {what}{kind}"
                f"{'' if len(runs) == 1 else 's'}",
                hint="`identify runs ls` lists them",
            )
        return read_again(runs[-1 - steps])

    def _newest(self, statuses: Sequence[str], kind: Kind, steps: int) -> RunSummary | None:
        """The run so many steps back, if the index holds and it is near; otherwise None, and all are listed."""
        self.check()
        if not set(statuses) <= set(_COMMITTED) or steps > _NEAR:
            return None
        with self._listing(FOLDERS[kind]), self.open_folder() as root:
            newest = newest_first(root, FOLDERS[kind]) if root.kind(FOLDERS[kind]) else []
        near = (read_summary(self.path / FOLDERS[kind] / each, lock=None) for each in newest[: 2 * _NEAR])
        return next(islice((run for run in near if run.status in statuses), steps, None), None)

    def _find_whole(self, identifier: str, kind: Kind) -> RunSummary | None:
        """The run with exactly this id, found without a look at the others."""
        self.check()
        for home, lock in ((FOLDERS[kind], None), (STAGING, self.lock_path(identifier))):
            folder = self.path / home / identifier
            with self._listing(home), self.open_folder() as root:
                there = root.kind(home) != "" and root.kind(f"{home}/{identifier}") in ("folder", "link")
            if there and folder.is_dir():
                run = read_summary(folder, lock=lock)
                if lock is None or (run.kind == kind and folder.is_dir()):
                    return run
        return None
