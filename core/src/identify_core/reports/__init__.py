"""What a person looks at: tables, figures in the house style, and one self-contained page of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from identify_core.doors import lazy_names

if TYPE_CHECKING:
    from identify_core.reports.figures import house_style as house_style
    from identify_core.reports.figures import new_figure as new_figure
    from identify_core.reports.figures import save_figure as save_figure
    from identify_core.reports.page import write_report as write_report
    from identify_core.reports.tables import markdown_table as markdown_table
    from identify_core.reports.tables import print_finding as print_finding

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "figures": ("house_style", "new_figure", "save_figure"),
        "page": ("write_report",),
        "tables": ("markdown_table", "print_finding"),
    },
)
