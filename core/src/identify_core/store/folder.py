"""A folder of a store, held open: whatever lies in it is reached relative to it, and no link inside is ever followed.

All that a store reads, replaces, walks or removes goes through here. Where the system has descriptors of folders
(Linux, macOS), each component of a path is opened relative to the one above and refused if it is a link, so that
nothing can be swapped for a link in between. Elsewhere each component is looked at before it is used. Only the folder
that `open` is given may be reached through links: a store itself may be a link.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from identify_core.disk_space import counted_bytes
from identify_core.store.layout import UNPLACED
from identify_core.store.places import Entry, FileKind, kind_of, kind_of_entry, names_of, problem_of

_RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_LOOKED_AT = _PLAIN | getattr(os, "O_NONBLOCK", 0)  # so that opening a FIFO waits for nobody
_DEEPEST = 100  # folders; what is nested deeper was not written by a store
_LARGEST = 1 << 28  # bytes that `read` takes into memory


class Folder:
    """A folder held open; made by `open`, `enter` and `make`, closed by `close` or by leaving a `with` block.

    Where a place inside is asked for, it is given relative, with slashes: `arrays.zarr/findings/ladder`. It must not be
    absolute or contain `..`; a link on the way is an OSError that says so.

    Attributes:
        path: where it was when it was opened, for messages and for libraries that take paths.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: Path, *, make: bool = False) -> Folder:
        """Open a folder by its path, through links where there are any.

        Args:
            path: the folder.
            make: whether to make it, and those above it, where they are missing.

        Raises:
            OSError: it is not there, or is not a folder.
        """
        if make:
            path.mkdir(parents=True, exist_ok=True)
        if not _RELATIVE:
            if not path.is_dir():
                code = errno.ENOTDIR if path.exists() else errno.ENOENT
                raise OSError(code, os.strerror(code), str(path))
            return cls(path, None)
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_CLOEXEC", 0)))

    def close(self) -> None:
        """Let go of it; nothing can be reached through it any more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def enter(self, where: str = "") -> Folder:
        """A folder inside; without a place, this one once more.

        Raises:
            OSError: it is not there, is not a folder, or is behind a link.
        """
        found = self._again()
        for name in names_of(where):
            with found as above:
                found = above._step(name)
        return found

    def make(self, where: str) -> Folder:
        """A folder inside, made where it is missing, those on the way too.

        Raises:
            OSError: it cannot be made, is not a folder, or is behind a link.
        """
        found = self._again()
        for name in names_of(where):
            with found as above:
                above.make_new(name, exist_ok=True)
                found = above._step(name)
        return found

    def make_new(self, name: str, *, exist_ok: bool = False) -> None:
        """Make one folder right inside.

        Raises:
            OSError: something of that name is there.
        """
        try:
            os.mkdir(self._at(name), **self._relative())
        except FileExistsError:
            if not exist_ok:
                raise

    def kind(self, where: str) -> FileKind:
        """What lies at a place; empty for nothing. A link is a link, whatever it points to."""
        try:
            return kind_of(self.status(where))
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def status(self, where: str) -> os.stat_result:
        """What the system says of a place; of a link, not of what it points to.

        Raises:
            OSError: nothing is there.
        """
        with self._above(where) as (above, name):
            return os.stat(above._at(name), follow_symlinks=False, **above._relative())

    def status_below(self, folder: str, name: str) -> os.stat_result:
        """What the system says of an entry of a folder that is known to be none behind a link; for many in a row.

        Raises:
            OSError: nothing is there.
        """
        return os.stat(self._at(f"{folder}/{name}"), follow_symlinks=False, **self._relative())

    def scan(self, where: str = "") -> list[Entry]:
        """What lies right inside, sorted by name.

        Raises:
            OSError: it cannot be listed.
        """
        with self.enter(where) as folder, os.scandir(folder._listable()) as entries:
            return sorted((Entry(entry.name, kind_of_entry(entry)) for entry in entries), key=lambda each: each.name)

    def walk(self, where: str = "") -> Iterator[tuple[str, FileKind]]:
        """Every place below with what it is, folders before what they hold; a link is named and not followed.

        Raises:
            OSError: a folder cannot be listed, or folders are nested more than 100 deep.
        """
        waiting = [(where, 0)]
        while waiting:
            above, depth = waiting.pop()
            if depth > _DEEPEST:
                raise OSError(errno.ENAMETOOLONG, f"folders are nested more than {_DEEPEST} deep", str(self.path))
            inner = []
            for entry in self.scan(above):
                place = f"{above}/{entry.name}" if above else entry.name
                yield place, entry.kind
                if entry.kind == "folder":
                    inner.append((place, depth + 1))
            waiting += reversed(inner)

    def refuse_links(self, where: str = "") -> None:
        """Make sure that everything below a place is a file or a folder, before code that takes paths writes there.

        Raises:
            OSError: there is a link, a FIFO or the like.
        """
        for place, kind in self.walk(where):
            if kind not in ("file", "folder"):
                what = "a link" if kind == "link" else "neither a file nor a folder"
                raise OSError(errno.ELOOP, f"{place} in it is {what}, which no store holds", str(self.path / place))

    def open_file(self, where: str, flags: int = os.O_RDONLY) -> IO[bytes]:
        """Open a regular file, without buffering what is written.

        Args:
            where: its place.
            flags: as for `os.open`, such as `os.O_RDWR | os.O_CREAT`.

        Raises:
            OSError: it is not there, cannot be opened, or is something else than a regular file; or it is to be written
                and has a second name, which may lie outside.
        """
        with self._above(where) as (above, name):
            if not _RELATIVE:
                above._refuse_link(name)
            try:
                descriptor = os.open(above._at(name), flags | _LOOKED_AT, 0o666, **above._relative())
            except OSError:
                above._refuse_link(name)
                raise
        mode = "r+b" if flags & (os.O_RDWR | os.O_WRONLY) else "rb"
        status = os.fstat(descriptor)
        if problem := problem_of(status, written=mode == "r+b"):
            os.close(descriptor)
            raise OSError(errno.EINVAL, problem, str(self.path / where))
        return os.fdopen(descriptor, mode, buffering=0 if mode == "r+b" else -1)

    def read(self, where: str, *, largest: int = _LARGEST) -> bytes:
        """The content of a regular file.

        Raises:
            OSError: as for `open_file`.
            ValueError: it has more than `largest` bytes.
        """
        with self.open_file(where) as file:
            content = file.read(largest + 1)
        if len(content) > largest:
            raise ValueError(f"it has more than {largest} bytes")
        return content

    def write(self, where: str, content: bytes) -> None:
        """Put a file in place: a reader sees the old bytes or the new ones, even after a power cut.

        Raises:
            OSError: it cannot be written; what was there is unchanged.
        """
        with self._above(where) as (above, name):
            beside = f"{UNPLACED}{secrets.token_hex(4)}"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN
                with counted_bytes(len(content)):
                    descriptor = os.open(above._at(beside), flags, 0o666, **above._relative())
                    with os.fdopen(descriptor, "wb") as file:
                        file.write(content)
                        file.flush()
                        os.fsync(file.fileno())
                above.move(beside, above, name)
            except BaseException:
                above.remove(beside)
                raise
            above.sync()

    def move(self, where: str, to: Folder, new: str) -> None:
        """Move what lies at a place, a link as the link, into another folder by one rename.

        Files and links there are replaced; a folder only if it is empty.

        Raises:
            OSError: it is not there or cannot be moved.
        """
        with self._above(where) as (above, name), to._above(new) as (target, last):
            if _RELATIVE:
                os.replace(name, last, src_dir_fd=above._descriptor, dst_dir_fd=target._descriptor)
            else:
                os.replace(above._at(name), target._at(last))

    def remove(self, where: str) -> None:
        """Delete a file, a link (never what it points to), or a folder with all that it holds; nothing if it is gone.

        Raises:
            OSError: it cannot be deleted.
        """
        try:
            with self._above(where) as (above, name):
                if above.kind(name) != "folder":
                    os.unlink(above._at(name), **above._relative())
                    return
                with above.enter(name) as doomed:
                    doomed._empty()
                os.rmdir(above._at(name), **above._relative())
        except FileNotFoundError:
            return

    def remove_if_empty(self, where: str) -> None:
        """Delete a folder unless something lies in it."""
        with self._above(where) as (above, name):
            try:
                os.rmdir(above._at(name), **above._relative())
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise

    def sync(self) -> None:
        """Make its entries survive a power cut; Windows keeps them by itself."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def sync_all(self, where: str = "", *, without: str = "") -> None:
        """Make everything below a place survive a power cut, files before the folders that name them.

        Args:
            where: a folder.
            without: the name of an entry right inside to leave out.
        """
        with self.enter(where) as folder:
            for entry in folder.scan():
                if entry.name == without:
                    continue
                if entry.kind == "folder":
                    folder.sync_all(entry.name)
                elif entry.kind == "file":
                    with folder.open_file(entry.name, os.O_RDWR if os.name == "nt" else os.O_RDONLY) as file:
                        os.fsync(file.fileno())
            folder.sync()

    def plain_path(self, where: str) -> Path:
        """The path of a place, for a library that takes paths, after a look that no component inside is a link.

        Raises:
            OSError: one is.
        """
        place = self._again()
        for name in names_of(where):
            with place as above:
                above._refuse_link(name)
                if above.kind(name) != "folder":
                    break
                place = above._step(name)
        place.close()
        return self.path.joinpath(*names_of(where))

    @property
    def address(self) -> Path:
        """A path that leads to this very folder even if it is moved meanwhile, where the system has one."""
        found = Path(f"/proc/self/fd/{self._descriptor}")
        return found if self._descriptor is not None and found.exists() else self.path

    def _empty(self) -> None:
        """Delete all that it holds. A nested folder is moved up first, so that no depth is too deep."""
        while entries := self.scan():
            for entry in entries:
                if entry.kind != "folder":
                    os.unlink(self._at(entry.name), **self._relative())
                    continue
                with self._step(entry.name) as inner:
                    for each in inner.scan():
                        if each.kind == "folder":
                            inner.move(each.name, self, f"{UNPLACED}{secrets.token_hex(8)}")
                        else:
                            os.unlink(inner._at(each.name), **inner._relative())
                os.rmdir(self._at(entry.name), **self._relative())

    def _again(self) -> Folder:
        return Folder(self.path, None if self._descriptor is None else os.dup(self._descriptor))

    def _above(self, where: str) -> _Above:
        *folders, name = names_of(where) or [""]
        if not name:
            raise ValueError("a place inside a folder is needed")
        return _Above(self.enter("/".join(folders)), name)

    def _step(self, name: str) -> Folder:
        """One folder further down."""
        if not _RELATIVE:
            self._refuse_link(name)
            return Folder.open(self.path / name)
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | _PLAIN
            return Folder(self.path / name, os.open(name, flags, dir_fd=self._descriptor))
        except OSError:
            self._refuse_link(name)
            raise

    def _refuse_link(self, name: str) -> None:
        if self.kind(name) == "link":
            raise OSError(errno.ELOOP, "it is a link, and links inside a store are not followed", str(self.path / name))

    def _at(self, name: str) -> str:
        """How the system's calls name an entry."""
        return name if _RELATIVE else str(self.path / name)

    def _relative(self) -> dict[str, Any]:
        """Further arguments of the system's calls."""
        if not _RELATIVE:
            return {}
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the folder was closed", str(self.path))
        return {"dir_fd": self._descriptor}

    def _listable(self) -> Any:
        return self._relative()["dir_fd"] if _RELATIVE else self.path


class _Above:
    """The folder right above a place, and the place's last name; the folder is closed at the end of the block."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder = folder
        self._name = name

    def __enter__(self) -> tuple[Folder, str]:
        return self._folder, self._name

    def __exit__(self, *_: object) -> None:
        self._folder.close()
