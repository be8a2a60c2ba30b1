"""Pictures of the evaluator `trace`: the walks in their principal axes, and dimensions next to the nullity."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Any

import attrs
import numpy as np

from identify_core import INK, MUTED, PALETTE, Context, Figure, Finding, house_style, new_figure
from identify_genni.options.trace import TraceOptions

Array = np.ndarray[Any, Any]

_PANELS = 3
_LOWEST = 1e-32


@attrs.frozen(kw_only=True, eq=False)
class Page:
    """A finding, read back."""

    parameters: int
    dimensions: list[dict[str, Any]]
    arrays: dict[str, Array]

    @classmethod
    def of(cls, finding: Finding) -> Page:
        """Read a finding that has walks."""
        table = finding.tables["dimensions"]
        parameters: Any = finding.scalars["parameters"]
        return cls(
            parameters=parameters,
            dimensions=[dict(zip(table.columns, row, strict=True)) for row in table.rows],
            arrays={name: each.values for name, each in finding.arrays.items()},
        )

    def nullities(self, row: int) -> Array:
        """P less the rank after each step of the walks from one replicate, (W, S)."""
        nullities: Array = self.parameters - self.arrays["ranks"][row]
        return nullities


def draw(options: TraceOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """One figure: up to three walks above, three diagrams below; nothing where nothing was traced."""
    if not finding.scalars["traced"]:
        return
    page = Page.of(finding)
    shown = min(_PANELS, len(page.dimensions))
    with house_style():
        figure, axes = new_figure(
            2, 3, width=10.4, height=7.8, title=fill(finding.summary, 88), gridspec_kw={"height_ratios": (1.35, 1)}
        )
        grid = axes[0, 0].get_gridspec()
        for column in range(_PANELS):
            axes[0, column].remove()
        spans = {1: [slice(0, 3)], 2: [slice(0, 1), slice(1, 3)], 3: [slice(0, 1), slice(1, 2), slice(2, 3)]}[shown]
        for row, span in enumerate(spans):
            _walk(figure, figure.add_subplot(grid[0, span], projection="3d"), page, row)
        _dimensions(axes[1, 0], page)
        _cloud(axes[1, 1], page)
        _losses(axes[1, 2], options, page)
    caption = (
        "Above: walks along the class from up to three replicates (star), seen in the three principal axes of all "
        f"their points. Each of {options.walkers} walkers tried {options.steps} steps of at most {options.length:g} "
        "|θ|. Below: estimated dimensions with their intervals next to the Jacobian's nullity; the widths of the cloud "
        "from which they were estimated; and the loss along the walks."
    )
    yield Figure(name="trace", caption=caption, static=figure, interactive=_interactive(page))


def _walk(figure: Any, axes: Any, page: Page, row: int) -> None:
    points, parts = page.arrays["projected"][row], page.arrays["explained"][row]
    nullities = page.nullities(row)
    pieces = np.unique(nullities)
    for path in points:
        axes.plot(*path.T, color=MUTED, linewidth=0.5, alpha=0.35)
    size = float(np.clip(6000 / points[..., 0].size, 2, 14))
    flat = points[:, 1:].reshape(-1, 3)
    if len(pieces) > 1:
        for at, piece in enumerate(sorted(pieces, reverse=True)):
            chosen = flat[(nullities == piece).reshape(-1)]
            colour = PALETTE[at % len(PALETTE)]
            words = f"nullity {piece}: {len(chosen) / len(flat):.0%}"
            axes.scatter(*chosen.T, s=size, color=colour, alpha=0.7, linewidths=0, label=words, depthshade=False)
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, 1.0), markerscale=2.0)
    else:
        step = np.broadcast_to(np.arange(1, points.shape[1]), (*points.shape[:1], points.shape[1] - 1)).reshape(-1)
        drawn = axes.scatter(*flat.T, s=size, c=step, cmap="viridis", alpha=0.8, linewidths=0, depthshade=False)
        bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.5, aspect=30, pad=0.06)
        bar.set_label("step")
        bar.outline.set_visible(False)
    start = points[0, 0]
    axes.scatter(*start, marker="*", s=170, color="white", edgecolors=INK, linewidths=1.1, depthshade=False, zorder=9)
    axes.set_title(f"Replicate {page.dimensions[row]['replicate']}", loc="center")
    for at, name in enumerate("xyz"):
        getattr(axes, f"set_{name}label")(f"axis {at + 1} ({parts[at]:.0%})", labelpad=-1)
        getattr(axes, f"{name}axis").set_pane_color((0.975, 0.978, 0.982, 1.0))
    axes.tick_params(pad=0, labelsize=7)
    axes.set_box_aspect(None, zoom=1.04)


def _dimensions(axes: Any, page: Page) -> None:
    axes.set(title="Dimension of the class", xlabel="replicate", ylabel="dimensions")
    for place, row in enumerate(page.dimensions):
        first = place == 0
        axes.plot(
            [place - 0.36, place + 0.36],
            [row["nullity"]] * 2,
            color=INK,
            linewidth=1.6,
            label="nullity" if first else None,
        )
        if row["symmetry dimension"] is not None:
            axes.plot(
                [place - 0.36, place + 0.36], [row["symmetry dimension"]] * 2, color=PALETTE[2], linewidth=1.6,
                linestyle=":", label="known symmetry" if first else None,
            )  # fmt: skip
        for offset, name, short, marker, colour in (
            (-0.12, "local PCA", "PCA", "s", PALETTE[1]),
            (0.12, "TwoNN", "TwoNN", "o", PALETTE[0]),
        ):
            value = row[name]
            whiskers = [[value - row[f"{short} low"]], [row[f"{short} high"] - value]]
            axes.errorbar(
                place + offset, value, yerr=np.maximum(whiskers, 0), fmt=marker, color=colour, markersize=6.5,
                capsize=4, elinewidth=1.4, label=name if first else None,
            )  # fmt: skip
    axes.set_xticks(range(len(page.dimensions)), [str(row["replicate"]) for row in page.dimensions])
    axes.set_xlim(-0.6, len(page.dimensions) - 0.4)
    highest = max(max(row["nullity"], row["TwoNN high"], row["PCA high"]) for row in page.dimensions)
    axes.set_ylim(-0.05 * highest, 1.3 * max(1, highest))
    axes.grid(visible=False, axis="x")
    axes.legend(loc="upper right", ncols=2)
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _cloud(axes: Any, page: Page) -> None:
    lengths = page.arrays["cloud-lengths"]
    axes.set(title="Widths of the cloud on the class", xlabel="principal axis", ylabel="width / largest width")
    axes.set_yscale("log")
    longest = 1
    for row, own in enumerate(lengths):
        good = own[np.isfinite(own)]
        if not len(good) or good[0] == 0:
            continue
        longest = max(longest, len(good))
        axes.plot(
            np.arange(1, len(good) + 1), np.maximum(good / good[0], 1e-16), marker="o" if len(good) <= 40 else None,
            markersize=5, color=PALETTE[row % len(PALETTE)], label=f"replicate {page.dimensions[row]['replicate']}",
        )  # fmt: skip
    axes.axhline(0.1, color=INK, linestyle="--", linewidth=1, label="counts above this")
    axes.set_xlim(0.5, longest + 0.5)
    if longest <= 20:
        axes.set_xticks(range(1, longest + 1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)


def _losses(axes: Any, options: TraceOptions, page: Page) -> None:
    axes.set(title="Loss along the walks", xlabel="step", ylabel="J / Var(f*)")
    axes.set_yscale("log")
    steps = np.arange(1, page.arrays["relative"].shape[2] + 1)
    held = page.arrays["held-out"]
    lowest = options.tolerance
    for name, colour, words in (
        ("held-out", PALETTE[1], "held-out inputs"),
        ("relative", PALETTE[0], "inputs kept at 0"),
    ):
        values = page.arrays[name].reshape(-1, len(steps))
        if not np.isfinite(values).any():
            continue
        values = np.maximum(values, _LOWEST)
        lowest = min(lowest, float(np.nanquantile(values, 0.02)))
        low, high = np.nanquantile(values, (0.05, 0.95), axis=0)
        axes.fill_between(steps, low, high, color=colour, alpha=0.22, linewidth=0)
        axes.plot(steps, np.nanmedian(values, axis=0), color=colour, linewidth=1.6, label=words)
    axes.axhline(options.tolerance, color=INK, linestyle="--", linewidth=1, label=f"tolerance {options.tolerance:g}")
    highest = float(np.nanmax(held, initial=options.tolerance))
    axes.set_ylim(lowest / 30, 30 * max(highest, options.tolerance))
    axes.set_xlim(1, max(2, len(steps)))
    axes.legend(loc="upper right")


def _interactive(page: Page) -> str:
    """The walks of the first replicate, to turn around."""
    from plotly import graph_objects

    points, nullities = page.arrays["projected"][0], page.nullities(0)
    relative, parts = page.arrays["relative"][0], page.arrays["explained"][0]
    figure = graph_objects.Figure()
    for walker, path in enumerate(points):
        figure.add_scatter3d(
            x=path[1:, 0], y=path[1:, 1], z=path[1:, 2], mode="lines+markers",
            line={"color": "#b8bdc4", "width": 1.5}, name=f"walker {walker}",
            marker={"size": 2.6, "color": np.arange(1, len(path)), "colorscale": "Viridis", "showscale": walker == 0,
                    "colorbar": {"title": "step"}},
            customdata=np.column_stack((np.arange(1, len(path)), relative[walker], nullities[walker])),
            hovertemplate="step %{customdata[0]}<br>J/Var(f*) = %{customdata[1]:.2g}<br>nullity %{customdata[2]}"
            f"<extra>walker {walker}</extra>",
            showlegend=False,
        )  # fmt: skip
    figure.add_scatter3d(
        x=points[:1, 0, 0], y=points[:1, 0, 1], z=points[:1, 0, 2], mode="markers", name="start",
        marker={"symbol": "diamond", "size": 7, "color": PALETTE[1]},
    )  # fmt: skip
    titles = [f"axis {at + 1} ({parts[at]:.0%})" for at in range(3)]
    scene = {f"{axis}axis": {"title": {"text": title}} for axis, title in zip("xyz", titles, strict=True)}
    figure.update_layout(template="plotly_white", height=680, scene=scene, margin={"t": 10, "b": 10, "l": 10, "r": 10})
    html: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id="trace")
    return html
