"""The names that a store is made of: folders, files, run ids, and how any name becomes a safe file name.

<store>/store.json                  the marker, with the format version
<store>/runs/<id>/                  finished runs, each moved here by one os.replace
<store>/comparisons/<id>/           the same shape
<store>/{runs,comparisons}.index    what a listing shows of them; a cache that is made again at need
<store>/staging/<id>/               runs that are being written, or whose process is gone
<store>/staging/<id>.lock           held by the process that writes the run
<store>/staging/.scratch-<id>-…     checkpoints of an evaluation of a finished run, and its lock

<id>/run.json                       status, provenance, scalars, checksums
<id>/spec.toml                      the resolved spec
<id>/figures/  <id>/report.html
<id>/scratch/                       checkpoints; only while the run is staged
<id>/arrays.zarr/
    samples/{ids, splits/<name>, factors/<name>}
    latents/<name>                  (replicate, sample, latent); where widths differ a group of <r>: (sample, latent)
    ids/<digest>                    sample ids of latents that are not those of a split of the samples
    weights/<name>                  (replicate, ...)
    history/<name>/{steps, values}
    findings/<label>/<array>        tables, scalars and conventions are the group's attributes
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeVar
from urllib.parse import quote, unquote

from identify_core.errors import StoreError

FORMAT = 2

STORE_FILE = "store.json"
STAGING = "staging"
FOLDERS = {"run": "runs", "comparison": "comparisons"}

RUN_FILE = "run.json"
SPEC_FILE = "spec.toml"
REPORT_FILE = "report.html"
ARRAYS = "arrays.zarr"
FIGURES = "figures"
MANIFEST_FILE = "drawn.json"
SCRATCH = "scratch"
NODE_FILE = "zarr.json"
SCRATCH_OF = ".scratch-"  # how the scratch folder of an evaluation of a finished run begins, in staging/
UNPLACED = ".new-"  # how the folder of a node begins that is not yet whole and in its place

Kind = Literal["run", "comparison"]
Status = Literal["running", "finished", "failed", "interrupted"]
STATUSES: tuple[Status, ...] = ("running", "finished", "failed", "interrupted")
NEVER_BEGAN = "never began"  # what a staged run is called whose process ended before its spec was written

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NAME_IN_PLACE = r"(?!\.{1,2}(?:/|\Z))[^/\\:\0]+"  # not `.` or `..`, and without backslash, colon and zero
_PLACE = re.compile(f"{_NAME_IN_PLACE}(?:/{_NAME_IN_PLACE})*")
_LONGEST_NAME = 60


def is_safe_id(text: str) -> bool:
    """Whether `text` can name a folder of a store: no separator, no leading dot, no `..`."""
    return _SAFE_ID.fullmatch(text) is not None and ".." not in text


def check_place(text: str) -> str:
    """Return `text` unchanged if it is a place inside a folder: relative, with slashes, never upwards.

    Raises:
        ValueError: it could lead out of the folder.
    """
    if not _PLACE.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a place inside the run's folder")
    return text


def check_id(text: str) -> str:
    """Return `text` unchanged if it is fit to be joined to a path.

    Raises:
        StoreError: it could reach outside the store.
    """
    if not is_safe_id(text):
        raise StoreError(
            f"{text!r} is not a run id: ids are letters, digits, '-', '_' and '.', and never contain '..' or a slash",
            hint="`identify runs ls` lists the ids",
        )
    return text


def is_of_a_store(name: str) -> bool:
    """Whether something of this name in a folder may be what a store has begun to make there."""
    return name in (STAGING, *FOLDERS.values()) or name.startswith((UNPLACED, f".{STORE_FILE}."))


class Named(Protocol):
    """What a reference may mean: a run, a comparison or a sweep."""

    @property
    def id(self) -> str:
        """As `make_run_id` makes it."""

    @property
    def name(self) -> str:
        """What its spec calls it."""


N = TypeVar("N", bound=Named)


def match_reference(reference: str, things: Sequence[N]) -> list[N]:
    """Those of the first way of matching that matches any: whole id, name, beginning of the id, end of it."""
    for matches in (
        [each for each in things if each.id == reference],
        [each for each in things if each.name == reference],
        [each for each in things if each.id.startswith(reference)],
        [each for each in things if each.id.endswith(reference)],
    ):
        if matches:
            return matches
    return []


def make_run_id(name: str, *, now: datetime) -> str:
    """`<yyyymmdd-hhmmss>-<name>-<4 hex>`: sorts by time, says what it is, and is told apart by the random end."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_NAME].strip("-") or "run"
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{words}-{secrets.token_hex(2)}"


def utc_now() -> datetime:
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """UTC in ISO 8601 with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode_name(name: str, taken: Collection[str] = ()) -> str:
    """A file name for a parameter, a history or a label; `decode_name` gives the name back.

    Args:
        name: any non-empty text.
        taken: file names already in the folder. Where one differs only by case, capitals are escaped too, because
            macOS and Windows would take the two for one file.

    Raises:
        StoreError: the name is empty or its file name would be longer than 255 bytes.
    """
    if not name:
        raise StoreError("an array needs a name; an empty one was given")
    encoded = quote(name, safe="+=,()[]@")
    if encoded.startswith(".") or encoded.endswith(".") or encoded == NODE_FILE:
        encoded = encoded.replace(".", "%2E")
    if any(other != encoded and other.casefold() == encoded.casefold() for other in taken):
        encoded = re.sub("%[0-9A-F]{2}|[A-Z]", lambda m: m[0] if len(m[0]) == 3 else f"%{ord(m[0]):02X}", encoded)
    if len(encoded.encode()) > 255:
        raise StoreError(f"the name {name!r} is too long to be stored: its file name would have {len(encoded)} bytes")
    return encoded


def decode_name(encoded: str) -> str:
    """The name that `encode_name` made `encoded` from."""
    return unquote(encoded)
