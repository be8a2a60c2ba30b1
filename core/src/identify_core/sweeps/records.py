"""The record of a sweep in a store: what was planned, written whole before the first run, and why runs failed.

<store>/sweeps/<id>/sweep.json      settings, combinations and the ends of runs that left nothing in the store
<store>/sweeps/<id>/spec.toml       the spec with its sweep
<store>/sweeps/<id>/specs/001.toml  the spec of each combination: what its run executes
<store>/sweeps/<id>/figures/        pictures of the settings against the runs' headline numbers

The runs themselves lie among all others; the field `sweep` of their run.json says which combination they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from identify_core.errors import StoreError
from identify_core.store import Store
from identify_core.store.files import explained
from identify_core.store.folder import Folder
from identify_core.store.layout import (
    FORMAT,
    STAGING,
    UNPLACED,
    is_safe_id,
    make_run_id,
    match_reference,
    timestamp,
    utc_now,
)
from identify_core.store.records import parse_record, write_record

if TYPE_CHECKING:
    from identify_core.sweeps.combinations import Plan

SWEEPS = "sweeps"
SWEEP_FILE = "sweep.json"


@attrs.frozen(kw_only=True)
class StoredSweep:
    """A sweep of a store.

    Args:
        folder: where its record is.
        document: sweep.json in plain types.
    """

    folder: Path
    document: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def name(self) -> str:
        """The name of the spec that it varies."""
        return str(self.document["name"])

    @property
    def settings(self) -> tuple[str, ...]:
        """What it varies, as dotted key paths."""
        return tuple(self.document["settings"])

    @property
    def combinations(self) -> Sequence[Mapping[str, Any]]:
        """Of each combination `index`, `name`, `values`, `spec_hash` and `spec_signature`, in order."""
        found: Sequence[Mapping[str, Any]] = self.document["combinations"]
        return found

    @property
    def ends(self) -> Mapping[str, Any]:
        """Index as text to why that run failed, where it may have left nothing in the store."""
        found: Mapping[str, Any] = self.document.get("ends", {})
        return found

    @property
    def figures(self) -> Path:
        """The folder of its pictures."""
        return self.folder / "figures"

    def spec_file(self, index: int) -> Path:
        """The spec of a combination."""
        return self.folder / "specs" / f"{index:03d}.toml"


def write_sweep(store: Store, plan: Plan, signatures: Mapping[int, str] | None = None) -> StoredSweep:
    """Record a planned sweep under a new id, making the store if it is not there.

    Args:
        store: where.
        plan: the combinations.
        signatures: combination's number to this user's signature of its spec, where that names code or files.

    Raises:
        StoreError: the store cannot be made, is not a store, or cannot be written.
    """
    store.create()
    now = utc_now()
    with (
        explained("record the sweep", store.path),
        store.open_folder(STAGING) as staging,
        _made(store) as sweeps,
    ):
        while sweeps.kind(identifier := make_run_id(plan.base.name, now=now)):
            continue
        beside = f"{UNPLACED}{identifier}"
        staging.make_new(beside)
        try:
            document = _describe(plan, signatures or {}) | {"id": identifier, "created": timestamp(now)}
            sweep = StoredSweep(folder=sweeps.path / identifier, document=document)
            with staging.enter(beside) as folder:
                write_record(folder, SWEEP_FILE, document)
                folder.make_new("specs")
                _write(folder, "spec.toml", plan.base.as_toml())
                for each in plan.combinations:
                    _write(
                        folder, sweep.spec_file(each.index).relative_to(sweep.folder).as_posix(), each.spec.as_toml()
                    )
            staging.move(beside, sweeps, identifier)
        except BaseException:
            staging.remove(beside)
            raise
    return sweep


def write_ends(store: Store, sweep: StoredSweep, ends: Mapping[str, Any]) -> StoredSweep:
    """Keep why runs failed, in place of what was kept before."""
    document = {**sweep.document, "ends": dict(ends)}
    with explained("record the sweep", sweep.folder), open_sweep(store, sweep) as folder:
        write_record(folder, SWEEP_FILE, document)
    return attrs.evolve(sweep, document=document)


def open_sweep(store: Store, sweep: StoredSweep) -> Folder:
    """The folder of a sweep, held open to be written.

    Raises:
        OSError: it is a link, or not there any more.
    """
    return store.open_folder(f"{SWEEPS}/{sweep.id}")


def all_sweeps(store: Store) -> list[StoredSweep]:
    """Every sweep whose record can be read, oldest first."""
    store.check()
    found = []
    with explained("list the sweeps", store.path / SWEEPS), store.open_folder() as root:
        entries = root.scan(SWEEPS) if root.kind(SWEEPS) else []
        for entry in entries:
            try:
                if is_safe_id(entry.name):
                    found.append(_read(root, entry.name))
            except (OSError, ValueError, KeyError, TypeError):  # not whole, or not ours: no sweep to go on with
                continue
    return sorted(found, key=lambda sweep: (str(sweep.document["created"]), sweep.id))


def find_sweep(store: Store, reference: str) -> StoredSweep:
    """The one sweep that `reference` means: an id, a name, the beginning or end of an id, or `@last`.

    Raises:
        StoreError: it means none or several.
    """
    sweeps = all_sweeps(store)
    found = sweeps[-1:] if reference == "@last" else match_reference(reference, sweeps)
    if not found:
        near = f"; the latest is {sweeps[-1].id}" if sweeps else ", and none at all"
        raise StoreError(f"no sweep {reference!r} is in the store at {store.path}{near}")
    if len(found) > 1:
        listed = ", ".join(each.id for each in found)
        raise StoreError(f"{reference!r} means {len(found)} sweeps: {listed}", hint="give more of the id, or @last")
    return found[0]


def find_equal(store: Store, plan: Plan) -> StoredSweep | None:
    """The latest sweep of the store, which is made if it is missing, that has the very combinations of a plan."""
    store.create()  # an empty folder becomes a store, as it does for a run
    wanted = _digest(plan)
    return next((each for each in reversed(all_sweeps(store)) if each.document.get("digest") == wanted), None)


def _made(store: Store) -> Folder:
    with store.open_folder() as root:
        return root.make(SWEEPS)


def _write(folder: Folder, where: str, text: str) -> None:
    with folder.open_file(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
        file.write(text.encode())


def _read(root: Folder, identifier: str) -> StoredSweep:
    document = parse_record(root.read(f"{SWEEPS}/{identifier}/{SWEEP_FILE}"))
    if document["id"] != identifier or document["format"] > FORMAT:
        raise ValueError("it is of another folder or of a newer version")
    for key in ("name", "created", "settings", "combinations"):
        document[key]
    return StoredSweep(folder=root.path / SWEEPS / identifier, document=document)


def _describe(plan: Plan, signatures: Mapping[int, str]) -> dict[str, Any]:
    return {
        "name": plan.base.name,
        "plugin": plan.base.plugin,
        "digest": _digest(plan),
        "settings": list(plan.base.sweep),
        "argv": sys.argv,
        "components": _plugin_files(plan),
        "combinations": [
            {
                "index": each.index,
                "name": each.spec.name,
                "values": dict(each.values),
                "spec_hash": each.spec.hash,
                "spec_signature": signatures.get(each.index, ""),
            }
            for each in plan.combinations
        ],
    }


def _digest(plan: Plan) -> str:
    """The same for two sweeps with the same combinations in the same order under the same name."""
    content = [plan.base.name, list(plan.base.sweep), [each.spec.hash for each in plan.combinations]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _plugin_files(plan: Plan) -> list[dict[str, str]]:
    """The components that come from plugin files, as run.json lists them: to go on needs these files."""
    found = {}
    for spec in (each.spec for each in plan.combinations):
        for chosen in (spec.dataset, spec.model, spec.objective, *spec.evaluators):
            file = None if chosen is None else chosen.registered.file
            if chosen is not None and file is not None:
                name = chosen.registered.qualified_name
                kind = chosen.registered.component.kind
                found[kind, name] = {"kind": kind, "name": name, "file": file.path, "sha256": file.sha256}
    return list(found.values())
