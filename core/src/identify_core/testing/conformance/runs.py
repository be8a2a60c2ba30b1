"""The runs of the smoke preset that checks look at, each made once, by the engine, in a store of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import attrs

from identify_core.contexts.display import SilentDisplay
from identify_core.errors import Interrupted
from identify_core.plugins import Registry
from identify_core.runs.engine import TRAINED, Outcome, RunSurroundings, execute, resume
from identify_core.spec import ResolvedSpec, load_spec
from identify_core.store import RunWriter, Store, StoredRun
from identify_core.store.layout import SCRATCH
from identify_core.testing.conformance.disturbance import disturbed
from identify_core.testing.conformance.recordings import Record, RecordingWriter, watch

T = TypeVar("T")


class Countdown:
    """Asks a run to stop from its k-th question on.

    Args:
        k: from which question on the answer is yes; None for never.
    """

    def __init__(self, k: int | None = None) -> None:
        self.k = k
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.k is not None and self.asked >= self.k


@attrs.frozen(kw_only=True, eq=False)
class Made:
    """A run that was made.

    Args:
        run: in its store.
        asked: how often it asked whether to stop.
        seconds: CPU time.
        record: what it was seen to do.
        failures: label of each evaluator that failed, with the reason.
    """

    run: StoredRun
    asked: int
    seconds: float
    record: Record
    failures: dict[str, str]


@attrs.frozen(kw_only=True, eq=False)
class Resumed:
    """A run that was interrupted and resumed.

    Args:
        run: in its store.
        stops: how often it stopped.
        ignored: how often the objective was asked to stop and went on to its end.
        unsaved: how often it stopped on its way and left nothing to go on from.
        failures: label of each evaluator that failed, with the reason.
    """

    run: StoredRun
    stops: int
    ignored: int
    unsaved: int
    failures: dict[str, str]


class Runs:
    """The smoke preset, run in every way that a check compares; on the CPU, where results are exact.

    Args:
        spec: the smoke preset.
        registry: where its components are.
        folder: for the stores.
    """

    def __init__(self, spec: ResolvedSpec, registry: Registry, folder: Path) -> None:
        # A replicate among others needs others.
        self.spec = attrs.evolve(spec, device="cpu", replicates=spec.replicates if spec.replicates > 1 else 3)
        self.registry = registry
        self.folder = folder
        self._made: dict[object, object] = {}

    def whole(self) -> Made:
        """From end to end, with its evaluators."""
        return self._once("whole", lambda: self._make(self.spec, "whole"))

    def again(self) -> Made:
        """The same once more without evaluators, while the global generators are in another state."""
        return self._once("again", lambda: self._make(self._training(), "again", disturbance=1))

    def with_seed(self, seed: int) -> Made:
        """Without evaluators, with another seed."""
        spec = attrs.evolve(self._training(), seed=seed)
        return self._once(("seed", seed), lambda: self._make(spec, f"seed-{seed}"))

    def with_replicates(self, count: int) -> Made:
        """Without evaluators, with so many replicates."""
        spec = attrs.evolve(self._training(), replicates=count)
        return self._once(("replicates", count), lambda: self._make(spec, f"replicates-{count}"))

    def interrupted(self) -> Resumed:
        """Interrupted thrice while it trains and once while it evaluates, and resumed each time."""
        training, total = self.again().asked, self.whole().asked
        parts = [1, max(2, training // 3), max(2, training // 2)]
        left = max(training - sum(parts), 0) + max(total - training, 0) // 2
        return self._once("interrupted", lambda: self._interrupt([*parts, max(left, 2)]))

    def _training(self) -> ResolvedSpec:
        return attrs.evolve(self.spec, evaluators=())

    def _once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives or raises, from its first call on."""
        if key not in self._made:
            try:
                self._made[key] = make()
            except Exception as error:  # noqa: BLE001 - raised again for whoever asks
                self._made[key] = error
        made = self._made[key]
        if isinstance(made, Exception):
            raise made
        return made  # type: ignore[return-value]

    def _make(self, spec: ResolvedSpec, name: str, *, disturbance: int = 0) -> Made:
        countdown = Countdown()
        store = Store(self.folder / name)
        surroundings = RunSurroundings(store=store, display=SilentDisplay(), stop_requested=countdown)
        start = time.process_time()
        record = Record()
        watched = attrs.evolve(spec, evaluators=tuple(watch(each, record) for each in spec.evaluators))
        with disturbed(disturbance), RecordingWriter.begin(store, spec, record) as writer:
            writer.write_spec(spec.as_toml())
            # The engine goes on with a folder in which nothing is done yet: it makes the whole run.
            outcome = resume(watched, surroundings, writer)
        return Made(
            run=StoredRun.open(outcome.folder),
            asked=countdown.asked,
            seconds=time.process_time() - start,
            record=record,
            failures=outcome.failures,
        )

    def _interrupt(self, parts: list[int]) -> Resumed:
        store = Store(self.folder / "interrupted")
        identifier = ""
        stops = ignored = unsaved = 0
        for k in (*parts, None):
            countdown = Countdown(k)
            try:
                with disturbed(0):
                    outcome = self._go_on(store, identifier, countdown)
            except Interrupted:
                (staged,) = (each for each in store.runs() if each.status == "interrupted")
                identifier = staged.id
                stops += 1
                in_training = staged.document["stage"] != TRAINED
                ignored += k == 1 and not in_training
                unsaved += in_training and k != 1 and not any(_kept(staged.folder))
                continue
            ignored += k is not None and countdown.asked >= k
            break
        return Resumed(
            run=StoredRun.open(outcome.folder), stops=stops, ignored=ignored, unsaved=unsaved, failures=outcome.failures
        )

    def _go_on(self, store: Store, identifier: str, stop: Countdown) -> Outcome:
        surroundings = RunSurroundings(store=store, display=SilentDisplay(), stop_requested=stop)
        if not identifier:
            return execute(self.spec, surroundings)
        with RunWriter.resume(store, identifier) as writer:
            spec = load_spec(self.registry, file=writer.folder / "spec.toml")
            return resume(spec, surroundings, writer)


def _kept(folder: Path) -> Iterator[Path]:
    """The files that components left for themselves."""
    return (file for file in (folder / SCRATCH).rglob("*") if file.is_file())
