"""The picture of the evaluator `task-rank`: spectra of targets and heads, and what each task adds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from identify_core import INK, MUTED, PALETTE, Context, Figure, Finding, Table, house_style, new_figure
from identify_mtlcm.options.evaluators import TaskRankOptions

_FLOOR = 1e-9
_MOST_BARS = 40


def draw(options: TaskRankOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """Spectra on the left; on the right the tasks, where they share their rows."""
    tasks = finding.tables.get("tasks")
    if tasks is None and "head-spectra" not in finding.arrays:
        return
    bars = 0 if tasks is None else min(len(tasks.rows), _MOST_BARS)
    with house_style():
        if tasks is None:
            figure, left = new_figure(width=6.4, height=4.0)
        else:
            figure, (left, right) = new_figure(1, 2, width=9.6, height=max(3.8, 1.2 + 0.2 * bars))
            _bars(right, tasks)
        _spectra(left, options, finding)
    caption = "Left: singular values as parts of the largest; directions below the dashed line do not count. "
    if tasks is not None:
        caption += (
            "Right: tasks in the order in which each adds the most, with the share of its variance that the tasks "
            f"above it leave open{f' (the first {bars} of {len(tasks.rows)})' if bars < len(tasks.rows) else ''}."
        )
    yield Figure(name="task-rank", caption=caption.removeprefix("Left: " if tasks is None else ""), static=figure)


def _spectra(axes: Any, options: TaskRankOptions, finding: Finding) -> None:
    axes.set_yscale("log")
    if "target-spectrum" in finding.arrays:
        _line(axes, finding.arrays["target-spectrum"].values, PALETTE[0], "targets")
    if "head-spectra" in finding.arrays:
        for r, values in enumerate(finding.arrays["head-spectra"].values):
            _line(axes, values, PALETTE[1], "heads, each replicate" if r == 0 else "", alpha=0.6)
    axes.axhline(options.tolerance, color=INK, linestyle="--", linewidth=1)
    latents: Any = finding.scalars["latents"]
    if latents:
        axes.axvline(latents, color=MUTED, linestyle=":", linewidth=1.2)
        axes.annotate(
            f"{latents} latents", (latents, 1), xytext=(4, -2), textcoords="offset points", color=MUTED, fontsize=8
        )
    axes.set(title="Directions that the tasks can see", xlabel="direction", ylabel="singular value / largest")
    axes.legend(loc="lower left")


def _line(axes: Any, values: Any, colour: str, label: str, alpha: float = 1.0) -> None:
    relative = np.maximum(values / values.max(), _FLOOR) if values.max() > 0 else np.full(len(values), _FLOOR)
    axes.plot(
        np.arange(1, len(relative) + 1), relative, color=colour, marker="o", markersize=3.5, label=label, alpha=alpha
    )


def _bars(axes: Any, tasks: Table) -> None:
    rows = tasks.rows[:_MOST_BARS]
    places = -np.arange(len(rows))
    axes.barh(places, [row[2] for row in rows], color=PALETTE[0], height=0.7)
    axes.set_yticks(places, [str(row[1]) for row in rows])
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set(title="What each task adds", xlabel="share of variance not explained by the tasks above", xlim=(0, 1.0))
    axes.grid(visible=False, axis="y")
