"""Pictures of a sweep: what each setting does to the headline numbers, with the spread over seeds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import attrs

from identify_core.findings import Figure
from identify_core.reports.figures import PALETTE, house_style, new_figure, save_figure
from identify_core.saying import words_of
from identify_core.spec import say
from identify_core.sweeps.summary import Row, number_of, varying_scalars

PANELS = 6
_DECADES = 20.0  # a ratio of the largest to the smallest from which an axis of settings is logarithmic
_WIDE = 1000.0  # the same for headline numbers


@attrs.frozen(kw_only=True)
class Axis:
    """Where the values of a setting stand.

    Args:
        places: one for each value, in order.
        labels: of the places; empty where the places are the values themselves.
        logarithmic: whether the axis is.
    """

    places: tuple[float, ...]
    labels: tuple[str, ...] = ()
    logarithmic: bool = False

    def beside(self, group: int, groups: int) -> Axis:
        """The same axis for one of several groups, which stand next to one another where there is room for it."""
        if not self.labels:
            return self
        shift = (group - (groups - 1) / 2) * min(0.2, 0.7 / groups)
        return attrs.evolve(self, places=tuple(place + shift for place in self.places))


def draw_sweep(rows: Sequence[Row], settings: Sequence[str], folder: Path) -> list[Path]:
    """Write one picture for each setting but the seed, where there is something to be seen.

    Args:
        rows: of the sweep; finished runs are drawn.
        settings: dotted key paths of what the sweep varies.
        folder: made where it does not exist.

    Returns:
        The files.
    """
    finished = [row for row in rows if row.status == "finished"]
    names = [name for name in varying_scalars(finished) if any(number_of(row, name) is not None for row in finished)]
    files = []
    for setting in settings:
        values = _distinct(row.values[setting] for row in finished)
        shown = [name for name in names if any(number_of(row, name) != row.values[setting] for row in finished)]
        if setting != "seed" and len(values) > 1 and shown:
            others = [each for each in settings if each not in (setting, "seed")]
            files += save_figure(_draw(finished, setting, values, others, shown), folder)
    return files


def _draw(
    rows: Sequence[Row], setting: str, values: Sequence[Any], others: Sequence[str], names: Sequence[str]
) -> Figure:
    shown = names[:PANELS]
    columns = 2 if len(shown) == 4 else min(len(shown), 3)
    lines = -(-len(shown) // columns)
    axis = _axis(values)
    groups = _groups(rows, others)
    with house_style():
        figure, axes = new_figure(
            lines,
            columns,
            width=None if columns > 1 else 5.2,
            title=f"What {setting} changes",
            squeeze=False,
            sharex=True,
        )
        for number, panel in enumerate(axes.flat):
            if number >= len(shown):
                panel.set_axis_off()
                continue
            for place, (label, members) in enumerate(groups.items()):
                beside = axis.beside(place, len(groups))
                _draw_group(panel, members, setting, values, beside, shown[number], PALETTE[place], label)
            _label(panel, axis, setting, shown[number], rows, is_lowest=number + columns >= len(shown))
        if len(groups) > 1:
            handles, labels = axes.flat[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower left", ncols=min(len(labels), 3), frameon=False)
    return Figure(name=_file_name(setting), caption=_caption(rows, setting, others, names), static=figure)


def _draw_group(
    panel: Any,
    rows: Sequence[Row],
    setting: str,
    values: Sequence[Any],
    axis: Axis,
    name: str,
    color: str,
    label: str,
) -> None:
    """One line through the means, the points that they are the means of, and a band from the least to the largest."""
    at: list[float] = []
    found: list[list[float]] = []
    for place, value in zip(axis.places, values, strict=True):
        numbers = [number_of(row, name) for row in rows if _same(row.values[setting], value)]
        kept = [number for number in numbers if number is not None]
        if kept:
            at.append(place)
            found.append(kept)
    means = [fmean(each) for each in found]
    if axis.labels:
        panel.plot(
            at, means, linestyle="none", marker="_", markersize=12, markeredgewidth=1.8, color=color, label=label
        )
    else:
        panel.plot(at, means, color=color, label=label)
        if any(len(each) > 1 for each in found):
            panel.fill_between(at, list(map(min, found)), list(map(max, found)), color=color, alpha=0.15, linewidth=0)
    points = [(place, number) for place, each in zip(at, found, strict=True) for number in each]
    panel.plot(*zip(*points, strict=True), linestyle="none", marker="o", markersize=3.5, color=color, alpha=0.6)


def _label(panel: Any, axis: Axis, setting: str, name: str, rows: Sequence[Row], *, is_lowest: bool) -> None:
    panel.set_title(words_of(name.replace("/", ": ")))
    if axis.logarithmic:
        panel.set_xscale("log")
    if axis.labels:
        panel.set_xticks(axis.places, axis.labels)
        panel.set_xlim(-0.5, len(axis.places) - 0.5)
        panel.grid(visible=False, axis="x")
    if is_lowest:
        panel.set_xlabel(setting)
        panel.tick_params(labelbottom=True)
    numbers = [number for row in rows if (number := number_of(row, name)) is not None]
    if min(numbers) > 0 and max(numbers) / min(numbers) >= _WIDE:
        panel.set_yscale("log")


def _axis(values: Sequence[Any]) -> Axis:
    if all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in values
    ):
        places = tuple(map(float, values))
        return Axis(places=places, logarithmic=min(places) > 0 and max(places) / min(places) >= _DECADES)
    labels = tuple(value if isinstance(value, str) else say(value) for value in values)
    return Axis(places=tuple(map(float, range(len(values)))), labels=labels)


def _groups(rows: Sequence[Row], others: Sequence[str]) -> Mapping[str, list[Row]]:
    """The runs by the values of the other settings; all together where these would need more colours than there are."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        label = ", ".join(f"{words_of(each.rpartition('.')[2])} {_plain(row.values[each])}" for each in others)
        groups.setdefault(label, []).append(row)
    return groups if len(groups) <= len(PALETTE) else {"": list(rows)}


def _caption(rows: Sequence[Row], setting: str, others: Sequence[str], names: Sequence[str]) -> str:
    is_split = len(_groups(rows, others)) > 1
    words = [f"Headline numbers of {len(rows)} runs against {setting}: a point is a run, a line or dash the mean"]
    words[0] += ", a band reaches from the least to the largest." if len(rows) > 1 else "."
    if others and is_split:
        words.append(f"Colours: {', '.join(others)}.")
    elif others:
        words.append(f"Runs with other {', '.join(others)} are shown together.")
    if len(names) > PANELS:
        words.append(f"The first {PANELS} of {len(names)} numbers that vary.")
    return " ".join(words)


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(_same(value, other) for other in found):
            found.append(value)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in found):
        found.sort()
    return found


def _same(first: Any, other: Any) -> bool:
    return bool(first == other) and isinstance(first, bool) == isinstance(other, bool)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else say(value)


def _file_name(setting: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", setting.lower()).strip("-") or "setting"
