"""What a person looks at: tables, figures in the house style, and one self-contained page of a run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from identify_core.report.figures import house_style, new_figure, save_figure
    from identify_core.report.page import write_report
    from identify_core.report.tables import markdown_table, print_finding

_HOMES = {
    "house_style": "figures",
    "markdown_table": "tables",
    "new_figure": "figures",
    "print_finding": "tables",
    "save_figure": "figures",
    "write_report": "page",
}

__all__ = [
    "house_style",
    "markdown_table",
    "new_figure",
    "print_finding",
    "save_figure",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
