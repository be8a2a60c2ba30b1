"""The store: where runs are kept. Listing imports neither numpy nor zarr; writing and reading arrays import both."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from identify_core.store.append import RunAppender
    from identify_core.store.catalogue import Store
    from identify_core.store.export import export_run
    from identify_core.store.findings import StoredFinding
    from identify_core.store.locate import find_store_path
    from identify_core.store.reader import StoredLatents, StoredRun
    from identify_core.store.summary import RunSummary
    from identify_core.store.verify import verify_run
    from identify_core.store.writer import RunWriter

_HOMES = {
    "RunAppender": "append",
    "RunSummary": "summary",
    "RunWriter": "writer",
    "Store": "catalogue",
    "StoredFinding": "findings",
    "StoredLatents": "reader",
    "StoredRun": "reader",
    "export_run": "export",
    "find_store_path": "locate",
    "verify_run": "verify",
}

__all__ = [
    "RunAppender",
    "RunSummary",
    "RunWriter",
    "Store",
    "StoredFinding",
    "StoredLatents",
    "StoredRun",
    "export_run",
    "find_store_path",
    "verify_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
