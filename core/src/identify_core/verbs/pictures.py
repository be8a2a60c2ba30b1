"""The verbs that draw what is stored, as functions: `ic.report` and `ic.plot`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from identify_core.verbs.given import PathLike, Place, several, store_of
from identify_core.verbs.results import OpenRun
from identify_core.verbs.working import write_page


def report(
    stored: OpenRun | str = "@last",
    *,
    output: PathLike | None = None,
    store: PathLike | None = None,
    plugin_files: Sequence[PathLike] = (),
) -> Path:
    """Write a run or a comparison as one HTML page that needs nothing else.

    Args:
        stored: the run or comparison, or what names it.
        output: the file; `report.html` in its folder by default.
        store: the folder that holds it; known where it is open.
        plugin_files: single files that are plugins, which draw figures of a comparison.

    Returns:
        The file.

    Raises:
        StoreError: it cannot be read, or the page cannot be written.
    """
    place = Place(store=store_of(stored, store), plugin_files=plugin_files)
    found = place.store.open_any(stored if isinstance(stored, str) else stored.id)
    return write_page(place, found, Path(output) if output is not None else None, warnings.warn)


def plot(
    stored: OpenRun | str = "@last",
    *,
    formats: str | Sequence[str] = "png",
    only: str | Sequence[str] = (),
    output: PathLike | None = None,
    store: PathLike | None = None,
    plugin_files: Sequence[PathLike] = (),
) -> list[Path]:
    """Draw the figures of a run or a comparison from what is stored, as `identify plot` does.

    Args:
        stored: the run or comparison, or what names it.
        formats: png, svg, pdf, or html for the interactive views.
        only: labels of findings; all of them by default.
        output: the folder, with one inside a finding; `figures-ID` here by default.
        store: the folder that holds it; known where it is open.
        plugin_files: single files that are plugins.

    Returns:
        The files. A finding that cannot be drawn is told by a warning.

    Raises:
        UsageError: there is no such finding or format, or nothing is drawn in these formats.
        StoreError: it cannot be read, or a file cannot be written.
    """
    from identify_core.reports.stored_figures import redraw, refuse_nothing

    place = Place(store=store_of(stored, store), plugin_files=plugin_files)
    found = place.store.open_any(stored if isinstance(stored, str) else stored.id)
    registry = place.registry_for(found.document, f"plot {found.id}", kinds=("evaluator",))
    folder = Path(output) if output is not None else Path(f"figures-{found.id}")
    drawings = redraw(found, registry, folder, formats=several(formats), only=several(only))
    refuse_nothing(found, drawings, several(formats))
    for each in drawings:
        if each.problem:
            warnings.warn(f"{each.label} was not drawn: {each.problem}", stacklevel=2)
    return [file for each in drawings for file in each.files]
