"""Pictures of the evaluator `recovery`: agreement next to floor and ceiling, and the tasks, true and fitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from identify_core import INK, MUTED, PALETTE, Context, Figure, Finding, Table, heat_map, house_style, new_figure
from identify_mtlcm.evaluators.recovery import CEILING, FLOOR
from identify_mtlcm.evaluators.references import INPUTS, UNTRAINED
from identify_mtlcm.options.evaluators import RecoveryOptions

Array = np.ndarray[Any, Any]

_REFERENCES = (INPUTS, UNTRAINED, FLOOR, CEILING)
_SCORES = {
    "weak": ("weak, one matching", PALETTE[0], "o"),
    "strong": ("strong, one matching", PALETTE[1], "D"),
    "per task": ("strong ranks, a matching per task (the study's)", PALETTE[2], "^"),
}
_MOST_TASKS = 60


def draw(options: RecoveryOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """Agreement with the truth, and where a causal model was fitted its indicators and slopes."""
    if "scores" in finding.tables:
        yield _agreement(finding.tables["scores"])
    if "probabilities" in finding.arrays:
        yield _tasks(finding)


def _agreement(table: Table) -> Figure:
    names = list(dict.fromkeys(str(row[0]) for row in table.rows))
    names.sort(key=lambda name: name in _REFERENCES)
    place = {name: -k for k, name in enumerate(names)}
    with house_style():
        figure, axes = new_figure(width=7.2, height=1.6 + 0.42 * len(names))
        for shift, (column, (label, colour, marker)) in enumerate(_SCORES.items()):
            at, values = _points(table, column, place)
            if len(values):
                axes.scatter(
                    values,
                    at + 0.18 * (1 - shift),
                    color=colour,
                    marker=marker,
                    s=26,
                    alpha=0.85,
                    linewidth=0,
                    label=label,
                    zorder=3,
                )
        kept = sum(name not in _REFERENCES for name in names)
        if 0 < kept < len(names):
            axes.axhline(0.5 - kept, color=MUTED, linewidth=0.8, linestyle=":")
        axes.set_yticks(list(place.values()), list(place))
        axes.set_ylim(0.6 - len(names), 0.6)
        axes.set_xlim(0, 1.02)
        axes.set_xlabel("mean correlation with the true latents")
        axes.set_title("Recovery of the true latents")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Figure(
        name="agreement",
        caption=(
            "Mean correlation coefficients with the true latents, one point a replicate; below the dotted line what "
            "they are to be read against. A matching of its own in every task flatters: see the random mixing."
        ),
        static=figure,
    )


def _points(table: Table, column: str, place: dict[str, int]) -> tuple[Array, Array]:
    k = table.columns.index(column)
    rows = [(place[str(row[0])], row[k]) for row in table.rows if isinstance(row[k], (int, float))]
    return np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows], dtype=float)


def _tasks(finding: Finding) -> Figure:
    probabilities = finding.arrays["probabilities"].values
    causal = finding.arrays["causal"].values.astype(float)
    right = [np.nanmean((each > 0.5) == causal) for each in probabilities]
    best = int(np.argmax(right))
    order = np.lexsort(causal.T[::-1])[::-1][:_MOST_TASKS]
    with_slopes = "gamma" in finding.arrays
    with house_style():
        columns = 3 if with_slopes else 2
        figure, axes = new_figure(
            1, columns, width=3.1 * columns, height=4.2, title=f"The tasks as replicate {best} sees them"
        )
        for panel, values, title in zip(axes, (causal, probabilities[best]), ("truth", "fitted"), strict=False):
            heat_map(
                panel,
                values[order],
                low=0,
                high=1,
                colours="Blues",
                label="probability of being causal" if title == "fitted" else "",
                aspect="auto",
                extent=(0.5, values.shape[1] + 0.5, len(order), 0),  # latents count from 1, as factors are named
            )
            panel.xaxis.get_major_locator().set_params(integer=True)
            panel.set(title=f"Causal indicators: {title}", xlabel="latent", ylabel="task, sorted")
            panel.set_yticks([])
        if with_slopes:
            _slopes(axes[2], finding, causal, best)
    shown = f"the first {len(order)} of {len(causal)} tasks" if len(order) < len(causal) else f"{len(causal)} tasks"
    slopes = " Right: slopes of the latents that are spurious in truth, in their units." if with_slopes else ""
    return Figure(
        name="tasks",
        caption=(
            f"Which latents cause the target of each task, {shown}; the fitted latents stand at the places of the true "
            f"ones that they are matched with (accuracy {right[best]:.1%}).{slopes}"
        ),
        static=figure,
    )


def _slopes(axes: Any, finding: Finding, causal: Array, best: int) -> None:
    spurious = causal < 0.5
    truth, said = finding.arrays["gamma"].values[spurious], finding.arrays["effects"].values[best][spurious]
    shown = np.isfinite(said)
    axes.scatter(truth[shown], said[shown], s=7, color=PALETTE[0], alpha=0.5, linewidth=0)
    ends = _ends((truth[shown],))
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
    axes.set(title="Slopes γ", xlabel="true", ylabel="fitted")


def _ends(values: Sequence[Array]) -> list[float]:
    every = np.concatenate([each.ravel() for each in values])
    return [float(every.min()), float(every.max())] if len(every) else [0.0, 1.0]
