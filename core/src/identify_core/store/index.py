"""The index of a store: what a listing shows of every committed run, so that it need not open ten thousand files.

It is a cache and never trusted over the runs: a line counts only while the system says of the run's run.json what it
said when the line was written (inode, size, times of change), and its checksum holds. Whatever else there is, is read
from the run itself and gets a line. An index that is missing, damaged or cut short is therefore only slower.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import attrs

from identify_core.store.folder import Folder
from identify_core.store.layout import RUN_FILE, is_safe_id
from identify_core.store.places import Entry
from identify_core.store.summary import RunSummary, read_summary

_LARGEST = 1 << 28  # bytes; half a million runs


@attrs.frozen
class _Line:
    """What the index says of one run.

    Args:
        stamp: what the system said of its run.json.
        sequence: which commit it was.
        text: a JSON object with the run's status and the brief of its run.json.
    """

    stamp: bytes
    sequence: int
    text: bytes


def list_committed(root: Folder, home: str) -> list[RunSummary]:
    """The committed runs of a store, by the index as far as it holds, and brings the index up to date.

    Args:
        root: the store.
        home: the folder of the runs, such as `runs`.
    """
    content = _read(root, home)
    lines = _lines_in(content)
    found, fresh = [], {}
    with root.enter(home) as folder:
        for entry in folder.scan():
            if not is_safe_id(entry.name) or entry.kind not in ("folder", "link"):
                continue
            if entry.kind == "link" and not (folder.path / entry.name).is_dir():
                continue
            stamp = _stamp(folder, entry)
            line = lines.get(entry.name)
            run = None if line is None or line.stamp != stamp else _summary(folder, entry.name, line)
            if run is None:
                run = read_summary(folder.path / entry.name, lock=None)
                if stamp and not run.problem:
                    fresh[entry.name] = _line_of(stamp, run)
                    run = attrs.evolve(run, document=None)  # what it holds is in the brief, or read again
            found.append(run)
    kept = {run.id: lines[run.id] for run in found if run.id in lines and run.id not in fresh}
    _bring_up_to_date(root, home, kept, fresh, content.count(b"\t{"))
    return found


def newest_first(root: Folder, home: str) -> list[str]:
    """Ids of the committed runs of a store whose commits were counted, if the index holds for every run; or none."""
    lines = _lines_in(_read(root, home))
    found = []
    with root.enter(home) as folder:
        for entry in folder.scan():
            if entry.kind != "folder" or not is_safe_id(entry.name):
                continue
            line = lines.get(entry.name)
            if line is None or not line.sequence or line.stamp != _stamp(folder, entry):
                return []
            found.append((line.sequence, entry.name))
    return [identifier for _, identifier in sorted(found, reverse=True)]


def note_commit(root: Folder, home: str, run: RunSummary) -> None:
    """Add a run that was just committed; where that fails, the next listing adds it."""
    with suppress(OSError), root.enter(home) as folder:
        stamp = _stamp(folder, Entry(run.id, "folder"))
        _append(root, home, {run.id: _line_of(stamp, run)})


def sequence_of(document: Mapping[str, Any]) -> int:
    """Which commit of its store a run was, counted from 1; 0 for a run of a time when commits were not counted."""
    number = document.get("sequence")
    return number if isinstance(number, int) else 0


def _file(home: str) -> str:
    return f"{home}.index"


def _stamp(folder: Folder, entry: Entry) -> bytes:
    """Changes with every change of a run's run.json; empty for a run that is a link, which is always read."""
    if entry.kind != "folder":
        return b""
    try:
        status = folder.status_below(entry.name, RUN_FILE)
    except OSError:
        return b""
    return b"%d-%d-%d-%d" % (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _line_of(stamp: bytes, run: RunSummary) -> _Line:
    # Python's JSON, which writes and reads floats that are not finite
    text = json.dumps({"status": run.status, "told": run.brief}, separators=(",", ":")).encode()
    return _Line(stamp, sequence_of(run.brief), text)


def _summary(folder: Folder, identifier: str, line: _Line) -> RunSummary | None:
    try:
        content = json.loads(line.text)
        brief, status = content["told"], content["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(brief, dict) or not isinstance(status, str):
        return None
    path = folder.path / identifier
    return RunSummary(id=identifier, folder=path, committed=True, status=status, brief=brief, document=None)


def _read(root: Folder, home: str) -> bytes:
    try:
        return root.read(_file(home), largest=_LARGEST)
    except (OSError, ValueError):
        return b""


def _lines_in(content: bytes) -> dict[str, _Line]:
    """Id to line; of several lines of a run, the last."""
    lines = {}
    for each in content.split(b"\n"):
        sum_of_rest, _, rest = each.partition(b"\t")
        parts = rest.split(b"\t", 3)
        if len(parts) == 4 and sum_of_rest == _checksum(rest):
            lines[parts[0].decode()] = _Line(parts[1], int(parts[2]), parts[3])
    return lines


def _bring_up_to_date(root: Folder, home: str, kept: dict[str, _Line], fresh: dict[str, _Line], count: int) -> None:
    """Add what was read from runs; written again as a whole where half of its `count` lines would be of no use."""
    with suppress(OSError):  # a store that may only be read is listed as well, a little slower
        if count + len(fresh) > 2 * (len(kept) + len(fresh)) + 8 or len(fresh) > len(kept):
            root.write(_file(home), _as_bytes(kept | fresh))
        elif fresh:
            _append(root, home, fresh)


def _append(root: Folder, home: str, lines: dict[str, _Line]) -> None:
    with root.open_file(_file(home), os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
        file.write(b"\n" + _as_bytes(lines))  # begins a line of its own, whatever a kill has left before it


def _as_bytes(lines: Mapping[str, _Line]) -> bytes:
    return b"".join(_joined(identifier, line) for identifier, line in lines.items())


def _joined(identifier: str, line: _Line) -> bytes:
    rest = b"\t".join((identifier.encode(), line.stamp, b"%d" % line.sequence, line.text))
    return _checksum(rest) + b"\t" + rest + b"\n"


def _checksum(text: bytes) -> bytes:
    """Finds damage; enough for a cache."""
    return b"%08x" % zlib.crc32(text)


def in_order(runs: Iterable[RunSummary], began: Any) -> list[RunSummary]:
    """Runs in the order of their commits, those that are not committed yet last.

    Args:
        runs: the runs.
        began: gives the time at which a run began, for those whose commits were not counted.
    """
    return sorted(runs, key=lambda run: (not run.committed, sequence_of(run.brief), began(run), run.id))
