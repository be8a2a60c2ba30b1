"""RunSummary: what run.json says about a run, without touching its arrays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from identify_core.errors import StoreError
from identify_core.store.documents import RunDocument, structure_record
from identify_core.store.layout import FORMAT, NEVER_BEGAN, RUN_FILE, SPEC_FILE
from identify_core.store.locks import is_alive
from identify_core.store.records import read_record

_BRIEF = (
    "kind",
    "name",
    "plugin",
    "created",
    "finished",
    "sequence",
    "scalars",
    "warnings",
    "reason",
    "failures",
    "sweep",
)


@attrs.frozen(kw_only=True)
class RunSummary:
    """One run of a store, as a listing shows it.

    Args:
        id: the folder's name.
        folder: where the run is.
        committed: whether it is whole, under `runs/` or `comparisons/`; otherwise it is staged.
        status: running, finished, failed, interrupted, never began, or damaged.
        problem: why it is damaged; empty otherwise.
        brief: what a listing needs of run.json, in plain types; by default of the document.
        document: run.json in plain types with non-finite floats as floats; empty where it is damaged, and None where
            it is to be read when it is asked for.
    """

    id: str
    folder: Path
    committed: bool
    status: str
    problem: str = ""
    _document: Mapping[str, Any] | None = attrs.field(factory=dict, repr=False, alias="document")
    brief: Mapping[str, Any] = attrs.field(repr=False)

    @brief.default
    def _brief_of_document(self) -> Mapping[str, Any]:
        return brief_of(self._document or {})

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """What run.json holds, in plain types.

        Raises:
            StoreError: it has been damaged since the listing.
        """
        if self._document is not None:
            return self._document
        run = read_summary(self.folder, lock=None)
        if run.problem:
            raise StoreError(f"the run {self.id} cannot be read: {run.problem}")
        return run.document

    def read_spec(self) -> str:
        """The resolved spec as TOML.

        Raises:
            StoreError: it cannot be read, or it is not what was written.
        """
        try:
            text = (self.folder / SPEC_FILE).read_bytes()
            expected = self.document.get("files", {}).get(SPEC_FILE)
            if expected is not None and hashlib.sha256(text).hexdigest() != expected:
                raise ValueError("it changed since it was written: the checksum differs")
            return text.decode()
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the spec of the run {self.id} cannot be read: {error}",
                hint=f"put {SPEC_FILE} back as it was, or pass it to a new run with --spec",
            ) from error

    @property
    def name(self) -> str:
        """What its user called it."""
        return str(self.brief.get("name", ""))

    @property
    def plugin(self) -> str:
        """The plugin whose spec it ran; empty for imported representations."""
        return str(self.brief.get("plugin", ""))

    @property
    def created(self) -> str:
        """When the run began: UTC, ISO 8601; empty where it is not known."""
        return str(self.brief.get("created", ""))

    @property
    def finished(self) -> str:
        """When the run was committed; empty for one that was not."""
        return str(self.brief.get("finished") or "")

    @property
    def kind(self) -> str:
        """`run` or `comparison`."""
        return str(self.brief.get("kind", "run"))

    @property
    def scalars(self) -> dict[str, Any]:
        """The run's own headline numbers and those of its findings, the latter as `<label>/<scalar>`."""
        found = dict(self.brief.get("scalars", {}))
        for label, finding in self.brief.get("findings", {}).items():
            found |= {f"{label}/{name}": value for name, value in finding.get("scalars", {}).items()}
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the run said that could mislead."""
        return tuple(self.brief.get("warnings", ()))


def brief_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a listing needs of a run.json."""
    brief = {key: document[key] for key in _BRIEF if key in document}
    findings = document.get("findings", {})
    brief["findings"] = {
        label: {key: entry[key] for key in ("summary", "scalars") if key in entry} for label, entry in findings.items()
    }
    return brief


def read_summary(folder: Path, *, lock: Path | None) -> RunSummary:
    """Read a run's run.json; whatever is wrong with it becomes the summary's `problem`.

    Args:
        folder: the run's folder.
        lock: the lock file of a staged run; None for a committed one.
    """
    identifier = folder.name
    try:
        document = read_record(folder / RUN_FILE)
        problem = _problem(document, identifier)
    except FileNotFoundError:
        if lock is not None and is_alive(lock):
            return RunSummary(id=identifier, folder=folder, committed=False, status="running")
        document, problem = {}, f"it has no {RUN_FILE}"
        if _never_began(folder, lock):
            return RunSummary(id=identifier, folder=folder, committed=False, status=NEVER_BEGAN)
    except OSError as error:
        document, problem = {}, f"its {RUN_FILE} cannot be read: {error.strerror or error}"
    except ValueError as error:
        document, problem = {}, f"its {RUN_FILE} is damaged: {error}"
    if problem:
        return RunSummary(
            id=identifier, folder=folder, committed=lock is None, status="damaged", problem=problem, document={}
        )
    status = document["status"]
    if lock is not None and is_alive(lock):
        status = "running"
    elif _never_began(folder, lock):
        status = NEVER_BEGAN
    elif status == "running" or (lock is not None and status == "finished"):
        status = "interrupted"  # killed on the way, or on the last step between the final run.json and the rename
    return RunSummary(id=identifier, folder=folder, committed=lock is None, status=status, document=document)


def read_again(run: RunSummary) -> RunSummary:
    """A run as it says itself, where the index has told of it."""
    return read_summary(run.folder, lock=None) if run.committed else run


def changed_meanwhile(run: RunSummary) -> RunSummary | None:
    """A run as it is now, if it has other findings than `run` says: what was missing may only have been replaced."""
    lock = None if run.committed else run.folder.with_name(f"{run.folder.name}.lock")
    again = read_summary(run.folder, lock=lock)
    return again if _contents(again) != _contents(run) else None


def _contents(run: RunSummary) -> object:
    findings = run.document.get("findings", {})
    return run.problem, run.document.get("arrays"), {label: entry.get("group") for label, entry in findings.items()}


def _never_began(folder: Path, lock: Path | None) -> bool:
    """Whether a staged run, whose process is gone, has no spec yet: it was killed or out of disk at its beginning."""
    return lock is not None and not os.path.lexists(folder / SPEC_FILE)


def _problem(document: Mapping[str, Any], identifier: str) -> str:
    version = document.get("format")
    if not isinstance(version, int) or isinstance(version, bool):
        return f"its {RUN_FILE} has no format number"
    if version > FORMAT:
        return f"it has format {version}, written by a newer version of identify; this one reads up to {FORMAT}"
    try:
        structure_record(document, RunDocument)
    except ValueError as error:
        return f"its {RUN_FILE} is damaged: {error}"
    if document["id"] != identifier:
        return f"its folder is {identifier!r} but its {RUN_FILE} says {document['id']!r}"
    return ""


def began(run: RunSummary) -> str:
    """When a run began: UTC, ISO 8601; of a damaged run what its id says, empty where that says nothing."""
    return run.created or _time_in(run.id)


def _time_in(identifier: str) -> str:
    """The time at the head of a run id, in the shape of `created`, to place damaged runs among the others."""
    digits = identifier[:8] + identifier[9:15]
    if len(digits) != 14 or not digits.isdigit():
        return ""
    y, mo, d, h, mi, s = digits[:4], digits[4:6], digits[6:8], digits[8:10], digits[10:12], digits[12:]
    return f"{y}-{mo}-{d}T{h}:{mi}:{s}Z"  # after all that say a fraction of that second
