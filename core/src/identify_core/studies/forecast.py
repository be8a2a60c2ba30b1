"""What a study has left to do, and how long the like took before; nothing is run, and no store is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from identify_core.plugins import Registry
from identify_core.store import Store
from identify_core.store.layout import STORE_FILE
from identify_core.studies.perform import RunsDone, found_again, known_runs
from identify_core.studies.plans import PlannedRuns
from identify_core.studies.stored import read_record_of
from identify_core.studies.study_file import StudyFile


@attrs.frozen(kw_only=True)
class Forecast:
    """What one entry has left to do.

    Args:
        label: the entry's.
        kind: `runs` or `comparison`.
        there: how many are there already.
        left: how many are left.
        seconds: how long those that are left may take, from what runs of this name took; None where none ran.
        note: why it is left out; empty where it is not.
    """

    label: str
    kind: str
    there: int
    left: int
    seconds: float | None = None
    note: str = ""

    @property
    def last(self) -> str:
        """The seconds in words."""
        return "" if self.seconds is None else f"{self.seconds:.3g} s"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return attrs.asdict(self)


def forecast(study: StudyFile, planned: Sequence[PlannedRuns], registry: Registry, store: Store) -> list[Forecast]:
    """What every entry of a study has left to do, in the order of the file.

    Raises:
        IdentifyError: an evaluator does not exist or an option is wrong; or the store cannot be read.
    """
    exists = (store.path / STORE_FILE).is_file()
    known = [known_runs(each, store) if exists else RunsDone(label=each.entry.label) for each in planned]
    found = [_runs(each, done, store, exists=exists) for each, done in zip(planned, known, strict=True)]
    notes = read_record_of(store, study.name).get("comparisons", {}) if exists else {}
    for entry in study.comparisons:
        note = notes.get(entry.label, {})
        there = exists and found_again(study, entry, known, note, registry, store) is not None
        found.append(Forecast(label=entry.label, kind="comparison", there=int(there), left=int(not there)))
    return found


def _runs(planned: PlannedRuns, done: RunsDone, store: Store, *, exists: bool) -> Forecast:
    label = planned.entry.label
    if planned.plan is None:
        return Forecast(label=label, kind="runs", there=0, left=0, note=f"left out: {planned.left_out}")
    count = len(planned.plan.combinations)
    left = count - done.reused
    names = {combination.spec.name for combination in planned.plan.combinations}
    each = _seconds_before(names, store) if exists else None
    seconds = each * left if each is not None and left else None
    return Forecast(label=label, kind="runs", there=done.reused, left=left, seconds=seconds)


def _seconds_before(names: set[str], store: Store) -> float | None:
    """The mean wall time of the finished runs of these names; None where there are none."""
    took = []
    for run in store.runs():
        if run.status == "finished" and run.name in names:
            wall = run.document.get("seconds", {}).get("wall")
            took += [float(wall)] if isinstance(wall, (int, float)) else []
    return sum(took) / len(took) if took else None
