"""Store: the folder of runs; it lists and finds them by their run.json alone, and removes them."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from identify_core.errors import StoreError
from identify_core.store import locks
from identify_core.store.files import explained
from identify_core.store.layout import (
    ARRAYS,
    FOLDERS,
    FORMAT,
    SCRATCH,
    STAGING,
    STORE_FILE,
    UNPLACED,
    Kind,
    check_id,
    is_safe_id,
    timestamp,
    utc_now,
)
from identify_core.store.nodes import unlisted_findings
from identify_core.store.records import UNSEALED, read_record, write_record
from identify_core.store.summary import RunSummary, read_summary

if TYPE_CHECKING:
    from identify_core.store.reader import StoredRun

_TRASH = ".removed-"
_TEMPORARY = (UNPLACED, f".{STORE_FILE}.", ".run.json.")


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
        marker = self.path / STORE_FILE
        with explained("make a store", self.path):
            if not marker.exists():
                self.path.mkdir(parents=True, exist_ok=True)
                foreign = sorted(entry.name for entry in os.scandir(self.path) if not _is_ours(entry.name))
                if foreign:
                    raise StoreError(
                        f"{self.path} is no store: it has no {STORE_FILE} but holds {foreign[0]!r}",
                        hint="name an empty or a new folder with --store",
                    )
                write_record(marker, {"created": timestamp(utc_now())})
            for folder in (STAGING, *FOLDERS.values()):
                (self.path / folder).mkdir(exist_ok=True)
        self.check()
        return self

    def check(self) -> None:
        """Make sure that the folder is a store which this version reads.

        Raises:
            StoreError: it is not there, is no store, is damaged, or is of a newer format.
        """
        marker = self.path / STORE_FILE
        try:
            version = read_record(marker).get("format")
        except FileNotFoundError:
            if not self.path.is_dir():
                raise StoreError(
                    f"there is no store at {self.path}",
                    hint="`identify run` makes one; --store or IDENTIFY_STORE names another",
                ) from None
            raise StoreError(
                f"{self.path} is no store: it has no {STORE_FILE}",
                hint="--store or IDENTIFY_STORE names another folder",
            ) from None
        except NotADirectoryError:
            raise StoreError(f"{self.path} is no store: it is a file", hint="--store names another folder") from None
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
            reference: an id, a run's name, the beginning or the end of an id, `@last`, or `@last~1` for the one before.
            statuses: the statuses that will do; empty for any. `@last` counts only these, and never damaged runs
                unless `damaged` is among them.
            kind: what to look among.

        Raises:
            StoreError: it means none or several, or a run of another status.
        """
        if reference.startswith("@"):
            return self._find_last(reference, statuses, kind)
        check_id(reference)
        runs = self._list(kind)
        found = _matches(reference, runs)
        if not found:
            near = f"; the latest is {runs[-1].id}" if runs else ", and none at all"
            raise StoreError(
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

    def open(self, reference: str, *, statuses: Sequence[str] = (), kind: Kind = "run") -> StoredRun:
        """The run that `reference` means, to be read; the arguments and errors are those of `find`."""
        from identify_core.store.reader import StoredRun

        return StoredRun(self.find(reference, statuses=statuses, kind=kind))

    def remove(self, run: RunSummary) -> None:
        """Delete a run for good.

        It leaves the listing at once by one rename, and is deleted then.

        Raises:
            StoreError: it is still being written, is a link, lies elsewhere, or cannot be deleted.
        """
        check_id(run.id)
        homes = {(self.path / folder).resolve() for folder in (STAGING, *FOLDERS.values())}
        if run.folder.parent.resolve() not in homes or run.folder.name != run.id:
            raise StoreError(f"{run.folder} is not a folder of the store at {self.path}; nothing was deleted")
        if run.folder.is_symlink():
            raise StoreError(
                f"{run.folder} is a link to {os.path.realpath(run.folder)}; nothing was deleted",
                hint="delete the link yourself if you want it gone",
            )
        with explained("delete the run", run.folder), locks.acquire(self.lock_path(run.id)) as lock:
            trash = self.path / STAGING / f"{_TRASH}{run.id}-{secrets.token_hex(4)}"
            os.replace(run.folder, trash)
            shutil.rmtree(trash)
            lock.release(remove=True)

    def leftovers(self) -> list[Path]:
        """What dead processes left and no run needs: half-deleted runs, stale locks, scratch of finished runs."""
        self.check()
        return sorted(self._leftovers())

    def delete_leftover(self, path: Path) -> None:
        """Delete one of `leftovers()`."""
        with explained("delete", path):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def lock_path(self, identifier: str) -> Path:
        """The lock file of a run."""
        return self.path / STAGING / f"{check_id(identifier)}.lock"

    def _leftovers(self) -> Iterator[Path]:
        staging = self.path / STAGING
        for entry in _entries(staging):
            if entry.name.startswith(_TRASH):
                yield Path(entry.path)
            elif entry.name.startswith(UNPLACED):
                if not locks.is_alive(self.lock_path(entry.name.removeprefix(UNPLACED))):
                    yield Path(entry.path)
            elif entry.name.endswith(".lock"):
                is_staged = (staging / entry.name.removesuffix(".lock")).is_dir()
                if not is_staged and not locks.is_alive(Path(entry.path)):
                    yield Path(entry.path)
        for folder in FOLDERS.values():
            for entry in _entries(self.path / folder):
                if not entry.is_dir() or entry.is_symlink() or not is_safe_id(entry.name):
                    continue
                if locks.is_alive(self.lock_path(entry.name)):
                    continue
                run = read_summary(Path(entry.path), lock=None)
                if not run.problem:
                    arrays = run.folder / ARRAYS
                    yield from (arrays / path for path in unlisted_findings(arrays, run.document))
                for inner in _entries(Path(entry.path)):
                    if inner.name == SCRATCH or inner.name.startswith(_TEMPORARY):
                        yield Path(inner.path)

    def _list(self, kind: Kind) -> list[RunSummary]:
        self.check()
        runs = {}
        staging = self.path / STAGING
        for entry in _entries(staging):
            if is_safe_id(entry.name) and entry.is_dir():
                run = read_summary(Path(entry.path), lock=self.lock_path(entry.name))
                if run.kind == kind:
                    runs[run.id] = run
        # Committed ones last: a run that was moved between the two looks is then found, and found whole.
        for entry in _entries(self.path / FOLDERS[kind]):
            if is_safe_id(entry.name) and entry.is_dir():
                runs[entry.name] = read_summary(Path(entry.path), lock=None)
        present = [run for run in runs.values() if run.committed or run.folder.is_dir()]
        return sorted(present, key=lambda run: (run.created or _time_in(run.id), run.id))

    def _find_last(self, reference: str, statuses: Sequence[str], kind: Kind) -> RunSummary:
        head, _, back = reference.partition("~")
        if head != "@last" or ("~" in reference and not (back.isascii() and back.isdigit())):
            raise StoreError(f"{reference!r} is no reference: there are @last and, counting back, @last~1, @last~2, …")
        steps = int(back or 0)
        runs = [run for run in self._list(kind) if (run.status in statuses if statuses else run.status != "damaged")]
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
        return runs[-1 - steps]


def _matches(reference: str, runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The runs of the first way of matching that matches any: whole id, name, beginning of the id, end of it."""
    for matches in (
        [run for run in runs if run.id == reference],
        [run for run in runs if run.name == reference],
        [run for run in runs if run.id.startswith(reference)],
        [run for run in runs if run.id.endswith(reference)],
    ):
        if matches:
            return matches
    return []


def _time_in(identifier: str) -> str:
    """The time at the head of a run id, in the shape of `created`, to place damaged runs among the others."""
    digits = identifier[:8] + identifier[9:15]
    if len(digits) != 14 or not digits.isdigit():
        return ""
    y, mo, d, h, mi, s = digits[:4], digits[4:6], digits[6:8], digits[8:10], digits[10:12], digits[12:]
    return f"{y}-{mo}-{d}T{h}:{mi}:{s}Z"  # after all that say a fraction of that second


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{folder} cannot be listed: {error.strerror or error}") from error


def _is_ours(name: str) -> bool:
    return name in (STAGING, *FOLDERS.values()) or name.startswith(f".{STORE_FILE}.")
