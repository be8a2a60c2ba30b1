"""Doing a study: runs by sweeps, comparisons by compare; what is there and has not changed is not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from identify_core.comparisons.comparison import Comparison, Request, standard_evaluators
from identify_core.comparisons.execution import ComparisonSurroundings, compare
from identify_core.comparisons.references import open_groups
from identify_core.errors import IdentifyError, Interrupted, StoreError
from identify_core.evaluation.surroundings import Surroundings
from identify_core.plugins import Registry
from identify_core.runs.engine import describe_components
from identify_core.spec import Chosen, ResolvedSpec, choose_evaluators, plain_options
from identify_core.store import Store
from identify_core.studies.plans import PlannedRuns, assignments
from identify_core.studies.stored import read_record_of, write_record_of
from identify_core.studies.study_file import ComparisonEntry, StudyFile
from identify_core.sweeps.combinations import Plan
from identify_core.sweeps.execution import Conditions, sweep_over
from identify_core.sweeps.records import StoredSweep, find_equal, write_sweep
from identify_core.sweeps.summary import Row, read_rows
from identify_core.sweeps.trust import trust_in_plan
from identify_core.tasks import Executor

Answer = Callable[[Comparison], str]


@attrs.frozen(kw_only=True)
class RunsDone:
    """What became of one `[[runs]]`.

    Args:
        label: the entry's.
        sweep: the id of its sweep; empty where it was left out.
        settings: what the sweep varies.
        rows: one a run.
        reused: how many were there already.
        left_out: why it was left out; empty where it was not.
    """

    label: str
    sweep: str = ""
    settings: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    reused: int = 0
    left_out: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether every run is finished with all that it was to find."""
        return all(row.is_whole for row in self.rows)


@attrs.frozen(kw_only=True)
class ComparisonDone:
    """What became of one `[[comparisons]]`.

    Args:
        label: the entry's.
        id: the comparison's; empty where there is none.
        answer: one sentence, as `identify compare` begins with.
        expect: the rung that was expected; empty for none.
        below: the pairs that are not identified up to it, as (label, label, what was found).
        failures: label of each evaluator that failed, with the reason.
        reused: whether it was there already.
        left_out: why it was left out; empty where it was not.
        failed: why it could not be made; empty where it was.
    """

    label: str
    id: str = ""
    answer: str = ""
    expect: str = ""
    below: tuple[tuple[str, str, str], ...] = ()
    failures: Mapping[str, str] = attrs.field(factory=dict)
    reused: bool = False
    left_out: str = ""
    failed: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the expectation holds; None where nothing is expected, or nothing was compared."""
        return None if not self.expect or self.left_out else not (self.below or self.failed)


@attrs.frozen(kw_only=True)
class StudyDone:
    """What became of a study.

    Args:
        study: as its file says it.
        runs: one an entry, in order.
        comparisons: one an entry, in order.
    """

    study: StudyFile
    runs: tuple[RunsDone, ...]
    comparisons: tuple[ComparisonDone, ...]

    @property
    def is_whole(self) -> bool:
        """Whether everything was done and every expectation holds."""
        compared = all(not (each.failed or each.failures or each.below) for each in self.comparisons)
        return compared and all(each.is_whole for each in self.runs)


@attrs.frozen(kw_only=True)
class StudySurroundings(Surroundings):
    """With what a study is done.

    Args:
        registry: where components are looked up.
        executor: what does the runs of a sweep.
        conditions: of every run.
        answer: the sentence that a comparison is told in.
    """

    registry: Registry
    executor: Executor
    conditions: Conditions
    answer: Answer


def perform_study(study: StudyFile, planned: Sequence[PlannedRuns], means: StudySurroundings) -> StudyDone:
    """Do what is left of a study.

    Args:
        study: as its file says it.
        planned: what its runs are.
        means: with what it is done.

    Raises:
        Interrupted: the user stopped it; what was done is kept, and the same command goes on.
        StoreError: the store cannot be written.
    """
    record = read_record_of(means.store, study.name)
    runs = [_do_runs(each, means) for each in planned]
    record["runs"] = {each.label: each.sweep for each in runs if each.sweep}
    known: dict[str, Mapping[str, Any]] = {
        label: note for label, note in record.get("comparisons", {}).items() if isinstance(note, dict)
    }
    comparisons = []
    for entry in study.comparisons:
        if means.stop_requested():
            raise Interrupted(
                f"the study {study.name} was stopped before the comparison {entry.label}; what was made is kept",
                hint=f"go on with `identify study {study.path}`",
            )
        done, note = _do_comparison(study, entry, runs, known.get(entry.label, {}), means)
        comparisons.append(done)
        known[entry.label] = note
        write_record_of(means.store, study.name, {**record, "comparisons": known})
    write_record_of(means.store, study.name, {**record, "comparisons": known})
    return StudyDone(study=study, runs=tuple(runs), comparisons=tuple(comparisons))


def find_runs(plan: Plan, store: Store) -> StoredSweep | None:
    """The sweep of an earlier time that has the very combinations of a plan, made by the plugins as they are now."""
    sweep = find_equal(store, plan)
    if sweep is None or not all(_is_current(store, plan, row) for row in read_rows(store, sweep)):
        return None
    return sweep


def known_runs(planned: PlannedRuns, store: Store) -> RunsDone:
    """What is in the store of one `[[runs]]`."""
    sweep = None if planned.plan is None else find_runs(planned.plan, store)
    rows = () if sweep is None else tuple(read_rows(store, sweep))
    return RunsDone(
        label=planned.entry.label,
        sweep="" if sweep is None else sweep.id,
        rows=rows,
        reused=sum(row.status == "finished" for row in rows),
        left_out=planned.left_out,
    )


def found_again(
    study: StudyFile,
    entry: ComparisonEntry,
    runs: Sequence[RunsDone],
    note: Mapping[str, Any],
    registry: Registry,
    store: Store,
) -> ComparisonDone | None:
    """A comparison that is in the store, of the same runs and files by the same evaluators; None where none is.

    Raises:
        IdentifyError: an evaluator does not exist or an option is wrong.
    """
    references, gone = references_of(study, entry, runs)
    if gone or note.get("digest") != _digest(entry, references, evaluators_of(entry, registry)):
        return None
    if not _is_there(store, str(note.get("id", ""))):
        return None
    return _from_note(ComparisonDone(label=entry.label, expect=entry.expect), note)


def _do_runs(planned: PlannedRuns, means: StudySurroundings) -> RunsDone:
    if planned.plan is None:
        return RunsDone(label=planned.entry.label, left_out=planned.left_out)
    plan = planned.plan
    trust = trust_in_plan(plan, warn=means.display.warning)
    sweep = find_runs(plan, means.store)
    if sweep is None:
        sweep = write_sweep(means.store, plan, {index: each.signature for index, each in trust.items()})
    before = read_rows(means.store, sweep)
    rows = before
    if not all(row.status == "finished" for row in before):
        means.display.message(f"runs {planned.entry.label}: {len(before)} in all")
        rows = sweep_over(
            sweep,
            means.store,
            means.executor,
            attrs.evolve(means.conditions, trust=trust),
            display=means.display,
            stop_requested=means.stop_requested,
        )
    return RunsDone(
        label=planned.entry.label,
        sweep=sweep.id,
        settings=sweep.settings,
        rows=tuple(rows),
        reused=sum(row.status == "finished" for row in before),
    )


def _is_current(store: Store, plan: Plan, row: Row) -> bool:
    """Whether a run, if it is finished, was made by the components as they are now, on the data as they are now."""
    if row.status != "finished":
        return True
    document = store.find(row.run).document
    spec = next(each.spec for each in plan.combinations if each.index == row.index)
    made = {_identity(each) for each in document.get("components", ())}
    return made == {_identity(each) for each in _components(spec)} and _same_data(spec, document)


def _components(spec: ResolvedSpec) -> list[dict[str, str]]:
    chosen = [each for each in (spec.dataset, spec.model, spec.objective, *spec.evaluators) if each is not None]
    return [line for each in chosen for line in describe_components(each)]


def _identity(line: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(line.get(key, "")) for key in ("kind", "name", "version", "sha256"))


def _same_data(spec: ResolvedSpec, document: Mapping[str, Any]) -> bool:
    """Whether files that the dataset's options name are older than the run; a newer one may hold other data."""
    from identify_core.spec.trust import names_in

    began = str(document.get("created", ""))
    for named in names_in(spec.dataset.options, ("dataset",)):
        path = Path(str(named.value)).expanduser()
        if path.exists() and _timestamp(path) > began:
            return False
    return True


def _timestamp(path: Path) -> str:
    from datetime import UTC, datetime

    from identify_core.store.layout import timestamp

    return timestamp(datetime.fromtimestamp(path.stat().st_mtime, UTC))


def _do_comparison(
    study: StudyFile,
    entry: ComparisonEntry,
    runs: Sequence[RunsDone],
    note: Mapping[str, Any],
    means: StudySurroundings,
) -> tuple[ComparisonDone, Mapping[str, Any]]:
    """A comparison, made or found again, and what the record keeps of it."""
    done = ComparisonDone(label=entry.label, expect=entry.expect)
    references, gone = references_of(study, entry, runs)
    if gone:
        missing = f"{', '.join(gone)} is not there"
        return (attrs.evolve(done, left_out=missing) if entry.optional else attrs.evolve(done, failed=missing)), {}
    try:
        earlier = found_again(study, entry, runs, note, means.registry, means.store)
        if earlier is not None:
            return earlier, note
        evaluators = evaluators_of(entry, means.registry)
        groups = open_groups(references, means.store, latents=entry.latents, split=entry.split or None)
        request = Request(
            groups=groups,
            evaluators=evaluators,
            name=entry.label,
            seed=entry.seed,
            expect=entry.expect,
            registry=means.registry,
        )
        means.display.message(f"comparison {entry.label}: {len(references)} runs or files")
        made = compare(
            request,
            ComparisonSurroundings(store=means.store, display=means.display, stop_requested=means.stop_requested),
        )
    except (Interrupted, StoreError):
        raise
    except IdentifyError as error:
        return attrs.evolve(done, failed=f"{error.message}" + (f"; {error.hint}" if error.hint else "")), {}
    names = {row.run: row.name for each in runs for row in each.rows}
    note = {
        "digest": _digest(entry, references, evaluators),
        "id": made.id,
        "answer": means.answer(made),
        "below": [[_named(first, names), _named(other, names), found] for first, other, found in made.below],
        "failures": dict(made.failures),
    }
    return attrs.evolve(_from_note(done, note), reused=False), note


def _named(label: str, names: Mapping[str, str]) -> str:
    """A representation's label with the run's name in place of its id."""
    run, colon, rest = label.partition(":")
    return f"{names.get(run, run)}{colon}{rest}"


def references_of(study: StudyFile, entry: ComparisonEntry, runs: Sequence[RunsDone]) -> tuple[list[str], list[str]]:
    """What `identify compare` would be given for an entry, and what of it is not there."""
    known = {each.label: each for each in runs}
    references, gone = [], []
    for text in entry.of:
        label, colon, latents = text.partition(":")
        done = known.get(label)
        if done is None:
            references.append(str(study.place(text)))
            gone += [] if study.place(label).exists() else [text]
        else:
            finished = [row.run for row in done.rows if row.status == "finished"]
            references += [f"{run}{colon}{latents}" for run in finished]
            gone += [] if finished else [text]
    return references, gone


def evaluators_of(entry: ComparisonEntry, registry: Registry) -> list[Chosen]:
    """The evaluators of an entry with their options, or the standard ones.

    Raises:
        IdentifyError: there is no such evaluator, or an option is wrong.
    """
    if entry.evaluators:
        return choose_evaluators(registry, entry.evaluators, assignments(entry.set))
    return standard_evaluators(registry)


def _digest(entry: ComparisonEntry, references: Sequence[str], evaluators: Sequence[Chosen]) -> str:
    """Of all that a comparison depends on: runs by id, files by size and time, evaluators by version and options."""
    stamps = []
    for text in references:
        path = Path(text.partition(":")[0])
        if path.exists():
            status = path.stat()
            stamps.append([text, status.st_size, status.st_mtime_ns])
    content = {
        "references": list(references),
        "files": stamps,
        "latents": list(entry.latents),
        "split": entry.split,
        "expect": entry.expect,
        "seed": entry.seed,
        "evaluators": [
            [[_identity(line) for line in describe_components(each)], plain_options(each.options, complete=True)]
            for each in evaluators
        ],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _is_there(store: Store, identifier: str) -> bool:
    try:
        return store.find(identifier, kind="comparison").status == "finished"
    except StoreError:
        return False


def _from_note(done: ComparisonDone, note: Mapping[str, Any]) -> ComparisonDone:
    return attrs.evolve(
        done,
        id=str(note["id"]),
        answer=str(note["answer"]),
        below=tuple((str(a), str(b), str(c)) for a, b, c in note["below"]),
        failures={str(label): str(reason) for label, reason in note["failures"].items()},
        reused=True,
    )
