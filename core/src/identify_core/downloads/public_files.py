"""Public data files: where they are looked for, how they are checked, and their download where a user asks for it.

A dataset names the file that it wants and, from the user's option, the folder. Nothing is downloaded unless the user
says so; whatever is found is checked before it is read.

Example:
    DIGITS = PublicFile(name="digits.zip", url="https://…", sha256="…", size=1_234, licence="CC BY 4.0", source="doi …")

    def make_digits(options, context):
        places = FilePlaces(collection="digits", folder=options.folder)
        path = obtain_file(DIGITS, places, context, download=options.download)
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from identify_core.downloads.transfers import PublicFile, ResumingDownloader, file_sum, part_path
from identify_core.errors import Interrupted, RunError, StoreError
from identify_core.optional_packages import require_package

if TYPE_CHECKING:
    from collections.abc import Iterable

    from identify_core.contexts.context import Context

DATA_VARIABLE = "IDENTIFY_DATA"


@attrs.frozen(kw_only=True)
class FilePlaces:
    """The folders in which the files of one dataset are looked for.

    Args:
        collection: the dataset's own folder name below a folder that holds several datasets.
        folder: the folder that the user named; empty for none. A leading `~` is the user's home.
    """

    collection: str
    folder: str = ""

    @property
    def folders(self) -> tuple[Path, ...]:
        """In the order of looking: the user's folder, those of the environment variable, the cache."""
        found = [Path(self.folder).expanduser()] if self.folder else []
        variable = os.environ.get(DATA_VARIABLE, "")
        if variable:
            found += [Path(variable).expanduser() / self.collection, Path(variable).expanduser()]
        if importlib.util.find_spec("pooch") is not None:
            found.append(self._cache)
        return tuple(found)

    @property
    def target(self) -> Path:
        """Where a download goes: the user's folder, else the environment variable's, else the cache."""
        folders = self.folders
        return folders[0] if folders else self._cache

    def find(self, *names: str) -> Path | None:
        """The first file of one of these names, folder by folder; None where there is none."""
        for folder in self.folders:
            for name in names:
                if (folder / name).is_file():
                    return folder / name
        return None

    @property
    def _cache(self) -> Path:
        import pooch

        return Path(pooch.os_cache("identify")) / self.collection


def obtain_file(
    file: PublicFile,
    places: FilePlaces,
    context: Context,
    *,
    download: bool = False,
    option: str = "dataset.download = true",
    alternatives: Iterable[str] = (),
) -> Path:
    """The file, found and checked, or downloaded where that is allowed.

    Args:
        file: what is wanted.
        places: where it is looked for; the first of them is where a download goes.
        context: shows the progress of a download, and may stop it.
        download: whether the user allows it.
        option: what the user sets to allow it, for the message.
        alternatives: names of other files that would do, for the message.

    Raises:
        RunError: the file is nowhere and may not be downloaded, it is incomplete or another one than it should be, or
            the download failed.
        UsageError: a download needs pooch, which is not installed.
        Interrupted: the user stopped the download; what has come is kept.
    """
    found = places.find(file.name)
    if found is None:
        if not download or not file.url:
            raise missing_file(file, places, option=option, alternatives=alternatives)
        found = _download(file, places.target, context)
    check_file(found, file)
    return found


def missing_file(
    file: PublicFile,
    places: FilePlaces,
    *,
    option: str = "dataset.download = true",
    alternatives: Iterable[str] = (),
) -> RunError:
    """The error that says which file is wanted, everywhere it was looked for, and how to get it."""
    names = " or ".join((file.name, *alternatives))
    looked = ", ".join(str(folder) for folder in places.folders) or "no folder at all"
    parts = [part_path(folder / file.name) for folder in places.folders]
    begun = next((part for part in parts if part.is_file()), None)
    message = f"there is no {names} in {looked}"
    if begun is not None:
        whole = f" of {file.size}" if file.size else ""
        message += f"; a download has begun there and stopped after {begun.stat().st_size}{whole} bytes"
    if not file.url:
        known = ", ".join(part for part in (file.terms, file.sha256 and f"SHA-256 {file.sha256}") if part)
        return RunError(message, hint=f"put it into one of these folders by hand ({known})" if known else "")
    fetch = "let it go on" if begun is not None else "download it"
    return RunError(
        message,
        hint=f"set {option} to {fetch} ({file.terms}), or fetch it by hand and name its folder with dataset.folder or "
        f"the environment variable {DATA_VARIABLE}",
    )


def check_file(path: Path, file: PublicFile) -> None:
    """Refuse a file that is incomplete, or another one than was published or first downloaded.

    Raises:
        RunError: with both sizes, or both checksums.
    """
    again = f"delete it and fetch it again from {file.url}" if file.url else "delete it and fetch it again"
    size = path.stat().st_size
    if file.size and size < file.size:
        raise RunError(f"{path} is incomplete: it has {size} of {file.size} bytes", hint=again)
    recorded = recorded_sum(path)
    expected = file.sha256 or recorded
    if not expected:
        return
    actual = file_sum(path)
    if actual != expected:
        whose = "it should be" if file.sha256 else "it was when it was first downloaded"
        raise RunError(f"{path} is not what {whose}: its SHA-256 is {actual}, expected {expected}", hint=again)


def recorded_sum(path: Path) -> str:
    """The checksum that was recorded next to a file at its first download; empty where there is none."""
    record = _record_path(path)
    if not record.is_file():
        return ""
    words = record.read_text(encoding="utf-8").split()
    return words[0] if words else ""


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _download(file: PublicFile, folder: Path, context: Context) -> Path:
    """Download into a folder, one process at a time; what another process has fetched meanwhile will do."""
    require_package("pooch", purpose=f"downloading {file.name}", extra="fetch")
    from identify_core.store.folder import Folder
    from identify_core.store.locks import acquire

    path = folder / file.name
    lock = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while lock is None:
            try:
                with Folder.open(folder) as opened:
                    lock = acquire(opened, f"{file.name}.lock")
            except StoreError as error:
                if isinstance(error.__cause__, OSError):
                    raise error.__cause__ from error
                context.display.message(f"waiting for another process, which is downloading {file.name}")
                if context.should_stop():
                    raise Interrupted(f"stopped while another process was downloading {file.name}") from error
        if not path.is_file():
            _retrieve(file, folder, context)
    except OSError as error:
        raise RunError(
            f"{file.name} cannot be written to {folder}: {error.strerror or error}",
            hint=f"name another folder with dataset.folder or the environment variable {DATA_VARIABLE}",
        ) from error
    finally:
        if lock is not None:
            lock.release(remove=True)
    return path


def _retrieve(file: PublicFile, folder: Path, context: Context) -> None:
    import logging

    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # its news would break into the progress display
    try:
        pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}" if file.sha256 else None,
            fname=file.name,
            path=folder,
            downloader=ResumingDownloader(file=file, folder=folder, context=context),
        )
    finally:
        logger.setLevel(level)
    if not file.sha256:
        path = folder / file.name
        _record_path(path).write_text(f"{file_sum(path)}  {file.name}\n", encoding="utf-8")
        context.warn(
            f"nobody published a checksum of {file.name}: the SHA-256 of this download is kept next to it, and a later "
            "change will be refused"
        )
