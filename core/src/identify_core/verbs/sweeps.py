"""Sweeps, whoever asks for them, the command line or Python: begun or found again, done, and drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from identify_core.verbs.executors import Workers, executor_of
from identify_core.verbs.given import Overrides, PathLike, Place, as_texts

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.store import Store
    from identify_core.sweeps.combinations import Plan
    from identify_core.sweeps.records import StoredSweep
    from identify_core.sweeps.summary import Row
    from identify_core.sweeps.trust import Trust
    from identify_core.verbs.results import OpenSweep
    from identify_core.verbs.working import Watching, Workplace


@attrs.frozen(kw_only=True)
class Begun:
    """A sweep that is in the store.

    Args:
        sweep: its record.
        trust: combination's number to what its run may import and read.
        again: whether it was there already.
    """

    sweep: StoredSweep
    trust: Mapping[int, Trust]
    again: bool = False


def find_or_begin(
    store: Store,
    plan: Plan,
    registry: Registry,
    trusted: Collection[str],
    *,
    new: bool,
    warn: Callable[[str], None],
) -> Begun:
    """The store's sweep of the same plan, or a new one.

    Args:
        store: where it lies.
        plan: of `plan_sweep`.
        registry: where the components of a stored sweep are looked up.
        trusted: code and files that the specs of a sweep from elsewhere may name.
        new: begin again in any case.
        warn: told of what could not be signed.
    """
    from identify_core.sweeps.records import find_equal, write_sweep
    from identify_core.sweeps.trust import trust_in_plan, trust_of

    earlier = None if new else find_equal(store, plan)
    if earlier is not None:
        return Begun(sweep=earlier, trust=trust_of(earlier, registry, trusted), again=True)
    trust = trust_in_plan(plan, warn=warn)
    return Begun(sweep=write_sweep(store, plan, {index: each.signature for index, each in trust.items()}), trust=trust)


def do_sweep(
    place: Workplace, store: Store, begun: Begun, workers: Workers, watching: Watching, *, keep_going: bool
) -> Sequence[Row]:
    """Do what is left of a sweep, stopping at an interrupt, and draw what came of it."""
    from identify_core.runs.trackers import track_observers
    from identify_core.store.files import explained
    from identify_core.sweeps.execution import Conditions, sweep_over
    from identify_core.sweeps.figures import draw_sweep
    from identify_core.sweeps.records import open_sweep
    from identify_core.sweeps.summary import read_rows
    from identify_core.verbs.watching import watched

    rows = read_rows(store, begun.sweep)
    if all(row.status == "finished" for row in rows):
        return rows
    track_observers(watching.track)  # a wrong name is said before anything runs
    conditions = Conditions(
        **place.loading,
        track=tuple(watching.track),
        seconds_between_checkpoints=watching.seconds_between_checkpoints,
        force=watching.force,
        keep_going=keep_going,
        trust=begun.trust,
    )
    with watched(watching.quiet) as (display, stop_requested), executor_of(workers, display) as executor:
        rows = sweep_over(begun.sweep, store, executor, conditions, display=display, stop_requested=stop_requested)
    with explained("draw the sweep", begun.sweep.folder), open_sweep(store, begun.sweep) as folder:
        folder.make(begun.sweep.figures.name).close()
        draw_sweep(rows, begun.sweep.settings, begun.sweep.figures)
    return rows


def sweep(
    plugin: str | None = None,
    *,
    over: Mapping[str, Sequence[Any]] | None = None,
    count: int | None = None,
    preset: str | None = None,
    spec: PathLike | None = None,
    overrides: Overrides = (),
    workers: int | None = None,
    executor: str = "local",
    scheduler: str | None = None,
    slurm: Sequence[str] = (),
    keep_going: bool = True,
    new: bool = False,
    store: PathLike | None = None,
    plugin_files: Sequence[PathLike] = (),
    track: Sequence[str] = (),
    trusted: Sequence[str] = (),
    force: bool = False,
    quiet: bool = False,
) -> OpenSweep:
    """Run every combination of some values, as `identify sweep` does; called again, it goes on with what is left.

    Args:
        plugin: the plugin; without it the spec names one.
        over: key path to the values to try, such as `{"seed": [0, 1, 2], "objective.steps": [100, 1000]}`; added to the
            spec's table `[sweep]`.
        count: so many seeds, from the spec's own upwards.
        preset: a preset of the plugin.
        spec: a spec file.
        overrides: key path to value, for all runs.
        workers: how many processes do runs side by side.
        executor: local for processes of this machine, dask or slurm for a cluster.
        scheduler: the address of the Dask cluster.
        slurm: further lines for the job array.
        keep_going: whether a failed run leaves the others alone.
        new: begin again although the store has this very sweep.
        store: the folder that holds the runs.
        plugin_files: single files that are plugins.
        track: tensorboard, wandb or mlflow.
        trusted: code and files that the specs of a sweep from elsewhere may name.
        force: go on although a run needs more memory than there is.
        quiet: no progress.

    Returns:
        The sweep; a run that failed is told by a warning.

    Raises:
        SpecError: the spec or a combination is wrong; `problems` lists everything.
        UsageError: there is nothing to vary.
        Interrupted: it was stopped; the same call goes on.
    """
    from identify_core.spec.memory import refuse_beyond_memory
    from identify_core.sweeps.combinations import plan_sweep
    from identify_core.verbs.results import OpenSweep
    from identify_core.verbs.working import Watching

    place = Place(store=store, plugin_files=plugin_files)
    at_work = Workers(count=workers, executor=executor, scheduler=scheduler, slurm=slurm)
    registry = place.registry()
    texts = as_texts({key: list(values) for key, values in (over or {}).items()})
    plan = plan_sweep(
        registry,
        plugin=plugin,
        file=Path(spec) if spec is not None else None,
        preset=preset,
        overrides=as_texts(overrides),
        over=[*texts, *(["seed"] if count is not None and "seed" not in (over or {}) else [])],
        count=count,
    )
    for each in plan.combinations:
        refuse_beyond_memory(each.spec, force=force)
    begun = find_or_begin(place.store, plan, registry, trusted, new=new, warn=warnings.warn)
    rows = do_sweep(
        place, place.store, begun, at_work, Watching(track=track, force=force, quiet=quiet), keep_going=keep_going
    )
    for row in rows:
        if row.status == "failed":
            warnings.warn(f"{row.name} failed: {row.reason or 'no reason is known'}", stacklevel=2)
        for label, reason in row.failures.items():
            warnings.warn(f"{row.name}: {label} failed and is missing: {reason}", stacklevel=2)
    return OpenSweep(place.store, begun.sweep)
