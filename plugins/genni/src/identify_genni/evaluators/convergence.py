"""The evaluator `convergence`: did training arrive, how, and what became of units on the way.

The study planned this check and never had it; nothing related J of its networks to the tolerance of its pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, RunError, RunSubject, Subject, Table
from identify_genni.layers import HiddenLayer, describe
from identify_genni.options.convergence import ConvergenceOptions
from identify_genni.unit_state import balancedness, conserves_balance, dead_units

Array = np.ndarray[Any, Any]
Series = tuple[Array, Array]


@attrs.frozen(kw_only=True, eq=False)
class Units:
    """The hidden units of all layers side by side, before training and after.

    Args:
        layers: the layers, from the input to the output; none where the network's structure is not understood.
        reason: why it is not.
        layer_of: which layer each unit belongs to, (U,).
        dead: (2, R, U), booleans: at the start and at the end.
        balance: (2, R, U): at the start and at the end.
    """

    layers: tuple[HiddenLayer, ...]
    reason: str
    layer_of: Array
    dead: Array
    balance: Array

    @property
    def conserved(self) -> Array:
        """Which units' balancedness gradient flow conserves, (U,)."""
        return np.array([conserves_balance(self.layers[each]) for each in self.layer_of], dtype=bool)

    def drift(self) -> Array:
        """How far the balancedness moved, the largest of the conserved units of each replicate, (R,); NaN for none."""
        moved = np.abs(self.balance[1] - self.balance[0])[:, self.conserved]
        return moved.max(1) if moved.shape[1] else np.full(len(moved), np.nan)


def evaluate(options: ConvergenceOptions, subject: Subject, context: Context) -> Finding:
    """Curves over the steps, the part that has converged, dead units and balancedness, and a row a replicate.

    Raises:
        RunError: the run was not made by the objective `equivalence`.
    """
    run = subject.run
    outcome = None if run is None else run.findings.get("outcome")
    if run is None or outcome is None or "replicates" not in outcome.tables:
        raise RunError(
            "the run has no finding 'outcome', which the objective equivalence leaves",
            hint='choose [objective] type = "genni:equivalence"',
        )
    table = outcome.tables["replicates"]
    rows: list[dict[str, Any]] = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    own: Any = outcome.scalars["tolerance"]
    tolerance: float = options.tolerance if options.tolerance is not None else own
    tried, kept = ([int(row[name]) for row in rows] for name in ("attempts", "kept attempt"))
    curves = {
        name: _thinned(_kept_history(run.history, name, tried, kept), options.points)
        for name in ("loss", "gradient-norm", "parameter-norm", "metric")
    }
    polished = {
        name: _thinned(_kept_history(run.history, f"polish-{name}", tried, kept), options.points)
        for name in ("loss", "gradient-norm")
    }
    units = _units(options, run, outcome, context)
    arrived = _part_converged(curves["metric"], rows, tolerance)
    found = _finding(rows, outcome.arrays["relative"].values, curves, arrived, units, tolerance)
    return attrs.evolve(found, arrays={**found.arrays, **_polish_arrays(polished, run)})


def _kept_history(history: Mapping[str, Series], name: str, tried: list[int], kept: list[int]) -> Series:
    """A quantity over the steps of each replicate's kept attempt, (S,) and (S, R); its last value is carried on.

    Attempt k was made by the replicates that tried at least k times, and its history holds these alone.
    """
    found: dict[int, Series] = {}
    for attempt in sorted(set(kept)):
        stored = name if attempt == 1 else f"attempt-{attempt}-{name}"
        if stored in history:
            found[attempt] = history[stored]
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros((0, len(kept)))
    steps = np.unique(np.concatenate([series[0] for series in found.values()]))
    values = np.full((len(steps), len(kept)), np.nan)
    for replicate, attempt in enumerate(kept):
        if attempt not in found:
            continue
        own_steps, own = found[attempt]
        column = [r for r, times in enumerate(tried) if times >= attempt].index(replicate)
        values[np.searchsorted(steps, own_steps), replicate] = own[:, column]
    return steps, _carried_on(values)


def _carried_on(values: Array) -> Array:
    """NaN replaced by the last value above it in its column."""
    known = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    return np.take_along_axis(values, np.maximum.accumulate(known, axis=0), axis=0)


def _thinned(series: Series, points: int) -> Series:
    """At most `points` of the steps, evenly spaced on a log axis, the first and the last among them."""
    steps, values = series
    if len(steps) <= points:
        return series
    chosen = np.unique(np.searchsorted(steps, np.geomspace(max(1, steps[0]), steps[-1], points)))
    chosen = np.union1d(chosen, [0, len(steps) - 1])
    return steps[chosen], values[chosen]


def _statuses(rows: list[dict[str, Any]], relative: Array, tolerance: float) -> list[str]:
    """The objective's own words, but for who has converged, which is judged by this evaluator's tolerance."""
    said = []
    for row, reached in zip(rows, relative, strict=True):
        status = str(row["status"])
        if status != "diverged" and reached <= tolerance:
            status = "converged"
        elif status == "converged":
            status = "not converged"
        said.append(status)
    return said


def _part_converged(metric: Series, rows: list[dict[str, Any]], tolerance: float) -> Series:
    """The part of the replicates within the tolerance, over the measured steps; diverged ones are never within."""
    steps, values = metric
    never = np.array([row["status"] == "diverged" for row in rows])
    return steps, ((values <= tolerance) & ~never).mean(1) if len(steps) else np.zeros(0)


def _units(options: ConvergenceOptions, run: RunSubject, outcome: Finding, context: Context) -> Units:
    replicates = run.replicates
    structure = describe(replicates.template)
    layers = structure.layers
    count = replicates.count
    if not layers:
        none = np.zeros((2, count, 0))
        return Units(layers=(), reason=structure.reason, layer_of=np.zeros(0, int), dead=none > 0, balance=none)
    before = replicates.select(range(count)).eval()
    initial = torch.from_numpy(outcome.arrays["initial"].values.copy())
    before.set_vectors(initial.to(before.device, before.dtype))
    inputs = run.samples.split("train").tensor("x")[: options.samples].to(context.device, replicates.dtype)
    dead, balance = [], []
    for moment in (before, replicates):
        dead.append(torch.cat(dead_units(moment, layers, inputs), dim=1).cpu().numpy())
        parts = [balancedness(layer, moment.parameters) for layer in layers]
        balance.append(torch.cat(parts, dim=1).cpu().numpy())
    layer_of = np.repeat(np.arange(len(layers)), [layer.width for layer in layers])
    return Units(layers=layers, reason="", layer_of=layer_of, dead=np.stack(dead), balance=np.stack(balance))


def _finding(
    rows: list[dict[str, Any]],
    relative: Array,
    curves: dict[str, Series],
    arrived: Series,
    units: Units,
    tolerance: float,
) -> Finding:
    statuses = _statuses(rows, relative, tolerance)
    dead, drift = units.dead.sum(2), units.drift()
    final = {name: values[-1] if len(values) else np.full(len(rows), np.nan) for name, (_, values) in curves.items()}
    columns: dict[str, Any] = {
        "replicate": range(len(rows)),
        "status": statuses,
        "J/Var(f*)": relative,
        "last batch loss": final["loss"],
        "gradient norm": final["gradient-norm"],
        "parameter norm": final["parameter-norm"],
        "steps": [row["steps"] for row in rows],
        "attempts": [row["attempts"] for row in rows],
    }
    if units.layers:
        columns |= {"dead units, start": dead[0], "dead units, end": dead[1], "balancedness moved by": drift}
    within = statuses.count("converged")
    arrays = {
        "steps": LabelledArray(values=curves["loss"][0], dimensions=("step",)),
        "final-relative": LabelledArray(values=relative, dimensions=("replicate",), summary="J/Var(f*) in the end"),
        "measured-steps": LabelledArray(values=curves["metric"][0], dimensions=("measurement",)),
        "relative": _curve(curves["metric"], "measurement", "J/Var(f*)"),
        "converged-part": LabelledArray(
            values=arrived[1],
            dimensions=("measurement",),
            summary=f"part of the replicates with J/Var(f*) ≤ {tolerance:g}",
        ),
        "loss": _curve(curves["loss"], "step", "J on the step's batch, before the update"),
        "gradient-norm": _curve(curves["gradient-norm"], "step", "|∇J|"),
        "parameter-norm": _curve(curves["parameter-norm"], "step", "|θ| after the update"),
        "layer-of-unit": LabelledArray(values=units.layer_of, dimensions=("unit",)),
        "conserved": LabelledArray(values=units.conserved, dimensions=("unit",), summary="1-homogeneous units"),
        "dead": LabelledArray(
            values=units.dead, dimensions=("moment", "replicate", "unit"), summary="at the start and at the end"
        ),
        "balancedness": LabelledArray(
            values=units.balance,
            dimensions=("moment", "replicate", "unit"),
            summary="|w_in|² + b² − |w_out|², at the start and at the end",
        ),
    }
    return Finding(
        summary=f"{within} of {len(rows)} replicates converged to J/Var(f*) ≤ {tolerance:g}.",
        scalars=_scalars(statuses, arrived, relative, units, drift, tolerance),
        tables={
            "replicates": Table(
                columns=tuple(columns),
                rows=list(zip(*columns.values(), strict=True)),
                caption="How the kept attempt of each replicate ended.",
            ),
            "layers": _layer_table(units),
        },
        arrays=arrays,
        conventions={
            "curves": "each replicate's kept attempt; after a replicate stops its last value is carried on",
            "dead unit": "one and the same output for every training input looked at, at every position of a channel",
            "balancedness": "|w_in|² + b² − |w_out|² of a unit; gradient flow conserves it for 1-homogeneous units, "
            "gradient descent up to O(learning rate)",
        },
        warnings=_warnings(statuses, units, tolerance),
    )


def _polish_arrays(polished: dict[str, Series], run: RunSubject) -> dict[str, LabelledArray]:
    """The iterations after the last gradient step; empty where nothing was polished."""
    norms = run.replicates.vectors().double().norm(dim=1).cpu().numpy()
    return {
        "polish-iterations": LabelledArray(values=polished["loss"][0], dimensions=("iteration",)),
        "polish-loss": _curve(polished["loss"], "iteration", "J on all training inputs after each iteration"),
        "polish-gradient-norm": _curve(polished["gradient-norm"], "iteration", "|∇J| on all training inputs"),
        "final-parameter-norm": LabelledArray(values=norms, dimensions=("replicate",), summary="|θ| in the end"),
    }


def _curve(series: Series, axis: str, summary: str) -> LabelledArray:
    return LabelledArray(values=series[1], dimensions=(axis, "replicate"), summary=summary)


def _scalars(
    statuses: list[str], arrived: Series, relative: Array, units: Units, drift: Array, tolerance: float
) -> dict[str, Any]:
    scalars: dict[str, Any] = {
        "converged-part": statuses.count("converged") / len(statuses),
        "median-relative": float(np.median(relative)),
        "tolerance": tolerance,
    }
    half = arrived[0][arrived[1] >= 0.5]
    scalars["steps-until-half-converged"] = int(half[0]) if len(half) else None
    if units.layers:
        scalars["dead-units-start"] = float(units.dead[0].mean())
        scalars["dead-units-end"] = float(units.dead[1].mean())
        if units.conserved.any():
            scalars["balancedness-drift"] = float(np.max(drift))
    return scalars


def _layer_table(units: Units) -> Table:
    rows = []
    for index, layer in enumerate(units.layers):
        mine = units.layer_of == index
        moved = np.abs(units.balance[1] - units.balance[0])[:, mine]
        rows.append(
            (
                layer.name,
                layer.activation,
                layer.width,
                float(units.dead[0][:, mine].mean()),
                float(units.dead[1][:, mine].mean()),
                float(np.median(moved)),
                float(moved.max()),
                "yes" if conserves_balance(layer) else "no",
            )
        )
    return Table(
        columns=(
            "layer",
            "activation",
            "units",
            "dead part, start",
            "dead part, end",
            "balancedness moved by, median",
            "balancedness moved by, most",
            "conserved by gradient flow",
        ),
        rows=rows,
        caption="Hidden layers, over all replicates." if units.layers else f"No layers: {units.reason}.",
    )


def _warnings(statuses: list[str], units: Units, tolerance: float) -> list[str]:
    said = []
    missing = [str(r) for r, status in enumerate(statuses) if status != "converged"]
    if missing:
        said.append(f"replicates {', '.join(missing)} are not elements of the class within J/Var(f*) ≤ {tolerance:g}")
    if not units.layers and units.reason:
        said.append(f"units were not looked at: {units.reason}")
    return said
