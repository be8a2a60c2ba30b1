"""The runs behind the representations of a comparison: opened at first use, each once, whichever plugin they are of."""

from __future__ import annotations

import functools
from collections.abc import Collection

import attrs

from identify_core.comparisons.joins import Lined
from identify_core.contexts.context import Context
from identify_core.evaluation.reopened import Reopened
from identify_core.evaluation.subjects import RunSubject
from identify_core.plugins import Registry
from identify_core.spec.load import load_stored_spec
from identify_core.store import Store


def with_runs(
    lined: Lined, store: Store, registry: Registry, context: Context, *, trusted: Collection[str] = ()
) -> Lined:
    """The same representations, each of which can open its run.

    Args:
        lined: the representations of a comparison.
        store: which holds the runs.
        registry: where the components of their specs are looked up.
        context: of the comparison, for its device and scratch folder.
        trusted: code and files that the user's command trusts by name.
    """

    @functools.cache
    def open_run(run_id: str) -> RunSubject:
        run = store.open(run_id, statuses=("finished",))
        spec = load_stored_spec(
            registry,
            run.summary.read_spec(),
            owner=f"the run {run.id}",
            signature=run.document.get("spec_signature"),
            trusted=trusted,
        )
        reopened = Reopened(
            store=store,
            run=run,
            spec=spec,
            device=context.device,
            display=context.display,
            stop_requested=context.should_stop,
        )
        return reopened.source(context.scratch / "runs" / run.id).run_subject

    return attrs.evolve(
        lined,
        representations=tuple(
            attrs.evolve(each, load_run=functools.partial(open_run, each.run_id)) if each.has else each
            for each in lined.representations
        ),
    )
