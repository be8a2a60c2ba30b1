"""Verification of a run: every file that should be there is, and holds the bytes that were written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from identify_core.store.cache import check_cache
from identify_core.store.folder import Folder
from identify_core.store.layout import ARRAYS, FIGURES, NODE_FILE, RUN_FILE
from identify_core.store.nodes import Node, checksum, is_within, read_node, unlisted_findings, value_files, walk
from identify_core.store.summary import RunSummary, changed_meanwhile


def verify_run(run: RunSummary) -> list[str]:
    """Everything that is wrong with a run, one sentence each; empty where all is well.

    A run is held against its checksums. A staged one has those of what it wrote; of the rest, and while a process is
    at it, only the metadata is looked at.

    Args:
        run: any run of a store, damaged ones too.
    """
    while True:
        if run.problem:
            return [run.problem]
        problems = list(_problems(run))
        again = changed_meanwhile(run) if problems else None  # a finding may have been replaced while it was read
        if again is None:
            return problems
        run = again


def _problems(run: RunSummary) -> Iterator[str]:
    root = run.folder / ARRAYS
    expected: Mapping[str, Any] = run.document.get("arrays", {})
    if not root.is_dir():
        yield f"{ARRAYS} is missing"
        return
    unlisted = unlisted_findings(root, run.document)  # of no effect, and deleted by prune or by the next evaluation
    at_rest = run.committed or run.status != "running"
    seen = set()
    for path, node, problem in walk(root):
        where = path or "."
        if any(is_within(path, group) for group in unlisted):
            continue
        seen.add(where)
        if node is None:
            yield f"{where}: {problem}"
        elif (run.committed or (at_rest and where in expected)) and (
            difference := _difference(node, expected.get(where))
        ):
            yield f"{where}: {difference}"
    for where in sorted(set(expected) - seen) if at_rest else ():
        yield f"{where}: it is missing"
    if run.committed:
        yield from _check_files(run, expected)


def damaged_nodes(root: Path, expected: Mapping[str, str]) -> dict[str, str]:
    """Path to what is wrong with it, for each node that is not what was written.

    Args:
        root: the folder arrays.zarr.
        expected: path to checksum.
    """
    found = {}
    for where, written in expected.items():
        try:
            problem = _difference(read_node(root, "" if where == "." else where), written)
        except FileNotFoundError:
            problem = "it is missing"
        except (OSError, ValueError) as error:
            problem = str(error)
        if problem:
            found[where] = problem
    return found


def _difference(node: Node, expected: object) -> str:
    """What is different from what was written; empty where nothing is."""
    if expected is None:
        return f"{RUN_FILE} does not list it"
    try:
        found = checksum(node)
        count = len(value_files(node)) if node.is_array else 0
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    if node.is_array and count < node.file_count:
        return f"{node.file_count - count} of its {node.file_count} chunks are missing"
    if found == expected:
        return ""
    what = f"its chunks or its {NODE_FILE}" if node.is_array else f"its {NODE_FILE}"
    return f"{what} changed since it was written: the checksum differs"


def _check_files(run: RunSummary, expected: Mapping[str, Any]) -> Iterator[str]:
    for label, entry in run.document.get("findings", {}).items():
        if entry.get("group") not in expected:
            yield f"the finding {label!r} has no group {entry.get('group')!r}"
    for name, digest in run.document.get("files", {}).items():
        try:
            content = (run.folder / name).read_bytes()
        except OSError as error:
            yield f"{name}: it cannot be read: {error.strerror or error}"
            continue
        if hashlib.sha256(content).hexdigest() != digest:
            yield f"{name}: it changed since it was written: the checksum differs"
    with Folder.open(run.folder) as folder:
        cached = check_cache(folder)
    yield from (f"{name}: {problem}" for name, problem in cached.items())
    for entry in run.document.get("figures", []):
        for name in (entry.get("static"), entry.get("interactive")):
            if name and name not in cached and not (run.folder / name).is_file():
                yield f"{name}: it is missing from {FIGURES}"
