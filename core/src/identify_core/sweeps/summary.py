"""What came of a sweep: one row a run, read from the runs' own documents, with the headline numbers that vary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from identify_core.store import Store
from identify_core.store.layout import NEVER_BEGAN
from identify_core.sweeps.records import StoredSweep
from identify_core.sweeps.units import run_of

STATUSES = ("finished", "failed", "interrupted", "running", "damaged", "waiting")


@attrs.frozen(kw_only=True)
class Row:
    """One combination and its run.

    Args:
        index: the combination's number.
        name: the run's name.
        values: dotted key path to value, of what the sweep varies.
        status: of the run; `waiting` where it has not begun.
        run: the run's id; empty where the store has none.
        reason: why it is not finished, where that is known.
        failures: label of each evaluator that failed, with the reason.
        scalars: the run's headline numbers.
    """

    index: int
    name: str
    values: Mapping[str, Any]
    status: str
    run: str
    reason: str
    failures: Mapping[str, str]
    scalars: Mapping[str, Any]

    @property
    def is_whole(self) -> bool:
        """Whether it is finished with all that it was to find."""
        return self.status == "finished" and not self.failures


def read_rows(store: Store, sweep: StoredSweep) -> list[Row]:
    """One row a combination, in order."""
    runs = run_of(store, sweep.id)
    rows = []
    for each in sweep.combinations:
        run = runs.get(each["index"])
        end = str(sweep.ends.get(str(each["index"]), ""))
        if run is None:
            status, document = ("failed" if end else "waiting"), {}
        else:
            # One whose process was killed could be resumed, but not by waiting: it failed.
            begun = "waiting" if run.status == NEVER_BEGAN else run.status
            status = "failed" if end and begun in ("interrupted", "waiting") else begun
            document = dict(run.brief)
        reason = end or str(document.get("reason", ""))
        rows.append(
            Row(
                index=each["index"],
                name=each["name"],
                values=each["values"],
                status=status,
                run="" if run is None else run.id,
                reason=reason if status in ("failed", "interrupted") else "",
                failures=document.get("failures", {}),
                scalars={} if run is None else run.scalars,
            )
        )
    return rows


def count_statuses(rows: Iterable[Row]) -> str:
    """`3 finished, 1 failed`."""
    found = [row.status for row in rows]
    return ", ".join(f"{found.count(status)} {status}" for status in STATUSES if status in found)


def varying_scalars(rows: Sequence[Row]) -> list[str]:
    """The names of the headline numbers that differ among the finished runs; all of them where there is one run."""
    finished = [row.scalars for row in rows if row.status == "finished"]
    names = dict.fromkeys(name for scalars in finished for name in scalars)
    return [name for name in names if len(finished) == 1 or len({repr(each.get(name)) for each in finished}) > 1]


def number_of(row: Row, name: str) -> float | None:
    """A headline number that is finite; None for anything else."""
    value = row.scalars.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
