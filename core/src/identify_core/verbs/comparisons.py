"""Comparisons, whoever asks for them, the command line or Python: made here or spread, and gone on with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from identify_core.errors import UsageError
from identify_core.verbs.executors import Workers, executor_of

if TYPE_CHECKING:
    from identify_core.comparisons.comparison import Comparison, Request
    from identify_core.comparisons.execution import ComparisonSurroundings
    from identify_core.comparisons.references import Group
    from identify_core.plugins import Registry
    from identify_core.spec import Chosen
    from identify_core.store import RunWriter
    from identify_core.verbs.working import Workplace


def evaluators_of_pairs(
    registry: Registry, groups: Sequence[Group], names: Sequence[str], overrides: Sequence[str], *, every: bool
) -> list[Chosen]:
    """The evaluators that a comparison names, or the standard ones for what its representations hold.

    Raises:
        UsageError: options without an evaluator, or both `every` one and some by name.
    """
    from identify_core.comparisons.comparison import standard_evaluators
    from identify_core.spec import choose_evaluators

    if overrides and not names:
        raise UsageError("--set needs --evaluator: which evaluator's option is it?")
    if every and names:
        raise UsageError("--all and --evaluator exclude each other", hint="leave one of them out")
    if names:
        return choose_evaluators(registry, names, overrides)
    return standard_evaluators(registry, holds=groups[0].representations[0].holds, every=every)


@contextmanager
def means_of(place: Workplace, workers: Workers, *, quiet: bool) -> Iterator[ComparisonSurroundings]:
    """What a comparison is made with: progress, an interrupt as a request to stop, processes where asked for."""
    from identify_core.comparisons.execution import ComparisonSurroundings
    from identify_core.store import Store
    from identify_core.verbs.watching import watched

    with watched(quiet) as (display, stop_requested), ExitStack() as stack:
        executor = None
        if not workers.is_here:
            executor = stack.enter_context(executor_of(workers, display, what="pairs", unit="blocks"))
        yield ComparisonSurroundings(
            store=Store(place.store_path.resolve()),  # a comparison that is gone on with is made in another folder
            display=display,
            stop_requested=stop_requested,
            executor=executor,
            loading=place.loading,
        )


def go_on_comparing(
    place: Workplace, writer: RunWriter, *, workers: Workers, trusted: Collection[str], quiet: bool
) -> tuple[Comparison, Request]:
    """Go on with an interrupted comparison.

    Args:
        place: its store and its plugins.
        writer: of the staging folder, taken over by this process.
        workers: where its pairs are done, whether or not they were spread before.
        trusted: what the command trusts by name.
        quiet: no progress.
    """
    registry = place.registry()
    from identify_core.comparisons.execution import resume
    from identify_core.comparisons.stored_requests import reopened
    from identify_core.store import StoredRun

    text = StoredRun.open(writer.folder).summary.read_spec()
    owner, signature = f"the comparison {writer.id}", writer.document.get("spec_signature")
    with (
        means_of(place, workers, quiet=quiet) as means,
        reopened(text, registry, means.store, owner=owner, signature=signature, trusted=trusted) as request,
    ):
        return resume(request, means, writer, text), request
