"""Sweeping: the units that are left to do, given to whatever does them, and how each ended."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing

import attrs

from identify_core.contexts.display import Display
from identify_core.errors import Interrupted, StoreError
from identify_core.store import Store, locks
from identify_core.store.files import explained
from identify_core.sweeps.records import StoredSweep, open_sweep, write_ends
from identify_core.sweeps.summary import Row, count_statuses, read_rows
from identify_core.sweeps.trust import NOTHING, Trust
from identify_core.sweeps.units import Unit
from identify_core.tasks import End, Executor, Stop


@attrs.frozen(kw_only=True)
class Conditions:
    """What every run of a sweep is done under.

    Args:
        disabled: plugins or distributions that are switched off by flag.
        enabled: those that are switched on by flag.
        files: the absolute paths of plugin files.
        track: names of trackers.
        seconds_between_checkpoints: how much work a crash may cost.
        force: go on although a run needs more memory than there is.
        keep_going: whether a failed run leaves the others alone.
        trust: combination's number to what its run may import and read, as `trust_of` found it.
    """

    disabled: list[str] = attrs.field(factory=list)
    enabled: list[str] = attrs.field(factory=list)
    files: list[str] = attrs.field(factory=list)
    track: tuple[str, ...] = ()
    seconds_between_checkpoints: float = 30.0
    force: bool = False
    keep_going: bool = True
    trust: Mapping[int, Trust] = attrs.field(factory=dict)


def sweep_over(
    sweep: StoredSweep,
    store: Store,
    executor: Executor,
    conditions: Conditions,
    *,
    display: Display,
    stop_requested: Stop,
) -> list[Row]:
    """Do what is left of a sweep: runs that are finished are left alone, others begun or gone on with.

    Args:
        sweep: its record.
        store: where it lies.
        executor: does units, one after another or several at once, and gives their ends as they come.
        conditions: what every run is done under.
        display: where its news go.
        stop_requested: whether the user asked to stop.

    Returns:
        One row a combination.

    Raises:
        Interrupted: the user stopped it; every run that had begun has its checkpoint.
        StoreError: the store cannot be written, or another process is at the sweep.
    """
    ends = dict(sweep.ends)
    stopped = False
    with _alone(sweep, store) as lock:
        left = [row for row in read_rows(store, sweep) if row.status != "finished"]
        units = [_unit(sweep, store, row, conditions) for row in left]

        def stop() -> bool:
            return stopped or stop_requested()

        try:
            with closing(executor(units, stop)) as given:
                for end in given:
                    _tell(end, display)
                    ends.pop(str(end["index"]), None)
                    if end["status"] == "failed":
                        ends[str(end["index"])] = end["reason"]
                    if (end["status"] == "failed" or end["failures"]) and not conditions.keep_going:
                        stopped = True
        except KeyboardInterrupt:  # asked a second time
            pass
        finally:
            sweep = write_ends(store, sweep, ends)
        lock.release(remove=True)
    rows = read_rows(store, sweep)
    if not stopped and any(row.status in ("waiting", "interrupted") for row in rows):
        raise Interrupted(
            f"the sweep {sweep.id} was stopped: {count_statuses(rows)}; what was made so far is kept",
            hint=f"go on with `identify sweep --resume {sweep.id}`",
        )
    return rows


def counted(
    ends: Generator[End, None, None], count: int, display: Display, *, what: str = "sweep", unit: str = "runs"
) -> Generator[End, None, None]:
    """The same ends, with a bar that counts them."""
    with closing(ends), display.progress(what, count, unit) as bar:
        for end in ends:
            bar.advance()
            yield end


def _alone(sweep: StoredSweep, store: Store) -> locks.Lock:
    with explained("go on with the sweep", sweep.folder), open_sweep(store, sweep) as folder:
        folder.refuse_links()  # its specs are read, and its pictures written, by path
    try:
        return store.lock(sweep.id)
    except StoreError as error:
        owner = locks.read_owner(store.lock_path(sweep.id))
        if owner is None:
            raise
        raise StoreError(
            f"the sweep {sweep.id} is being run by {owner}", hint="wait until it has ended, or stop it with Ctrl-C"
        ) from error


def _unit(sweep: StoredSweep, store: Store, row: Row, conditions: Conditions) -> Unit:
    trust = conditions.trust.get(row.index, NOTHING)
    return {
        "index": row.index,
        "name": row.name,
        "do": "identify_core.sweeps.units:perform",
        "look": "identify_core.sweeps.units:look",
        "store": str(store.path.resolve()),
        "folder": str(sweep.folder.resolve()),
        "sweep": sweep.id,
        "values": dict(row.values),
        "spec_file": str(sweep.spec_file(row.index).resolve()),
        "trusted": list(trust.names),
        "signature": trust.signature,
        "disabled": conditions.disabled,
        "enabled": conditions.enabled,
        "files": conditions.files,
        "track": list(conditions.track),
        "seconds_between_checkpoints": conditions.seconds_between_checkpoints,
        "force": conditions.force,
        "stop_file": "",
    }


def _tell(end: End, display: Display) -> None:
    if end["status"] == "failed":
        display.warning(f"{end['name']} failed: {end['reason']}")
    else:
        display.message(f"{end['name']} is {end['status']}" + (f": {end['reason']}" if end["reason"] else ""))
    for text in end["warnings"]:
        display.warning(f"{end['name']}: {text}")
