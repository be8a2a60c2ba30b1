"""Adding a finding to a run that is whole: beside it first, then one rename, then run.json, which makes it count."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import zarr

from identify_core.errors import StoreError
from identify_core.findings import Figure, Finding
from identify_core.store import locks
from identify_core.store.arrays import remove_node
from identify_core.store.catalogue import Store
from identify_core.store.figures import describe_figure, write_figure_files
from identify_core.store.files import explained, sync_folder, sync_tree, write_json
from identify_core.store.findings import finding_entry, write_finding_group
from identify_core.store.layout import ARRAYS, FIGURES, RUN_FILE, encode_name
from identify_core.store.nodes import checksums, child_names
from identify_core.store.summary import RunSummary, read_summary

_WAIT = 30.0  # seconds for which a second evaluation of the same run waits for the first one's writing


def append_finding(
    store: Store,
    run: RunSummary,
    label: str,
    finding: Finding,
    *,
    evaluator: str,
    options: Mapping[str, Any],
    figures: Iterable[Figure] = (),
    replace: bool = False,
) -> RunSummary:
    """Add a finding to a committed run; whatever happens on the way, the run has all of it or none.

    Args:
        store: the store.
        run: a committed run.
        label: what the finding is called.
        finding: the finding.
        evaluator: the qualified name of the component that made it.
        options: that component's options, in plain types.
        figures: drawn from the finding.
        replace: whether a finding of that label may be replaced.

    Returns:
        The run as it is now.

    Raises:
        StoreError: the run is not committed or damaged, the label exists, or the run cannot be written.
    """
    if not run.committed:
        raise StoreError(f"the run {run.id} is {run.status}; findings are added to finished runs")
    with locks.acquire(store.lock_path(run.id), wait=_WAIT) as lock:
        now = read_summary(run.folder, lock=None)  # another evaluation may have added to it meanwhile
        if now.problem:
            raise StoreError(f"the run {run.id} cannot be added to: {now.problem}")
        if label in now.document.get("findings", {}) and not replace:
            raise StoreError(
                f"the run {run.id} already has a finding {label!r}",
                hint="choose another label, or say that it may be replaced",
            )
        with explained("add the finding", run.folder):
            document = _added(now, label, finding, evaluator=evaluator, options=options, figures=tuple(figures))
            write_json(run.folder / RUN_FILE, document)
            _remove_unlisted(run.folder / ARRAYS, document)
        lock.release(remove=True)
    return read_summary(run.folder, lock=None)


def _added(
    run: RunSummary,
    label: str,
    finding: Finding,
    *,
    evaluator: str,
    options: Mapping[str, Any],
    figures: tuple[Figure, ...],
) -> dict[str, Any]:
    """Put the finding's files in place, where nothing refers to them yet, and return the run.json that does."""
    document = dict(run.document)
    findings = dict(document.get("findings", {}))
    path = _free_path(run.folder / ARRAYS, label, findings)
    beside = run.folder / f".new-{secrets.token_hex(4)}"
    try:
        group = zarr.create_group(store=str(beside), zarr_format=3)
        write_finding_group(group, finding, evaluator=evaluator, options=options)
        sync_tree(beside)
        remove_node(run.folder / ARRAYS, path)
        os.replace(beside, run.folder / ARRAYS / path)
        sync_folder((run.folder / ARRAYS / path).parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    old = findings.get(label, {}).get("group", "")
    sums = {key: value for key, value in document.get("arrays", {}).items() if not old or not _is_in(key, old)}
    findings[label] = finding_entry(finding, evaluator=evaluator, group=path)
    entries = [describe_figure(label, figure) for figure in figures]
    for figure in figures:
        write_figure_files(run.folder / FIGURES, label, figure)
    kept = [entry for entry in document.get("figures", []) if entry["label"] != label]
    return document | {
        "findings": findings,
        "figures": kept + entries,
        "arrays": dict(sorted((sums | checksums(run.folder / ARRAYS, path)).items())),
    }


def _free_path(root: Path, label: str, findings: Mapping[str, Any]) -> str:
    """Where the group goes: `findings/<label>`, or `findings/<label>~2` while what it replaces has that name."""
    used = {str(entry["group"]) for entry in findings.values()}
    name = encode_name(label, [path.rpartition("/")[2] for path in used])
    path, generation = f"findings/{name}", 1
    while path in used:
        generation += 1
        path = f"findings/{name}~{generation}"
    return path


def _remove_unlisted(root: Path, document: Mapping[str, Any]) -> None:
    """Delete the groups of findings that run.json does not name: replaced ones, and what a crash left behind."""
    listed = {str(entry["group"]) for entry in document["findings"].values()}
    for name in child_names(root, "findings"):
        if f"findings/{name}" not in listed:
            remove_node(root, f"findings/{name}")


def _is_in(path: str, group: str) -> bool:
    return path == group or path.startswith(f"{group}/")
