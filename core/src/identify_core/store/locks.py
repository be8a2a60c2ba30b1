"""Whether the process that writes a run is still there: an advisory lock, which ends with the process however it ends.

The lock file also says who holds it, for messages, and for file systems that know no locks. A lock that is held
although its owner is gone from this machine belongs to worker processes that the owner forked: nobody writes the run.

The library filelock does the first half. It opens a lock by its path, so that a link in the middle of that path leads
out of the store, and it can neither look at a lock nor say who holds it. Hence these few lines of our own.
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
from typing import IO, Any

import attrs

from identify_core.errors import StoreError
from identify_core.store.files import explained
from identify_core.store.folder import Folder

WAIT = 0.5  # seconds; longer than the moment for which a listing holds the lock to look at it
_BYTE = 1 << 30  # on Windows a locked byte cannot be read, so one far behind the text is locked
_NEVER_OURS = {errno.ELOOP, errno.EINVAL}  # a link, or no regular file: no process of ours has made it
_LONGEST = 4096  # bytes of a lock file that are read
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

    def __init__(self, folder: Folder, name: str, file: IO[bytes]) -> None:
        self.path = folder.path / name
        self._folder = folder
        self._name = name
        self._file = file

    def release(self, *, remove: bool = False) -> None:
        """Let go; `remove` also deletes the file, for a run that is no longer staged."""
        if self._file.closed:
            return
        if remove and os.name != "nt":  # while it is still held, so that nobody else's new file is deleted
            self._folder.remove(self._name)
        self._file.close()
        if remove and os.name == "nt":
            self._folder.remove(self._name)
        self._folder.close()

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(folder: Folder, name: str, *, wait: float = WAIT) -> Lock:
    """Take a lock, creating its file.

    Args:
        folder: the folder of the lock file.
        name: the file's name, that of the run with `.lock` behind it.
        wait: seconds to wait for another process to let go.

    Raises:
        StoreError: another process holds it, the file cannot be written, or it is a link.
    """
    path = folder.path / name
    deadline = time.monotonic() + wait
    while True:
        with explained("lock the run", path):
            file = folder.open_file(name, os.O_RDWR | os.O_CREAT)
        taken = _try_lock(file.fileno())
        locked = taken is not None
        if taken is None:
            taken = not _is_running(read_owner(path))
        if taken and (os.name == "nt" or _same_file(folder, name, file.fileno())):
            break
        file.close()
        if time.monotonic() > deadline:
            owner = read_owner(path)
            raise StoreError(
                f"the run {path.stem} is being written by {owner or 'another process'}",
                hint="wait until it has ended, or stop it with Ctrl-C",
            )
        time.sleep(0.02)
    _sign(file, path, locked=locked)
    return Lock(folder.enter(), name, file)


def _sign(file: IO[bytes], path: Path, *, locked: bool) -> None:
    """Say in the lock file who holds it. A full disk hinders nobody whose lock holds without: rm frees room there."""
    try:
        with explained("lock the run", path):
            file.truncate(0)
            file.write(json.dumps(attrs.asdict(_this_process(locked=locked))).encode())
    except StoreError:
        if not locked:
            file.close()
            raise


def is_alive(path: Path) -> bool:
    """Whether a process still writes the run whose lock file `path` is.

    What cannot be known, such as a process of another machine on a file system without locks, counts as alive.
    """
    try:
        with _opened(path) as file:
            taken = _try_lock(file.fileno(), shared=True)
            owner = _owner_in(file.read(_LONGEST))
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno not in _NEVER_OURS
    if taken and (owner is None or owner.locked):
        return False
    return owner is None or _is_running(owner)


def read_owner(path: Path) -> Owner | None:
    """Who wrote the lock file; None where it is not there or says nothing that can be read."""
    try:
        with _opened(path) as file:
            return _owner_in(file.read(_LONGEST))
    except OSError:
        return None


def _opened(path: Path) -> IO[bytes]:
    with Folder.open(path.parent) as folder:
        return folder.open_file(path.name)


def _owner_in(text: bytes) -> Owner | None:
    try:
        content: Any = json.loads(text)
        return Owner(
            pid=int(content["pid"]),
            host=str(content["host"]),
            machine=str(content["machine"]),
            started=int(content["started"]),
            locked=bool(content["locked"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
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
    except (ProcessLookupError, OverflowError):
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


def _same_file(folder: Folder, name: str, descriptor: int) -> bool:
    """Whether the locked file still has its name: its last owner may have deleted it meanwhile."""
    try:
        return os.path.samestat(folder.status(name), os.fstat(descriptor))
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
