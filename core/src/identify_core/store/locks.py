"""Whether the process that writes a run is still there: an advisory lock, which ends with the process however it ends.

The lock file also says who holds it, for messages, and for file systems that know no locks. A lock that is held
although its owner is gone from this machine belongs to worker processes that the owner forked: nobody writes the run.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs

from identify_core.errors import StoreError
from identify_core.store.files import explained

_WAIT = 0.5  # seconds; longer than the moment for which a listing holds the lock to look at it
_BYTE = 1 << 30  # on Windows a locked byte cannot be read, so one far behind the text is locked
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@attrs.frozen(kw_only=True)
class Owner:
    """The process that wrote a lock file.

    Args:
        pid: its process id.
        host: its host name.
        machine: tells apart boots and process namespaces, within which a process id means something.
        started: when the process started, in the operating system's own unit; 0 where that cannot be known.
        locked: whether it holds an operating-system lock on the file.
    """

    pid: int
    host: str
    machine: str
    started: int
    locked: bool

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Lock:
    """A lock held by this process; released by `release`, by leaving the `with` block, or by the process ending."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def release(self, *, remove: bool = False) -> None:
        """Let go; `remove` also deletes the file, for a run that is no longer staged."""
        if self._descriptor is None:
            return
        if remove and os.name != "nt":  # while it is still held, so that nobody else's new file is deleted
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None
        if remove and os.name == "nt":
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(path: Path, *, wait: float = _WAIT) -> Lock:
    """Take the lock of `path`, creating the file.

    Args:
        path: the lock file; its folder exists.
        wait: seconds to wait for another process to let go.

    Raises:
        StoreError: another process holds it, or the file cannot be written.
    """
    deadline = time.monotonic() + wait
    while True:
        with explained("lock the run", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        taken = _try_lock(descriptor)
        if taken is None:
            taken = not _is_running(read_owner(path))
            locked = False
        else:
            locked = True
        if taken and (os.name == "nt" or _same_file(path, descriptor)):
            break
        os.close(descriptor)
        if time.monotonic() > deadline:
            owner = read_owner(path)
            raise StoreError(
                f"the run {path.stem} is being written by {owner or 'another process'}",
                hint="wait until it has ended, or stop it with Ctrl-C",
            )
        time.sleep(0.02)
    with explained("lock the run", path):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(attrs.asdict(_this_process(locked=locked))).encode())
    return Lock(path, descriptor)


def is_alive(path: Path) -> bool:
    """Whether a process still writes the run whose lock file `path` is.

    What cannot be known, such as a process of another machine on a file system without locks, counts as alive.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        taken = _try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
    owner = read_owner(path)
    if taken and (owner is None or owner.locked):
        return False
    return owner is None or _is_running(owner)


def read_owner(path: Path) -> Owner | None:
    """Who wrote the lock file; None where it is not there or says nothing that can be read."""
    try:
        content: Any = json.loads(path.read_bytes())
        return Owner(
            pid=int(content["pid"]),
            host=str(content["host"]),
            machine=str(content["machine"]),
            started=int(content["started"]),
            locked=bool(content["locked"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _this_process(*, locked: bool) -> Owner:
    pid = os.getpid()
    return Owner(pid=pid, host=socket.gethostname(), machine=_machine(), started=_start_of(pid), locked=locked)


def _is_running(owner: Owner | None) -> bool:
    if owner is None:
        return False
    if owner.machine != _machine() or os.name == "nt":  # os.kill(pid, 0) would end the process on Windows
        return True
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return owner.started == _start_of(owner.pid)


def _machine() -> str:
    parts = [socket.gethostname()]
    for source in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            parts.append(os.readlink(source) if source.endswith("pid") else Path(source).read_text().strip())
        except OSError:
            parts.append("")
    return "|".join(parts)


def _start_of(pid: int) -> int:
    """Clock ticks from boot to the start of a process, field 22 of /proc/<pid>/stat; 0 where there is no such file."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])


def _same_file(path: Path, descriptor: int) -> bool:
    """Whether the locked file is still the one at `path`: its last owner may have deleted it meanwhile."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Take the operating system's lock: True if it was free, False if it is held, None where there are no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except ImportError:
        return None
    except OSError as error:
        return None if error.errno in _NO_LOCKS else False
    return True
