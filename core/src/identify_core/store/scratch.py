"""Scratch of evaluations: a folder for one process, taken over from a process that is gone, deleted by its owner alone.

It lies in staging/ and not in the run, so that nothing that an evaluator writes by path can bring back a run that was
deleted meanwhile.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from identify_core.store.catalogue import Store
from identify_core.store.files import explained
from identify_core.store.layout import SCRATCH_OF, STAGING, check_id
from identify_core.store.leftovers import take_scratch


@contextmanager
def scratch_for(store: Store, run_id: str, work: str) -> Iterator[Path]:
    """Lend a folder in which one piece of work on a run keeps its checkpoints.

    What an earlier process left of the same work is found in it. It is deleted if the block succeeds, and kept
    otherwise: for the same work done again, or for `identify runs prune`.

    Args:
        store: the store.
        run_id: the run.
        work: what tells pieces of work apart, fit for a file name.

    Raises:
        StoreError: it cannot be made.
    """
    stem = f"{SCRATCH_OF}{check_id(run_id)}-{check_id(work)}"
    with explained("make a scratch folder", store.path):
        staging = store.open_folder(STAGING)
        name, lock = next(
            found for number in itertools.count(1) if (found := take_scratch(staging, f"{stem}-{number}"))
        )
    with staging:
        try:
            with explained("make a scratch folder", staging.path / name):
                staging.make(name).close()
                staging.refuse_links(name)  # evaluators write into it by path
            yield staging.path / name
            with explained("delete the scratch folder", staging.path / name):
                staging.remove(name)
        finally:
            lock.release(remove=True)
