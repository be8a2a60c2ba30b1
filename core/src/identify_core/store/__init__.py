"""The store: where runs are kept. Listing imports neither numpy nor zarr; writing and reading arrays import both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from identify_core.doors import lazy_names

if TYPE_CHECKING:
    from identify_core.store.append import RunAppender as RunAppender
    from identify_core.store.catalogue import Store as Store
    from identify_core.store.export import export_run as export_run
    from identify_core.store.findings import StoredFinding as StoredFinding
    from identify_core.store.latents import StoredLatents as StoredLatents
    from identify_core.store.locate import find_store_path as find_store_path
    from identify_core.store.reader import StoredRun as StoredRun
    from identify_core.store.summary import RunSummary as RunSummary
    from identify_core.store.verify import verify_run as verify_run
    from identify_core.store.writer import RunWriter as RunWriter

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "append": ("RunAppender",),
        "catalogue": ("Store",),
        "export": ("export_run",),
        "findings": ("StoredFinding",),
        "locate": ("find_store_path",),
        "latents": ("StoredLatents",),
        "reader": ("StoredRun",),
        "summary": ("RunSummary",),
        "verify": ("verify_run",),
        "writer": ("RunWriter",),
    },
)
