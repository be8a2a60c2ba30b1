"""The unit of work: one combination of a sweep as a run, told by plain values, the same in every process that does it.

A unit finds its run in the store by itself and goes on with it, so that doing a unit twice is doing it once: after an
interruption, after a crash, and where a cluster gives it to a second worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from identify_core.errors import IdentifyError, Interrupted
from identify_core.tasks import End, Loading, Task, end_of

if TYPE_CHECKING:
    from identify_core.contexts.display import Display
    from identify_core.runs.engine import Outcome, RunSurroundings
    from identify_core.spec import ResolvedSpec
    from identify_core.store import RunSummary, Store


class Unit(Task, Loading):
    """What is to be done, in plain types: a task whose index is the combination's number and whose name is its run's.

    Keys:
        sweep: the sweep's id.
        values: dotted key path to value, for run.json.
        spec_file: the absolute path of its spec.
        trusted: what that spec may import and read, as the command that started the sweep found it.
        signature: of that spec, by the user who started the sweep.
        track: names of trackers.
        seconds_between_checkpoints: how much work a crash may cost.
        force: go on although the run needs more memory than there is.
    """

    sweep: str
    values: dict[str, Any]
    spec_file: str
    trusted: list[str]
    signature: str
    track: list[str]
    seconds_between_checkpoints: float
    force: bool


def perform(unit: Unit, *, display: Display | None = None, stop_requested: Callable[[], bool] = lambda: False) -> End:
    """Do a unit: begin its run, or go on with what there is of it; whatever goes wrong with it is said in its end."""
    from identify_core.store import Store

    try:
        store = Store(Path(unit["store"]))
        earlier = run_of(store, unit["sweep"]).get(unit["index"])
        if earlier is not None and earlier.status == "finished":
            return end_of(unit, "finished")
        if earlier is not None and earlier.status == "running":
            return end_of(unit, "running", "another process is at it")
        if stop_requested():
            return end_of(unit, "interrupted", "stopped before it began")
        outcome = _execute(unit, store, earlier, display, stop_requested)
    except (Interrupted, KeyboardInterrupt):
        return end_of(unit, "interrupted", "stopped by the user")
    except IdentifyError as error:
        return end_of(unit, "failed", "; ".join((error.message, *getattr(error, "problems", ()))))
    except Exception as error:  # noqa: BLE001 - one run must not cost the others; the reason is kept and shown
        return end_of(unit, "failed", f"{type(error).__name__}: {error}")
    unseen = list(outcome.warnings) if display is None else []
    return end_of(unit, "finished", failures=outcome.failures, warnings=unseen)


def look(unit: Unit) -> None:
    """Load the unit's spec here.

    Raises:
        IdentifyError: it cannot be loaded, as where a plugin is missing.
    """
    from identify_core.plugins import load_registry
    from identify_core.spec import load_stored_spec
    from identify_core.spec.layers import read_spec_text

    files = [Path(each) for each in unit["files"]]
    registry = load_registry(disabled=unit["disabled"], enabled=unit["enabled"], files=files)
    text = read_spec_text(Path(unit["spec_file"]))
    load_stored_spec(registry, text, owner=f"the sweep {unit['sweep']}", signature="", trusted=unit["trusted"])


def run_of(store: Store, sweep: str) -> dict[int, RunSummary]:
    """Combination's number to its run, as far as the store has one; a finished one counts more than others."""
    found: dict[int, RunSummary] = {}
    for run in store.runs():
        note = run.brief.get("sweep")
        if isinstance(note, Mapping) and note.get("id") == sweep and isinstance(note.get("index"), int):
            other = found.get(note["index"])
            if other is None or other.status != "finished":
                found[note["index"]] = run
    return found


def _execute(
    unit: Unit,
    store: Store,
    earlier: RunSummary | None,
    display: Display | None,
    stop_requested: Callable[[], bool],
) -> Outcome:
    from identify_core.plugins import load_registry
    from identify_core.runs.trackers import track_observers
    from identify_core.spec import load_stored_spec
    from identify_core.spec.layers import read_spec_text
    from identify_core.store.layout import NEVER_BEGAN

    trackers = {str(tracker.name): tracker for tracker in track_observers(unit["track"])}
    files = [Path(file) for file in unit["files"]]
    registry = load_registry(disabled=unit["disabled"], enabled=unit["enabled"], files=files, extra=trackers)
    spec = load_stored_spec(
        registry,
        read_spec_text(Path(unit["spec_file"])),
        owner=f"the sweep {unit['sweep']}",
        signature="",
        trusted=unit["trusted"],
    )
    # Everything above is light; torch is loaded only for a spec that can run.
    from identify_core.contexts.display import SilentDisplay
    from identify_core.reports.page import finished_page
    from identify_core.runs.engine import RunSurroundings, execute
    from identify_core.runs.observation import Observers

    surroundings = RunSurroundings(
        store=store,
        display=display or SilentDisplay(),
        stop_requested=stop_requested,
        observers=Observers(registry.observers()),
        seconds_between_checkpoints=unit["seconds_between_checkpoints"],
        render=finished_page,
        force=unit["force"],
    )
    if earlier is not None and earlier.status == NEVER_BEGAN:
        store.remove(earlier)
    elif earlier is not None:
        return _go_on(spec, surroundings, earlier.id)
    note = {"id": unit["sweep"], "index": unit["index"], "values": unit["values"]}
    return execute(spec, surroundings, document={"sweep": note}, signature=unit["signature"])


def _go_on(spec: ResolvedSpec, surroundings: RunSurroundings, run_id: str) -> Outcome:
    from identify_core.runs.engine import resume
    from identify_core.store import RunWriter

    with RunWriter.resume(surroundings.store, run_id) as writer:
        return resume(spec, surroundings, writer)
