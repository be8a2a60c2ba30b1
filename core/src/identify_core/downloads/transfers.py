"""Published files and their downloads over HTTP, which go on where they broke off, for pooch."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from identify_core.errors import Interrupted, RunError

if TYPE_CHECKING:
    from identify_core.contexts.context import Context
    from identify_core.contexts.display import Progress

_READ = 1 << 20
_BLOCK = 1 << 16
_TIMEOUT = (20.0, 60.0)  # seconds to connect, and between two blocks
_BUSY = {408, 425, 429, 500, 502, 503, 504}  # statuses that a later attempt may not meet


@attrs.frozen(kw_only=True)
class PublicFile:
    """A file that its authors publish.

    Args:
        name: the file's name in the folders where it is looked for.
        url: its official address; empty where it has to be made or fetched by hand.
        sha256: its checksum in hexadecimal digits; empty where nobody published one. Then the sum of the first
            download is kept next to the file, and a later change is refused.
        size: in bytes; 0 where it is not known.
        licence: under which it may be used.
        source: whom to cite, or the page that describes it.
    """

    name: str
    url: str = ""
    sha256: str = ""
    size: int = 0
    licence: str = ""
    source: str = ""

    @property
    def terms(self) -> str:
        """Address, size, licence and source, as far as they are known."""
        size = f"{self.size / 1e6:.1f} MB" if self.size else ""
        return ", ".join(part for part in (self.url, size, self.licence, self.source) if part)


def file_sum(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ):
            digest.update(block)
    return digest.hexdigest()


def part_path(path: Path) -> Path:
    """Where the part of a download that has come is kept until it is complete."""
    return path.with_name(f"{path.name}.part")


class _TransferError(Exception):
    """The connection ended before the file did."""


@attrs.frozen(kw_only=True)
class ResumingDownloader:
    """A downloader for `pooch.retrieve` that keeps what has come, and asks for the rest with a range request.

    A part goes on only where the server confirms that the file is still the same one (`If-Range`, RFC 9110, section
    13.1.5), or where a published checksum will tell; otherwise it begins again.

    Args:
        file: what is downloaded.
        folder: where it goes; the part that has come lies there as `<name>.part`.
        context: shows the progress and may stop the download.
        attempts: gives up after so many attempts in a row without progress.
        pause: seconds before the second attempt; doubled for each further one.
    """

    file: PublicFile
    folder: Path
    context: Context
    attempts: int = 4
    pause: float = 1.0

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Download `url`, check it and move it to `output_file`.

        Raises:
            RunError: the server refuses, the connection fails again and again, or the sum is another one.
            Interrupted: the user asked to stop.
        """
        import requests

        broken = requests.exceptions.ChunkedEncodingError
        transient = (requests.ConnectionError, requests.Timeout, broken, _TransferError)
        idle = 0
        with self.context.progress(f"downloading {self.file.name}", self.file.size or None, "bytes") as bar:
            bar.advance(self._come)
            while True:
                before = self._come
                try:
                    self._go_on(url, bar)
                    break
                except transient as error:
                    idle = 0 if self._come > before else idle + 1
                    if idle >= self.attempts:
                        raise self._failed(url, error) from error
                    time.sleep(self.pause * 2 ** max(0, idle - 1))
                except requests.RequestException as error:
                    raise self._failed(url, error) from error
        self._check()
        self._validator_path.unlink(missing_ok=True)
        os.replace(self._part, output_file)

    @property
    def _part(self) -> Path:
        return part_path(self.folder / self.file.name)

    @property
    def _validator_path(self) -> Path:
        return self._part.with_name(f"{self._part.name}.json")

    @property
    def _come(self) -> int:
        """Bytes that have come so far."""
        return self._part.stat().st_size if self._part.is_file() else 0

    def _go_on(self, url: str, bar: Progress) -> None:
        """One request, for all or for the rest."""
        import requests

        headers = {"Accept-Encoding": "identity"}  # ranges and lengths count the file's own bytes
        if self._come:
            validator = self._validator(url)
            if validator or self.file.sha256:
                headers["Range"] = f"bytes={self._come}-"
            if validator:
                headers["If-Range"] = validator
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == 416:  # nothing lies behind what has come
                if response.headers.get("Content-Range") != f"bytes */{self._come}":
                    self._begin_again(bar)
                    raise _TransferError("the part that had come is longer than the file")
                return
            if response.status_code in _BUSY:
                raise _TransferError(f"the server answers {response.status_code} {response.reason}")
            if response.status_code not in (200, 206):
                raise RunError(
                    f"{url} answers {response.status_code} {response.reason} for {self.file.name}", hint=self._by_hand
                )
            if response.status_code == 200:
                self._begin_again(bar)
                self._keep_validator(url, response)
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {self._come}-"):
                self._begin_again(bar)
                raise _TransferError("the server sent another part than the one it was asked for")
            self._receive(response, bar)

    def _receive(self, response: Any, bar: Progress) -> None:
        length = response.headers.get("Content-Length")
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        total = None if length is None or encoded else self._come + int(length)
        with self._part.open("ab") as part:
            for block in response.iter_content(_BLOCK):
                part.write(block)
                bar.advance(len(block))
                if self.context.should_stop():
                    raise Interrupted(
                        f"stopped while downloading {self.file.name}: {part.tell()} bytes are kept",
                        hint="run it again to go on from there",
                    )
        if total is not None and self._come < total:
            raise _TransferError(f"{self._come} of {total} bytes have come")

    def _begin_again(self, bar: Progress) -> None:
        bar.advance(-self._come)
        self._part.unlink(missing_ok=True)
        self._validator_path.unlink(missing_ok=True)

    def _validator(self, url: str) -> str:
        """What the server said of the file whose part has come; empty where that is not known."""
        if not self._validator_path.is_file():
            return ""
        kept = json.loads(self._validator_path.read_text(encoding="utf-8"))
        return str(kept["validator"]) if kept["url"] == url else ""

    def _keep_validator(self, url: str, response: Any) -> None:
        tag = response.headers.get("ETag", "")
        validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
        self._validator_path.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def _check(self) -> None:
        """Refuse another file than the published one, and keep nothing of it."""
        actual = file_sum(self._part)
        if self.file.sha256 and actual != self.file.sha256:
            self._part.unlink()
            self._validator_path.unlink(missing_ok=True)
            raise RunError(
                f"what {self.file.url} gave is not the published {self.file.name}: its SHA-256 is {actual}, expected "
                f"{self.file.sha256}; it was not kept",
                hint=self._by_hand,
            )

    def _failed(self, url: str, error: Exception) -> RunError:
        reason = _in_words(error)
        if not self._come:
            return RunError(f"{self.file.name} cannot be downloaded from {url}: {reason}", hint=self._by_hand)
        return RunError(
            f"the download of {self.file.name} from {url} broke off after {self._come} bytes: {reason}",
            hint=f"run it again to go on from there, or {self._by_hand}",
        )

    @property
    def _by_hand(self) -> str:
        where = f" ({self.file.source})" if self.file.source else ""
        return f"fetch it by hand{where} and put it into {self.folder}"


def _in_words(error: BaseException) -> str:
    """What went wrong: the operating system's own words, which lie some exceptions below, where there are any."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer came in time"
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError) and below.strerror:
            return below.strerror
        below = below.__cause__ or below.__context__
    return "the connection broke" if isinstance(error, requests.exceptions.ChunkedEncodingError) else str(error)
