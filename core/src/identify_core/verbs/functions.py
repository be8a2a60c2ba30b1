"""The verbs of the command line as functions: `ic.run`, `ic.compare`, `ic.open` and the others.

They load what is installed, show their progress, raise an `IdentifyError` with one message and one hint, and return
what was made, open for reading. An interrupt stops a run at its next step; what was made so far stays, and `resume`
goes on with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from identify_core.errors import Interrupted, UsageError
from identify_core.verbs.comparisons import evaluators_of_pairs, means_of
from identify_core.verbs.executors import Workers
from identify_core.verbs.given import Overrides, PathLike, Place, as_texts, name_things, several, store_of
from identify_core.verbs.results import Listing, OpenComparison, OpenRun, opened
from identify_core.verbs.working import Evaluation, Watching, evaluate_stored, go_on, surrounded

if TYPE_CHECKING:
    from identify_core.comparisons.comparison import Comparison, Request


def run(
    plugin: str | None = None,
    *,
    preset: str | None = None,
    spec: PathLike | None = None,
    overrides: Overrides = (),
    name: str | None = None,
    seed: int | None = None,
    replicates: int | None = None,
    device: str | None = None,
    store: PathLike | None = None,
    plugin_files: Sequence[PathLike] = (),
    track: Sequence[str] = (),
    force: bool = False,
    quiet: bool = False,
) -> OpenRun:
    """Run a spec, as `identify run` does: train the replicates, store their latents, evaluate them.

    Args:
        plugin: the running plugin; may be left out where the spec names it.
        preset: a preset of the plugin; its first one where neither preset nor spec is given.
        spec: a spec file.
        overrides: key path to value, such as `{"objective.steps": 2000}`, or texts such as `objective.steps=2000`.
        name: what the run is called.
        seed: the root of every random stream.
        replicates: how many copies of the model.
        device: auto, cpu, cuda, cuda:1 or mps.
        store: the folder that holds the runs; as the command line finds it by default.
        plugin_files: single files that are plugins.
        track: tensorboard, wandb or mlflow.
        force: go on although the spec needs more memory than there is.
        quiet: no progress.

    Returns:
        The run. An evaluator that failed is told by a warning and costs nothing else.

    Raises:
        SpecError: the spec is wrong; `problems` lists everything.
        PluginError: a plugin cannot be used.
        Interrupted: it was stopped; `ic.resume` goes on.
        RunError: it failed; what was made so far stays.
        StoreError: the store cannot be written.
    """
    from identify_core.runs.engine import execute
    from identify_core.spec import load_spec
    from identify_core.spec.memory import refuse_beyond_memory

    place = Place(store=store, plugin_files=plugin_files)
    loaded = load_spec(
        place.registry(),
        plugin=plugin,
        file=Path(spec) if spec is not None else None,
        preset=preset,
        overrides=as_texts(overrides),
        flags={"name": name, "seed": seed, "replicates": replicates, "device": device},
    )
    refuse_beyond_memory(loaded, force=force)
    with _resumable(), surrounded(place, Watching(track=track, force=force, quiet=quiet)) as surroundings:
        outcome = execute(loaded, surroundings)
    _warn_of(outcome.failures)
    return opened(outcome.folder)


def resume(
    reference: str,
    *,
    store: PathLike | None = None,
    plugin_files: Sequence[PathLike] = (),
    track: Sequence[str] = (),
    trusted: Sequence[str] = (),
    workers: int | None = None,
    executor: str = "local",
    scheduler: str | None = None,
    slurm: Sequence[str] = (),
    force: bool = False,
    quiet: bool = False,
) -> OpenRun:
    """Go on with an interrupted run or comparison; it ends with the arrays of one that was never interrupted.

    Args:
        reference: its id, name, or the beginning of its id.
        store: the folder that holds it.
        plugin_files: single files that are plugins.
        track: tensorboard, wandb or mlflow.
        trusted: code and files that a stored spec from elsewhere may name.
        workers: how many processes do the pairs of a comparison.
        executor: where they do them, as for `compare`.
        scheduler: the address of the Dask cluster.
        slurm: further lines for the job array.
        force: go on although the spec needs more memory than there is.
        quiet: no progress.

    Raises:
        IdentifyError: as `run` or `compare`.
    """
    place = Place(store=store, plugin_files=plugin_files)
    at_work = Workers(count=workers, executor=executor, scheduler=scheduler, slurm=slurm)
    watching = Watching(track=track, force=force, quiet=quiet)
    with _resumable():
        ended = go_on(place, reference, watching, workers=at_work, trusted=trusted)
    if isinstance(ended, tuple):
        return _compared(*ended)
    _warn_of(ended.failures)
    return opened(ended.folder)


def open(reference: str = "@last", *, store: PathLike | None = None) -> OpenRun:  # noqa: A001 - as `ic.open`
    """Open a run or a comparison; nothing is read before it is asked for.

    Args:
        reference: an id or the beginning of one, a name, `@last`, `@last~1`, or `@comparison` for the last comparison.
        store: the folder that holds it.

    Raises:
        StoreError: there is no such run, or several.
    """
    found = Place(store=store).store.open_any(reference)
    return opened(found.folder)


def list_runs(*, kind: str = "run", store: PathLike | None = None) -> Listing:
    """The runs of a store, or its comparisons, oldest first.

    Args:
        kind: `run` or `comparison`.
        store: the folder that holds them.

    Raises:
        UsageError: there is no such kind.
        StoreError: there is no store.
    """
    there = Place(store=store).store
    if kind not in ("run", "comparison"):
        raise UsageError(f"a store holds no {kind!r}", hint="kind is 'run' or 'comparison'")
    return Listing(there.runs() if kind == "run" else there.comparisons())


def evaluate(
    stored: OpenRun | str,
    evaluators: str | Sequence[str],
    *,
    overrides: Overrides = (),
    label: str = "",
    replace: bool = False,
    device: str = "",
    store: PathLike | None = None,
    plugin_files: Sequence[PathLike] = (),
    trusted: Sequence[str] = (),
    force: bool = False,
    quiet: bool = False,
) -> OpenRun:
    """Run evaluators on a stored run and keep what they find with it.

    Args:
        stored: the run, or what names it.
        evaluators: such as `subspace` or `genni:subspace`.
        overrides: their options, such as `{"counts": [9, 9]}`.
        label: what the finding of a single evaluator is called.
        replace: whether a finding of that label is replaced.
        device: where to compute; empty for the run's.
        store: the folder that holds the run; known where the run is open.
        plugin_files: single files that are plugins.
        trusted: code and files that a stored spec from elsewhere may name.
        force: go on although the spec needs more memory than there is.
        quiet: no progress.

    Returns:
        The run with its new findings.

    Raises:
        IdentifyError: as `identify evaluate`.
    """
    place = Place(store=store_of(stored, store), plugin_files=plugin_files)
    run_ = place.store.open(stored if isinstance(stored, str) else stored.id, statuses=("finished",))
    asked = Evaluation(
        names=several(evaluators),
        overrides=as_texts(overrides),
        label=label,
        replace=replace,
        device=device,
        force=force,
        trusted=trusted,
        quiet=quiet,
    )
    _warn_of(evaluate_stored(place, run_, asked).failures)
    return opened(run_.folder)


def compare(
    *things: Any,
    evaluators: Sequence[str] = (),
    overrides: Overrides = (),
    every: bool = False,
    latents: str | Sequence[str] = (),
    split: str | None = None,
    axes: str = "",
    ids: str | Sequence[str] = (),
    taken_as: str | Sequence[str] = (),
    expect: str = "",
    name: str = "comparison",
    seed: int = 0,
    device: str = "auto",
    trust_ids: bool = False,
    partial: bool = False,
    workers: int | None = None,
    executor: str = "local",
    scheduler: str | None = None,
    slurm: Sequence[str] = (),
    store: PathLike | None = None,
    plugin_files: Sequence[PathLike] = (),
    quiet: bool = False,
) -> OpenComparison:
    """Compare representations, as `identify compare` does.

    Args:
        things: runs, latents of runs (`run.latents["h"]`), references (`@last:h`, `a.npy`), arrays of numpy, torch or
            xarray, dataframes; or one mapping from names to such things.
        evaluators: such as `ladder` or `measures:linear-cka`; the ladder and five common measures by default.
        overrides: their options, such as `{"folds": 5}`.
        every: every evaluator of pairs that applies.
        latents: which latents of the runs.
        split: only latents of this split.
        axes: what the axes of arrays are, such as `sample,layer,latent`.
        ids: a column of the dataframes or a file with sample ids.
        taken_as: what the arrays hold: representations, symbols or dissimilarities; `NAME=KIND` for one of them.
        expect: a rung up to which every pair should be identified; a pair that is not is told by a warning.
        name: what the comparison is called.
        seed: of splits, permutations and bootstraps.
        device: auto, cpu, cuda, cuda:1 or mps.
        trust_ids: take equal ids for equal samples although the inputs differ.
        partial: compare the rows in common although they are under a tenth.
        workers: how many processes do the pairs side by side; only where everything compared is in the store or in
            files, which is also what `resume` needs after an interruption.
        executor: local for processes of this machine, dask or slurm for a cluster.
        scheduler: the address of the Dask cluster.
        slurm: further lines for the job array.
        store: the folder that holds the runs and will hold the comparison.
        plugin_files: single files that are plugins.
        quiet: no progress.

    Returns:
        The comparison, stored; `.answer` is its sentence.

    Raises:
        UsageError: the things cannot be compared.
        Interrupted: it was stopped; `ic.resume` goes on.
        IdentifyError: every evaluator failed.
    """
    from identify_core.comparisons.comparison import Request
    from identify_core.comparisons.execution import compare as make_comparison
    from identify_core.comparisons.foreign.door import Terms
    from identify_core.comparisons.references import open_groups
    from identify_core.comparisons.stored_requests import Asked
    from identify_core.rungs import rung

    if expect:
        rung(expect)
    place = Place(store=store, plugin_files=plugin_files)
    terms = Terms(axes=axes, ids=several(ids), taken_as=several(taken_as))
    at_work = Workers(count=workers, executor=executor, scheduler=scheduler, slurm=slurm)
    named = name_things(things)
    asked = Asked.of(named, place.store, latents=several(latents), split=split or "", terms=terms)
    if asked is None and not at_work.is_here:
        raise UsageError(
            "arrays in memory are compared in this process alone",
            hint="write them into files, or run `identify import` on them, to spread the comparison",
        )
    groups = open_groups(named, place.store, latents=several(latents), split=split, terms=terms)
    for remark in filter(None, (group.remark for group in groups)):
        warnings.warn(remark, stacklevel=2)
    registry = place.registry()
    request = Request(
        groups=groups,
        evaluators=evaluators_of_pairs(registry, groups, list(evaluators), as_texts(overrides), every=every),
        asked=asked,
        registry=registry,
        expect=expect,
        name=name,
        seed=seed,
        device=device,
        trust_ids=trust_ids,
        partial=partial,
    )
    with _resumable(), means_of(place, at_work, quiet=quiet) as means:
        return _compared(make_comparison(request, means), request)


@contextmanager
def _resumable() -> Iterator[None]:
    """Say an interruption in the words of Python."""
    try:
        yield
    except Interrupted as error:
        if not error.run_id:
            raise
        hint = f'go on with ic.resume("{error.run_id}")'
        raise Interrupted(error.message, hint=hint, run_id=error.run_id) from None


def _compared(made: Comparison, request: Request) -> OpenComparison:
    """A comparison that was made, open; what did not go as asked is told by warnings."""
    _warn_of(made.failures)
    for first, other, found in made.below:
        warnings.warn(f"{first} and {other} are not identified up to {request.expect}: {found}", stacklevel=3)
    comparison = opened(made.folder)
    assert isinstance(comparison, OpenComparison)
    return comparison


def _warn_of(failures: Mapping[str, str]) -> None:
    for label, reason in failures.items():
        warnings.warn(f"{label} failed, and its finding is missing: {reason}", stacklevel=3)
