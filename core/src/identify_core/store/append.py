"""RunAppender: adds findings and figures to a run that is whole.

Files are first written elsewhere and go into place by one rename, where nothing refers to them yet; the new run.json
makes them count. Whatever happens on the way, the run has all of a finding or none of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from identify_core.errors import StoreError
from identify_core.findings import Figure, Finding
from identify_core.store.arrays import placing, remove_node
from identify_core.store.cache import note_drawn
from identify_core.store.catalogue import Store
from identify_core.store.figures import describe_figure, without_figure, write_figure_files
from identify_core.store.files import explained
from identify_core.store.findings import finding_entry, write_finding_group
from identify_core.store.folder import Folder
from identify_core.store.layout import ARRAYS, REPORT_FILE, RUN_FILE, encode_name
from identify_core.store.nodes import replaced_checksums, unlisted_findings
from identify_core.store.records import write_record
from identify_core.store.summary import RunSummary, read_summary

_WAIT = 30.0  # seconds for which a second evaluation of the same run waits for the first one's writing


class RunAppender:
    """Adds to one committed run; the run is locked only while something is written.

    Args:
        store: the store.
        run: a committed run.
        replace: whether findings whose label exists may be replaced.

    Raises:
        StoreError: the run is not committed, damaged, or a link.
    """

    def __init__(self, store: Store, run: RunSummary, *, replace: bool = False) -> None:
        if not run.committed or run.problem:
            raise StoreError(
                f"the run {run.id} is {run.status}{': ' if run.problem else ''}{run.problem}; "
                "findings are added to finished runs"
            )
        with explained("add to the run", run.folder):
            store.open_run(run).close()
        self.store = store
        self._run = run
        self.folder = run.folder
        self.id = run.id
        self._replace = replace
        self._written: dict[str, str] = {}  # label to the group of the finding that this appender wrote last

    def write_finding(self, label: str, finding: Finding, *, evaluator: str, options: Mapping[str, Any]) -> None:
        """Add a finding; one that it replaces goes with its figures.

        Args:
            label: what the finding is called.
            finding: the finding.
            evaluator: the qualified name of the component that made it.
            options: that component's options, in plain types.

        Raises:
            StoreError: the label exists and may not be replaced, or the run cannot be written.
        """
        with self._document() as (place, document):
            findings = document.setdefault("findings", {})
            if label in findings and not self._replace:
                raise StoreError(
                    f"the run {self.id} already has a finding {label!r}",
                    hint="choose another label, or say that it may be replaced",
                )
            old = findings.get(label, {}).get("group")
            path = self._free_path(label, findings)
            with placing(place, path, sync=True) as (parent, name):
                write_finding_group(parent.create_group(name), finding, evaluator=evaluator, options=options)
            document["arrays"] = replaced_checksums(document["arrays"], self.folder / ARRAYS, path, old=old)
            document["figures"] = [entry for entry in document.get("figures", []) if entry["label"] != label]
            findings[label] = finding_entry(finding, evaluator=evaluator, group=path)
            self._written[label] = path

    def write_figure(self, label: str, figure: Figure) -> None:
        """Add a figure of the finding `label`, replacing one of that name.

        Where another process has replaced that finding meanwhile, the run has the figures of its finding instead.
        """
        with self._document() as (place, document):
            group = document.get("findings", {}).get(label, {}).get("group")
            if self._written.get(label, group) != group:
                return
            note_drawn(place, write_figure_files(place, label, figure))
            entry = describe_figure(label, figure)
            document["figures"] = [*without_figure(document, entry), entry]

    def write_report(self, render: Callable[[Path], str]) -> None:
        """Replace the report page by one that shows the run as it is, which nobody changes meanwhile.

        Args:
            render: makes the page of the run in a folder.
        """
        lock = self.store.lock(self.id, wait=_WAIT)
        try:
            with explained("write the report", self.folder), self._open() as place:
                place.write(REPORT_FILE, render(self.folder).encode())
                note_drawn(place, [REPORT_FILE])
        finally:
            lock.release(remove=True)

    @contextmanager
    def _document(self) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """Hold the run's lock, hand out its folder and its run.json as it is now; write that back if all goes well."""
        lock = self.store.lock(self.id, wait=_WAIT)
        try:
            with explained("add to the run", self.folder), self._open() as place:
                run = read_summary(self.folder, lock=None)  # another evaluation may have added to it meanwhile
                if run.problem:
                    raise StoreError(f"the run {self.id} cannot be added to: {run.problem}")
                document = dict(run.document)
                document.setdefault("arrays", {})
                yield place, document
                write_record(place, RUN_FILE, document)
                for path in unlisted_findings(self.folder / ARRAYS, document):
                    remove_node(place, path)
        finally:
            lock.release(remove=True)

    def _open(self) -> Folder:
        try:
            return self.store.open_run(self._run)
        except FileNotFoundError:
            raise StoreError(f"the run {self.id} was removed meanwhile; nothing is added to it") from None

    def _free_path(self, label: str, findings: Mapping[str, Any]) -> str:
        """`findings/<label>`, or `findings/<label>~<hex>` where a finding is replaced.

        No group takes the place of another: whoever reads the old one finds all of it or none.
        """
        used = {str(entry["group"]) for entry in findings.values()}
        path = f"findings/{encode_name(label, [each.rpartition('/')[2] for each in used])}"
        return f"{path}~{secrets.token_hex(4)}" if label in findings else path
