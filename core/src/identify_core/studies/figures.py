"""Figures of a study: a headline number against a setting, or by label, with the mean and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from identify_core.findings import Figure
from identify_core.reports.figures import PALETTE, house_style, new_figure
from identify_core.spreads import Spread
from identify_core.studies.perform import RunsDone
from identify_core.studies.study_file import FigureEntry
from identify_core.studies.tables import chosen_runs, numbers_of, refuse_unknown_number, refuse_unknown_setting


def draw_figure(entry: FigureEntry, runs: Sequence[RunsDone]) -> Figure:
    """The figure of an entry: every run a dot, the mean with its 95 % t interval a bar.

    Raises:
        UsageError: no run has the number, or no sweep varies the setting.
    """
    chosen = chosen_runs(entry.of, runs)
    refuse_unknown_number(entry.value, chosen)
    if entry.against:
        refuse_unknown_setting(entry.against, chosen)
    places = _places(entry, chosen)
    with house_style():
        figure, axes = new_figure(width=6.4, height=3.6)
        for number, each in enumerate(chosen):
            colour = PALETTE[number % len(PALETTE)]
            shift = 0.5 * ((number + 0.5) / len(chosen) - 0.5) if entry.against else 0.0
            _draw(axes, entry, each, places, shift, colour)
        axes.set_xticks(list(places.values()), list(places), rotation=0 if len(places) < 7 else 30)
        axes.set_xlim(-0.6, len(places) - 0.4)
        axes.set_xlabel(entry.against or "runs")
        axes.set_ylabel(entry.value)
        if entry.against:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(chosen)))
    said = "Each dot is a run; the bar is the mean with its 95 % t interval."
    return Figure(
        name=entry.label, caption=f"{entry.caption.rstrip('.')}. {said}" if entry.caption else said, static=figure
    )


def _places(entry: FigureEntry, chosen: Sequence[RunsDone]) -> dict[str, int]:
    """Where each value of the setting, or each label, stands on the axis."""
    if not entry.against:
        return {each.label: place for place, each in enumerate(chosen)}
    values = [row.values[entry.against] for each in chosen for row in each.rows if entry.against in row.values]
    numeric = all(isinstance(value, (int, float)) for value in values)
    ordered = sorted(set(values)) if numeric else list(dict.fromkeys(map(str, values)))
    return {str(value): place for place, value in enumerate(ordered)}


def _draw(axes: Any, entry: FigureEntry, runs: RunsDone, places: dict[str, int], shift: float, colour: str) -> None:
    first = True
    for name, place in places.items():
        rows = [row for row in runs.rows if not entry.against or str(row.values.get(entry.against)) == name]
        if not entry.against and runs.label != name:
            continue
        numbers = numbers_of(rows, entry.value)
        if not numbers:
            continue
        at = place + shift
        spread = Spread.of(numbers)
        half = spread.mean - spread.student[0]
        label = runs.label if first else None
        axes.scatter(np.full(len(numbers), at), numbers, s=14, color=colour, alpha=0.6, linewidth=0, label=label)
        if not np.isnan(half):
            axes.errorbar([at + 0.08], [spread.mean], yerr=[half], fmt="_", color=colour, capsize=3)
        first = False
