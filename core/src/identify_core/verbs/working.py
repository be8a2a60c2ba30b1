"""What a verb does, whoever asks for it, the command line or Python: from a store and a registry, printing nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from identify_core.errors import UsageError

if TYPE_CHECKING:
    from identify_core.comparisons.comparison import Comparison, Request
    from identify_core.plugins import Registry
    from identify_core.runs.engine import Outcome, RunSurroundings
    from identify_core.runs.revisits import Revisited
    from identify_core.store import StoredRun
    from identify_core.tasks import Loading
    from identify_core.verbs.executors import Workers

_REMADE = {"samples", "weights", "modules", "decoder"}  # what evaluators may require that a stored run makes again


class Workplace(Protocol):
    """What a verb works with: the options before a verb of the command line, or the arguments of a function."""

    @property
    def store_path(self) -> Path:
        """The folder that holds the runs."""

    @property
    def loading(self) -> Loading:
        """What `load_registry` takes in other processes, in plain types: `disabled`, `enabled` and `files`."""

    def registry(self, only: Collection[str] | None = None, *, extra: Mapping[str, object] | None = None) -> Registry:
        """The registry of what is installed."""

    def registry_for(self, document: Mapping[str, Any], again: str, *, kinds: Collection[str] = ()) -> Registry:
        """The registry for work on a stored run."""


@attrs.frozen(kw_only=True)
class Watching:
    """How a run is watched.

    Args:
        track: names of trackers.
        seconds_between_checkpoints: how much work a crash may cost.
        force: go on although the run needs more memory than there is.
        quiet: no progress.
    """

    track: Sequence[str] = ()
    seconds_between_checkpoints: float = 30.0
    force: bool = False
    quiet: bool = False


@contextmanager
def surrounded(place: Workplace, watching: Watching) -> Iterator[RunSurroundings]:
    """Let the block run a spec: progress is shown, observers are told, an interrupt is a request to stop."""
    from identify_core.reports.page import finished_page
    from identify_core.runs.engine import RunSurroundings
    from identify_core.runs.observation import Observers
    from identify_core.runs.trackers import track_observers
    from identify_core.store import Store
    from identify_core.verbs.watching import watched

    trackers = {str(tracker.name): tracker for tracker in track_observers(watching.track)}
    registry = place.registry(extra=trackers)
    with watched(watching.quiet) as (display, stop_requested):
        yield RunSurroundings(
            store=Store(place.store_path),
            display=display,
            stop_requested=stop_requested,
            observers=Observers(registry.observers()),
            seconds_between_checkpoints=watching.seconds_between_checkpoints,
            render=finished_page,
            force=watching.force,
        )


def go_on(
    place: Workplace, reference: str, watching: Watching, *, workers: Workers, trusted: Sequence[str]
) -> Outcome | tuple[Comparison, Request]:
    """Go on with an interrupted run or comparison.

    Args:
        place: its store and its plugins.
        reference: what names it.
        watching: how a run is watched.
        workers: where the pairs of a comparison are done.
        trusted: code and files that its stored spec may name.

    Returns:
        How the run ended; of a comparison, that and what was asked.

    Raises:
        UsageError: a run was to be spread.
        IdentifyError: as `resume` of the engine, or of comparisons.
    """
    from identify_core.spec import load_stored_spec
    from identify_core.spec.memory import refuse_beyond_memory
    from identify_core.store import RunWriter, Store, StoredRun

    with RunWriter.resume(Store(place.store_path), reference) as writer:
        if writer.document["kind"] == "comparison":
            from identify_core.verbs.comparisons import go_on_comparing

            return go_on_comparing(place, writer, workers=workers, trusted=trusted, quiet=watching.quiet)
        if not workers.is_here:
            raise UsageError(f"{writer.id} is a run, and only a comparison is spread over processes")
        spec = load_stored_spec(
            place.registry_for(writer.document, f"resume {reference}"),
            StoredRun.open(writer.folder).summary.read_spec(),
            owner=f"the run {writer.id}",
            signature=writer.document.get("spec_signature"),
            trusted=trusted,
        )
        refuse_beyond_memory(spec, force=watching.force)
        from identify_core.runs.engine import resume

        with surrounded(place, watching) as surroundings:
            return resume(spec, surroundings, writer)


@attrs.frozen(kw_only=True)
class Evaluation:
    """Evaluators for a stored run, and on which terms.

    Args:
        names: of the evaluators, short or qualified.
        overrides: their options as `KEY=VALUE`.
        label: what the finding of a single one is called; empty for the evaluator's name.
        replace: whether a finding of that label is replaced.
        device: where to compute; empty for the run's.
        force: go on although the spec needs more memory than there is.
        trusted: code and files that a stored spec may name.
        quiet: no progress.
    """

    names: Sequence[str]
    overrides: Sequence[str] = ()
    label: str = ""
    replace: bool = False
    device: str = ""
    force: bool = False
    trusted: Sequence[str] = ()
    quiet: bool = False


def evaluate_stored(place: Workplace, stored: StoredRun, asked: Evaluation) -> Revisited:
    """Run evaluators on a stored run and keep what they find with it.

    Raises:
        UsageError: one label for several evaluators.
        IdentifyError: as `Revisit.evaluate`.
    """
    from identify_core.spec import choose_evaluators, load_stored_spec
    from identify_core.spec.memory import refuse_beyond_memory
    from identify_core.store import Store

    if asked.label and len(asked.names) > 1:
        raise UsageError("--label names one finding, but there are several evaluators")
    again = " ".join(["evaluate", stored.id, *(f"--evaluator {each}" for each in asked.names)])
    registry = place.registry_for(stored.document, again)
    plugin = str(stored.document.get("plugin") or "")
    spec = None
    if plugin:  # imported representations have no spec
        spec = load_stored_spec(
            registry,
            stored.summary.read_spec(),
            owner=f"the run {stored.id}",
            signature=stored.document.get("spec_signature"),
            trusted=asked.trusted,
        )
    chosen = choose_evaluators(registry, asked.names, asked.overrides, plugin=plugin or None, label=asked.label)
    if spec is not None and any(each.registered.component.requires & _REMADE for each in chosen):
        refuse_beyond_memory(spec, force=asked.force, training=False)  # the others read latents, block by block
    from identify_core.reports.page import finished_page
    from identify_core.runs.revisits import Revisit
    from identify_core.verbs.watching import watched

    with watched(asked.quiet) as (display, stop_requested):
        revisit = Revisit(
            store=Store(place.store_path),
            run=stored,
            spec=spec,
            evaluators=chosen,
            device=asked.device or (spec.device if spec else "auto"),
            display=display,
            stop_requested=stop_requested,
            replace=asked.replace,
            render=finished_page,
        )
        return revisit.evaluate()


def write_page(place: Workplace, stored: StoredRun, output: Path | None, warn: Callable[[str], None]) -> Path:
    """Write the page of a run or a comparison; the figures of a comparison are drawn when it is first asked for.

    Args:
        place: whose store holds it and whose registry draws.
        stored: the run or comparison.
        output: the file; None for `report.html` in its folder.
        warn: told of what could not be drawn.

    Returns:
        The file.

    Raises:
        StoreError: it cannot be read, or the page cannot be written.
    """
    from identify_core.reports import write_report
    from identify_core.reports.stored_figures import draw_comparison
    from identify_core.store import Store
    from identify_core.store.cache import note_drawn
    from identify_core.store.files import explained
    from identify_core.store.layout import REPORT_FILE

    store = Store(place.store_path)
    if output is None:
        with explained("write the report", stored.folder):
            store.open_run(stored.summary).close()  # a run that is a link is read, and its page written elsewhere
    if stored.summary.kind == "comparison" and stored.summary.committed:
        if not (stored.folder / REPORT_FILE).is_file():  # with its page it has its figures
            registry = place.registry_for(stored.document, f"report {stored.id}", kinds=("evaluator",))
            for label, problem in draw_comparison(store, stored, registry).items():
                warn(f"{label} was not drawn: {problem}")
        stored = store.open_any(stored.id)
    page = write_report(stored, output if output is not None else stored.folder / REPORT_FILE).resolve()
    if output is None and stored.summary.committed:
        with explained("write the report", stored.folder), store.open_run(stored.summary) as folder:
            note_drawn(folder, [REPORT_FILE])
    return page
