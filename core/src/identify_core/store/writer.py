"""RunWriter: writes a run into the staging folder under a lock, and moves it among the runs when it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import zarr

from identify_core.errors import StoreError
from identify_core.findings import Figure, Finding
from identify_core.store import locks
from identify_core.store.arrays import placing, remove_node, remove_unplaced, write_array
from identify_core.store.cache import note_drawn
from identify_core.store.catalogue import Store
from identify_core.store.figures import describe_figure, without_figure, write_figure_files
from identify_core.store.files import explained
from identify_core.store.findings import finding_entry, write_finding_group
from identify_core.store.folder import Folder
from identify_core.store.index import note_commit
from identify_core.store.layout import (
    ARRAYS,
    FIGURES,
    FOLDERS,
    NEVER_BEGAN,
    REPORT_FILE,
    RUN_FILE,
    SCRATCH,
    SPEC_FILE,
    STAGING,
    Kind,
    encode_name,
    make_run_id,
    timestamp,
    utc_now,
)
from identify_core.store.nodes import checksums, is_within, replaced_checksums, unlisted_findings
from identify_core.store.records import write_record
from identify_core.store.samples import write_latents_node, write_samples_group, write_weights_group
from identify_core.store.summary import RunSummary, read_summary
from identify_core.store.verify import damaged_nodes

if TYPE_CHECKING:
    import numpy as np

    from identify_core.data import Latents, Samples

_OWN = ("format", "kind", "id", "sequence", "arrays", "files", "findings", "figures")
_GROUPS = ("samples", "latents", "ids", "weights", "history", "findings")


class RunWriter:
    """Writes one run; made by `create` or `resume`, and used as a context manager.

    Leaving the block without `commit` keeps the staging folder for `identify resume`. Every method may be called again
    after a crash: what it writes replaces what is there.

    Attributes:
        store: the store.
        id: the run's id.
        folder: the staging folder, and after `commit` the final one.
        scratch: a folder that survives a resume and goes with the commit.
        document: what run.json holds.
    """

    def __init__(self, store: Store, place: Folder, lock: locks.Lock, document: dict[str, Any]) -> None:
        self.store = store
        self.folder = place.path
        self.document = document
        self._place = place
        self._lock = lock

    @classmethod
    def create(cls, store: Store, *, name: str, plugin: str, kind: Kind = "run") -> RunWriter:
        """Begin a run under a new id, making the store if it is not there.

        Raises:
            StoreError: the store cannot be made, is not a store, or cannot be written.
        """
        store.create()
        with explained("begin a run", store.path):
            while (writer := cls._begin(store, name, plugin, kind)) is None:
                continue
        try:
            writer._make_groups()
        except BaseException:
            writer.close()
            raise
        return writer

    @classmethod
    def _begin(cls, store: Store, name: str, plugin: str, kind: Kind) -> RunWriter | None:
        """Make a staging folder with a run.json; None where the id is taken."""
        now = utc_now()
        identifier = make_run_id(name, now=now)
        document = {
            "kind": kind,
            "id": identifier,
            "name": name,
            "plugin": plugin,
            "status": "running",
            "created": timestamp(now),
            "finished": None,
        }
        with store.open_folder(STAGING) as staging:
            lock = locks.acquire(staging, f"{identifier}.lock")
            try:
                with store.open_folder(FOLDERS[kind]) as committed:
                    if staging.kind(identifier) or committed.kind(identifier):
                        lock.release()
                        return None
                staging.make_new(identifier)
                place = staging.enter(identifier)
                write_record(place, RUN_FILE, document)
            except BaseException:
                with suppress(OSError):
                    staging.remove(identifier)
                lock.release(remove=True)
                raise
        return cls(store, place, lock, document)

    @classmethod
    def resume(cls, store: Store, reference: str) -> RunWriter:
        """Take over a staged run whose process is gone; its status becomes running again.

        Raises:
            StoreError: there is none, it is still running, finished, or damaged.
        """
        if not reference.startswith("@") and (run := store.find_any(reference)).status == NEVER_BEGAN:
            verb = "run" if run.kind == "run" else "compare"
            raise StoreError(
                f"the {run.kind} {run.id} never began: its process ended before its spec was written",
                hint=f"start it again with `identify {verb}`; `identify runs prune` removes what is left of it",
            )
        run = store.find_any(reference, statuses=("interrupted", "failed"))
        if run.committed:
            raise StoreError(f"the {run.kind} {run.id} is {run.status} but not staged any more; it cannot be resumed")
        if SPEC_FILE in run.document.get("files", {}):
            run.read_spec()  # a changed spec is not trained
        lock = store.lock(run.id)
        try:
            writer = cls(store, _take_over(store, run), lock, dict(run.document))
            writer.write_document({"status": "running", "finished": None})
            writer._make_groups()
        except BaseException:
            lock.release()
            raise
        return writer

    def discard_damaged(self) -> dict[str, str]:
        """Let go of what is staged but is not what was written; a damaged finding goes with its line in run.json.

        Returns:
            What it was, `latents/h` or the label of a finding, to what is wrong with it.
        """
        gone = {}
        groups = {str(entry["group"]): label for label, entry in self.document.get("findings", {}).items()}
        for where, problem in damaged_nodes(self.folder / ARRAYS, self.document.get("arrays", {})).items():
            group = next((each for each in groups if is_within(where, each)), "")
            gone[groups.get(group, where)] = problem
            if group:
                self.document["findings"].pop(groups[group], None)
            self._forget_checksums(group or where)
        self.write_document({})
        return gone

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the run; what is staged stays."""
        self._place.close()
        self._lock.release()

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.document["id"])

    @property
    def scratch(self) -> Path:
        """A folder for what a component keeps while the run goes on; it is not part of the run."""
        return self.make_scratch()

    def make_scratch(self, part: str = "") -> Path:
        """A folder of the scratch folder, or that itself, made where it is missing."""
        where = f"{SCRATCH}/{part}" if part else SCRATCH
        with explained("write the run", self.folder / where), self._place.make(where) as folder:
            return folder.path

    def write_document(self, fields: Mapping[str, Any]) -> None:
        """Set top-level fields of run.json (provenance, scalars, warnings, status, …) and write it atomically."""
        if own := [key for key in fields if key in _OWN]:
            raise ValueError(f"run.json's {own[0]!r} is set by the writer itself")
        self.document.update(fields)
        with explained("write the run", self.folder):
            write_record(self._place, RUN_FILE, self.document)

    def write_spec(self, text: str) -> None:
        """Keep the resolved spec."""
        with explained("write the run", self.folder):
            self._place.write(SPEC_FILE, text.encode())
        self.document["files"] = {SPEC_FILE: hashlib.sha256(text.encode()).hexdigest()}

    def write_report(self, text: str) -> None:
        """Keep the report page."""
        with explained("write the run", self.folder):
            self._place.write(REPORT_FILE, text.encode())

    def write_samples(self, samples: Samples) -> None:
        """Keep ids, splits, factors, facts and the fingerprint; the columns come again from the dataset."""
        with self._fresh_group("samples") as group:
            write_samples_group(group, samples)

    def write_latents(self, latents: Latents, *, identified_up_to: str = "") -> None:
        """Keep latents.

        Args:
            latents: (R, n, d), or one (n, d_r) a replicate. Without ids of their own they are their split's samples.
            identified_up_to: the rung to note where the latents name none: the objective's.

        Raises:
            StoreError: their rows are not as many as their ids, or samples with that split were not written before.
        """
        with explained("write the run", self.folder):
            for path in write_latents_node(self._place, latents, identified_up_to=identified_up_to):
                self._note_checksums(path)

    def write_weights(self, state: Mapping[str, Any]) -> None:
        """Keep `Replicates.state()`: `parameters/<name>` and `buffers/<name>` to (R, ...)."""
        with self._fresh_group("weights") as group:
            write_weights_group(group, state)

    def write_history(self, history: Mapping[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]) -> None:
        """Keep what was logged: name to steps (S,) and values (S,) or (S, R)."""
        with self._fresh_group("history") as group:
            taken: list[str] = []
            for name, (steps, values) in history.items():
                taken.append(encode_name(name, taken))
                inner = group.create_group(taken[-1])
                write_array(inner, "steps", steps, ("step",))
                write_array(inner, "values", values, ("step", "replicate", "value")[: len(values.shape)])

    def write_finding(self, label: str, finding: Finding, *, evaluator: str, options: Mapping[str, Any]) -> None:
        """Keep a finding, and its summary, scalars and warnings in run.json.

        Raises:
            StoreError: another finding of this run has that label.
        """
        findings = self.document.setdefault("findings", {})
        name = encode_name(label, [entry["group"].rpartition("/")[2] for entry in findings.values()])
        with self._fresh_group(f"findings/{name}") as group:
            write_finding_group(group, finding, evaluator=evaluator, options=options)
        findings[label] = finding_entry(finding, evaluator=evaluator, group=f"findings/{name}")
        self.write_document({})

    def write_figure(self, label: str, figure: Figure) -> None:
        """Keep a figure of the finding `label`: a PNG and, where it is interactive, a page."""
        with explained("write the run", self.folder):
            write_figure_files(self._place, label, figure)
        entry = describe_figure(label, figure)
        self.document["figures"] = [*without_figure(self.document, entry), entry]
        self.write_document({})

    def commit(self, *, status: str = "finished") -> Path:
        """Make the run whole: checksums into run.json, everything to disk, one rename.

        Returns:
            The final folder.

        Raises:
            StoreError: it cannot be written; the staged run stays as it was.
        """
        final = self.store.path / FOLDERS[self.document["kind"]] / self.id
        with explained("finish the run", self.folder):
            try:
                # What a kill left between a finding's group and its line in run.json is not a part of the run.
                for path in unlisted_findings(self.folder / ARRAYS, self.document):
                    remove_node(self._place, path)
                    self._forget_checksums(path)
                sums = checksums(self.folder / ARRAYS, known=self.document.get("arrays"))
            except ValueError as error:
                raise StoreError(f"the run {self.id} cannot be finished: {error}") from error
            note_drawn(self._place)
            self._place.sync_all(without=SCRATCH)
            finished = self.document.get("finished") or timestamp(utc_now())  # noted already where a report says it
            whole = self.document | {"arrays": sums, "status": status, "finished": finished}
            home = final.parent.name
            with self.store.open_folder() as root, self.store.counted_commit(self.document["kind"]) as number:
                whole["sequence"] = number
                write_record(self._place, RUN_FILE, whole)
                root.move(f"{STAGING}/{self.id}", root, f"{home}/{self.id}")
                self.document = whole
                self.folder = final
                for folder in (home, STAGING):
                    with root.enter(folder) as each:
                        each.sync()
                note_commit(root, home, read_summary(final, lock=None))
                with suppress(OSError):
                    root.remove(f"{home}/{self.id}/{SCRATCH}")
        self._lock.release(remove=True)
        return final

    def _make_groups(self) -> None:
        with explained("write the run", self.folder):
            self._place.make(FIGURES).close()
            remove_unplaced(self._place)
            root = zarr.open_group(store=self._place.address / ARRAYS, mode="a", zarr_format=3)
            for name in _GROUPS:
                root.require_group(name)

    @contextmanager
    def _fresh_group(self, path: str) -> Iterator[zarr.Group]:
        with explained("write the run", self.folder), placing(self._place, path) as (parent, name):
            yield parent.create_group(name)
        self._note_checksums(path)

    def _note_checksums(self, path: str) -> None:
        """Note what was just written, so that damage is found before a resumed run goes on from it."""
        self.document["arrays"] = replaced_checksums(self.document.get("arrays", {}), self.folder / ARRAYS, path)

    def _forget_checksums(self, path: str) -> None:
        known = self.document.get("arrays", {})
        self.document["arrays"] = {each: value for each, value in known.items() if not is_within(each, path)}


def _take_over(store: Store, run: RunSummary) -> Folder:
    """The folder of a staged run; one with links in it is refused, because objectives write there by path."""
    with explained("resume the run", run.folder):
        try:
            place = store.open_run(run)
        except FileNotFoundError:
            raise StoreError(f"the run {run.id} was finished or removed by another process meanwhile") from None
        place.refuse_links()
        return place
