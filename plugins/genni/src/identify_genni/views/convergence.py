"""Pictures of the evaluator `convergence`: one page of panels, and the same curves to explore."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Any

import attrs
import numpy as np

from identify_core import INK, MUTED, PALETTE, Context, Figure, Finding, house_style, new_figure
from identify_genni.options.convergence import ConvergenceOptions

Array = np.ndarray[Any, Any]

COLOURS = {
    "converged": PALETTE[0],
    "not converged": PALETTE[4],
    "constant": PALETTE[3],
    "dead": PALETTE[6],
    "diverged": PALETTE[1],
}
MARKERS = {"converged": "o", "not converged": "s", "constant": "D", "dead": "X", "diverged": "^"}
_BAND = (0.1, 0.9)
_STRIP = 0.2  # how wide the polishing is drawn, of the width of the steps


@attrs.frozen(kw_only=True, eq=False)
class Page:
    """What the panels share."""

    statuses: list[str]
    tolerance: float
    arrays: dict[str, Array]
    layers: list[str]

    @classmethod
    def of(cls, finding: Finding) -> Page:
        """Read a finding back."""
        tolerance: Any = finding.scalars["tolerance"]
        table = finding.tables["replicates"]
        column = table.columns.index("status")
        return cls(
            statuses=[str(row[column]) for row in table.rows],
            tolerance=tolerance,
            arrays={name: array.values for name, array in finding.arrays.items()},
            layers=[str(row[0]) for row in finding.tables["layers"].rows],
        )

    @property
    def polished(self) -> bool:
        """Whether iterations of a polishing follow the gradient steps."""
        return bool(len(self.arrays.get("polish-iterations", ())))

    def curve(self, name: str) -> tuple[Array, Array]:
        """Steps (S,) and values (S, R) of a quantity, the iterations of the polishing counted on after the last step.

        Of what is not recorded at each iteration there is one more value, that at the end.
        """
        steps = self.arrays["measured-steps" if name == "relative" else "steps"]
        values = self.arrays[name]
        if not self.polished or not len(steps):
            return steps, values
        iterations = self.arrays["polish-iterations"] + self.arrays["steps"][-1]
        if f"polish-{name}" in self.arrays:
            return np.append(steps, iterations), np.concatenate([values, self.arrays[f"polish-{name}"]])
        return np.append(steps, iterations[-1]), np.concatenate([values, self.arrays[f"final-{name}"][None]])


def draw(options: ConvergenceOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """One figure of eight panels."""
    page = Page.of(finding)
    with house_style():
        figure, axes = new_figure(3, 3, width=10.0, height=8.6, title=fill(finding.summary, 90))
        _endings(axes[0, 0], page)
        _curves(axes[0, 1], page, "relative", "J / Var(f*)", "Distance to the target")
        axes[0, 1].axhline(page.tolerance, color=INK, linestyle="--", linewidth=1)
        _converged(axes[0, 2], page)
        _dead(axes[2, 0], page)
        _curves(axes[1, 0], page, "loss", "J on the step's batch", "Training loss")
        _curves(axes[1, 1], page, "gradient-norm", "|∇J|", "Gradient")
        _curves(axes[1, 2], page, "parameter-norm", "|θ|", "Parameters")
        axes[1, 2].set_yscale("linear")
        _balance(axes[2, 1], page)
        _legend(axes[2, 2], page)
    caption = (
        f"Training of {len(page.statuses)} replicates. Thin lines are replicates, the thick line is their median and "
        f"the band holds the middle 80 %; the dashed line is the tolerance J/Var(f*) = {page.tolerance:g}. "
        "Balancedness, |w_in|² + b² − |w_out|² of a unit, stays on the diagonal under gradient flow where units are "
        "1-homogeneous."
    )
    if page.polished:
        caption += (
            " Right of the dotted line, on a scale of their own, are the iterations of the polishing: loss and "
            "gradient on all training inputs; of the distance and the parameters the values at its end."
        )
    yield Figure(name="convergence", caption=caption, static=figure, interactive=_interactive(page))


def _endings(axes: Any, page: Page) -> None:
    final = page.arrays["final-relative"]
    for replicate, (value, status) in enumerate(zip(final, page.statuses, strict=True)):
        if np.isfinite(value) and value > 0:
            axes.plot(replicate, value, marker=MARKERS[status], color=COLOURS[status], markersize=7)
    finite = final[np.isfinite(final) & (final > 0)]
    axes.axhline(page.tolerance, color=INK, linestyle="--", linewidth=1)
    if len(finite):
        axes.set_yscale("log")
        axes.set_ylim(min(finite.min(), page.tolerance) / 3, max(finite.max(), page.tolerance, 1) * 3)
    axes.set_xlim(-0.6, len(final) - 0.4)
    _whole_ticks(axes.xaxis)
    axes.set(title="Where each replicate ended", xlabel="replicate", ylabel="J / Var(f*)")


def _curves(axes: Any, page: Page, name: str, label: str, title: str) -> None:
    steps, values = page.curve(name)
    axes.set(title=title, xlabel="step", ylabel=label)
    if not len(steps):
        _say(axes, "nothing was recorded")
        return
    log = bool(steps[-1] > 10 * max(1, steps[0]))
    places = _places(steps, page, log=log)
    shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    faint = 0.75 if values.shape[1] <= 10 else max(0.15, 5 / values.shape[1])
    for replicate, status in enumerate(page.statuses):
        axes.plot(places, shown[:, replicate], color=COLOURS[status], linewidth=0.9, alpha=faint)
    complete = np.isfinite(values).all(1)
    if values.shape[1] > 2 and complete.any():
        low, middle, high = np.quantile(values[complete], (_BAND[0], 0.5, _BAND[1]), axis=1)
        axes.fill_between(places[complete], low, high, color=MUTED, alpha=0.15, linewidth=0)
        axes.plot(places[complete], middle, color=INK, linewidth=1.8)
    if np.isfinite(shown).any():
        axes.set_yscale("log")
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter("")
    axes.set_xlim(max(1, places[0]), max(places[-1], places[0] + 1))
    _mark_polishing(axes, page)


def _places(steps: Array, page: Page, *, log: bool) -> Array:
    """Where steps lie on the axis: the iterations of the polishing have a strip of their own behind the steps."""
    if not page.polished:
        return steps
    end, first = page.arrays["steps"][-1], max(1, steps[0]) if log else 0
    share = _STRIP * np.clip((steps - end) / (steps[-1] - end), 0, 1)
    within = np.minimum(steps, end).astype(float)
    places: Array = within * (end / first) ** share if log else within + (end - first) * share
    return places


def _mark_polishing(axes: Any, page: Page) -> None:
    """Set the strip of the polishing off: it has no numbers of steps."""
    if page.polished:
        end = page.arrays["steps"][-1]
        axes.axvline(end, color=MUTED, linestyle=":", linewidth=1.2)
        for minor in (False, True):
            first = axes.get_xlim()[0]
            axes.set_xticks([tick for tick in axes.get_xticks(minor=minor) if first <= tick <= end], minor=minor)
        axes.set_xlabel("step, then polishing")


def _converged(axes: Any, page: Page) -> None:
    steps, part = page.curve("relative")[0], page.arrays["converged-part"]
    if len(steps) > len(part):
        part = np.append(part, page.statuses.count("converged") / len(page.statuses))
    axes.set(title="Converged so far", xlabel="step", ylabel="part of the replicates", ylim=(-0.02, 1.02))
    if not len(steps):
        _say(axes, "nothing was measured")
        return
    places = _places(steps, page, log=False)
    axes.fill_between(places, part, step="post", color=COLOURS["converged"], alpha=0.2, linewidth=0)
    axes.step(places, part, where="post", color=COLOURS["converged"], linewidth=2)
    axes.set_xlim(0, max(1, places[-1]))
    _mark_polishing(axes, page)
    axes.annotate(
        f"{part[-1]:.0%}", (places[-1], part[-1]), xytext=(-6, -12 if part[-1] > 0.5 else 6),
        textcoords="offset points", ha="right", weight="bold", color=COLOURS["converged"],
    )  # fmt: skip


def _dead(axes: Any, page: Page) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set(title="Dead units", xlabel="hidden layer", ylabel="part of the units")
    if not page.layers:
        _say(axes, "the network's layers are not known")
        return
    layer_of, dead = page.arrays["layer-of-unit"], page.arrays["dead"]
    if not dead.any():
        _say(axes, "no unit was dead,\nbefore training or after")
        return
    places = np.arange(len(page.layers))
    for moment, (label, colour) in enumerate((("before training", PALETTE[5]), ("after training", PALETTE[0]))):
        parts = [dead[moment][:, layer_of == layer].mean() for layer in places]
        bars = axes.bar(places + 0.38 * (moment - 0.5), parts, 0.36, color=colour, label=label)
        axes.bar_label(bars, labels=[f"{part:.0%}" for part in parts], padding=2, fontsize=8, color=INK)
    axes.set_xticks(places, page.layers, rotation=25 if len(page.layers) > 3 else 0)
    axes.set_xlim(-0.6, len(page.layers) - 0.4)
    axes.set_ylim(0, max(0.1, min(1.15, 1.3 * float(axes.dataLim.ymax))))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="upper right")


def _balance(axes: Any, page: Page) -> None:
    axes.set(title="Balancedness of the units", xlabel="before training", ylabel="after training")
    if not page.layers:
        _say(axes, "the network's layers are not known")
        return
    before, after = page.arrays["balancedness"]
    everything = np.concatenate([before.ravel(), after.ravel()])
    everything = everything[np.isfinite(everything)]
    low, high = float(everything.min()), float(everything.max())
    margin = 0.06 * (high - low) or 1.0
    axes.plot((low - margin, high + margin), (low - margin, high + margin), color=MUTED, linewidth=1, zorder=1)
    size = 26 if before.size <= 200 else 8
    for replicate, status in enumerate(page.statuses):
        axes.scatter(
            before[replicate], after[replicate], s=size, color=COLOURS[status], marker=MARKERS[status], alpha=0.7,
            linewidths=0, zorder=2,
        )  # fmt: skip
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(low - margin, high + margin)
    if not page.arrays["conserved"].all():
        axes.text(
            0.03, 0.97, "not conserved by all layers", transform=axes.transAxes, va="top", fontsize=8, color=MUTED
        )


def _legend(axes: Any, page: Page) -> None:
    from matplotlib.lines import Line2D

    handles: list[Line2D] = [
        Line2D([], [], color=COLOURS[status], marker=MARKERS[status], linewidth=1.2, markersize=6, label=label)
        for status, label in ((each, f"{each} ({page.statuses.count(each)})") for each in COLOURS)
        if status in page.statuses
    ]
    handles.append(Line2D([], [], color=INK, linewidth=1.8, label="median of all"))
    handles.append(Line2D([], [], color=INK, linewidth=1, linestyle="--", label=f"tolerance {page.tolerance:g}"))
    if page.polished:
        handles.append(Line2D([], [], color=MUTED, linewidth=1.2, linestyle=":", label="polishing from here on"))
    axes.axis("off")
    axes.legend(handles=handles, loc="center left", frameon=False, fontsize=9)


def _say(axes: Any, text: str) -> None:
    """A sentence in the place of a picture, without axes."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)
    axes.set_axis_off()


def _whole_ticks(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, nbins=10))


def _interactive(page: Page) -> str:
    """J/Var(f*), the training loss and the gradient over steps, with each replicate to point at."""
    from plotly import graph_objects
    from plotly.subplots import make_subplots

    panels = (
        ("relative", "Distance to the target, J / Var(f*)"),
        ("loss", "Training loss"),
        ("gradient-norm", "Gradient, |∇J|"),
    )
    figure = make_subplots(rows=1, cols=3, subplot_titles=[title for _, title in panels])
    for column, (name, _) in enumerate(panels, start=1):
        steps, values = page.curve(name)
        for replicate, status in enumerate(page.statuses):
            own = values[:, replicate]
            shown = np.where(np.isfinite(own) & (own > 0), own, np.nan)
            figure.add_trace(
                graph_objects.Scatter(
                    x=steps,
                    y=shown,
                    mode="lines",
                    line={"color": COLOURS[status], "width": 1.4},
                    name=f"{replicate}: {status}",
                    legendgroup=str(replicate),
                    showlegend=column == 1,
                    hovertemplate=f"replicate {replicate} ({status})<br>step %{{x}}<br>%{{y:.3g}}<extra></extra>",
                ),
                row=1,
                col=column,
            )
        figure.update_xaxes(title_text="step", type="log", row=1, col=column)
        figure.update_yaxes(type="log", exponentformat="power", row=1, col=column)
    figure.add_hline(y=page.tolerance, line={"color": INK, "dash": "dash", "width": 1}, row=1, col=1)
    figure.update_layout(template="plotly_white", height=480, margin={"t": 60, "b": 50, "l": 60, "r": 20})
    html: str = figure.to_html(full_html=False, include_plotlyjs=False)
    return html
