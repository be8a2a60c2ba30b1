"""Interactive views of a subspace as plotly fragments."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from identify_genni.views.subspace_landscape import NET_COLOURS, Array, Landscape
from identify_genni.views.subspace_surfaces import isosurface

_MOST_POINTS = 15_000
_MOST_TRIANGLES = 40_000
_MOST_SLICES, _MOST_ACROSS = 25, 81  # what keeps a page at a few megabytes


def _to_html(traces: list[Any], layout: dict[str, Any]) -> str:
    import plotly.graph_objects as go

    figure = go.Figure(traces)
    figure.update_layout(template="plotly_white", margin={"l": 10, "r": 10, "t": 30, "b": 10}, **layout)
    fragment: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id="subspace")
    return fragment


def surface_view(landscape: Landscape) -> str:
    """log J as a surface over the first two directions."""
    import plotly.graph_objects as go

    height = landscape.plane({k: landscape.nearest(k, 0.0) for k in range(2, landscape.dimension)})
    low, high = landscape.log_range
    border = float(np.log10(landscape.tolerance))
    lines = {"z": {"show": True, "start": border, "end": border + 1e-6, "size": 1, "color": "white", "width": 4}}
    surface = go.Surface(
        x=landscape.axes[0], y=landscape.axes[1], z=height.astype(np.float32), colorscale="Magma", contours=lines,
        cmin=low, cmax=high, colorbar={"title": f"log₁₀ {_plain(landscape)}"},
    )  # fmt: skip
    heights = [float(np.clip(np.log10(max(loss, 1e-300)), low, high)) for loss in landscape.net_losses]
    return _to_html([surface, *_nets(landscape, heights)], {"scene": _scene(landscape, f"log₁₀ {_plain(landscape)}")})


def contour_view(landscape: Landscape) -> str:
    """The map of log J over the first two directions."""
    import plotly.graph_objects as go

    plane = landscape.plane({k: landscape.nearest(k, 0.0) for k in range(2, landscape.dimension)})
    traces: list[Any] = _map(landscape, plane, visible=True, most=400)
    for name, place, colour in zip(landscape.net_names, landscape.nets, NET_COLOURS, strict=False):
        marker = {"size": 13, "color": colour, "line": {"color": "white", "width": 1.5}}
        traces.append(go.Scatter(x=[place[0]], y=[place[1]], mode="markers", name=name, marker=marker))
    layout = {
        "xaxis_title": plain_label(landscape, 0),
        "yaxis_title": plain_label(landscape, 1),
        "legend": {"orientation": "h", "y": -0.15},
    }
    return _to_html(traces, layout)


def slices_view(landscape: Landscape) -> str:
    """The map of log J over the first two directions, with a slider along the third."""
    fourth = {} if landscape.dimension == 3 else {3: landscape.nearest(3, 0.0)}
    positions = np.unique(np.linspace(0, len(landscape.axes[2]) - 1, _MOST_SLICES).round().astype(int)).tolist()
    middle = min(positions, key=lambda position: abs(float(landscape.axes[2][position])))
    traces: list[Any] = []
    steps = []
    for position in positions:
        pair = _map(landscape, landscape.plane({2: position, **fourth}), visible=position == middle, most=_MOST_ACROSS)
        traces += pair
        shown = [other == position for other in positions for _ in pair]
        steps.append({"method": "restyle", "args": [{"visible": shown}], "label": f"{landscape.axes[2][position]:.3g}"})
    slider = {
        "active": positions.index(middle),
        "steps": steps,
        "currentvalue": {"prefix": f"{plain_label(landscape, 2)}: "},
    }
    layout = {
        "sliders": [slider],
        "xaxis_title": plain_label(landscape, 0),
        "yaxis_title": plain_label(landscape, 1),
    }
    return _to_html(traces, layout)


def isosurface_view(landscape: Landscape) -> str:
    """The surface J = ε, and the grid points inside it, which can be switched off and on."""
    import plotly.graph_objects as go

    traces: list[Any] = []
    surface = isosurface(landscape, most=_MOST_TRIANGLES)
    if surface is not None:
        x, y, z = surface.vertices.astype(np.float32).T
        i, j, k = surface.triangles.astype(np.int32).T
        light = {"ambient": 0.45, "diffuse": 0.7, "specular": 0.4, "roughness": 0.35}
        traces.append(
            go.Mesh3d(
                x=x, y=y, z=z, i=i, j=j, k=k, intensity=z, colorscale="Viridis", showscale=False, lighting=light,
                name=f"{_plain(landscape)} = {landscape.tolerance:.3g}", showlegend=True, hoverinfo="skip",
            )
        )  # fmt: skip
    traces.append(_points(landscape))
    heights = [float(place[2]) for place in landscape.nets]
    return _to_html(
        [*traces, *_nets(landscape, heights)],
        {"scene": _scene(landscape, plain_label(landscape, 2)), "legend": {"y": 0.9}},
    )


def embedding_view(landscape: Landscape) -> str:
    """The embedded points, with their J on hovering."""
    import plotly.graph_objects as go

    if landscape.embedding is None:
        raise ValueError("this finding has no embedding")
    places, losses = landscape.embedding
    points, nets = places[: len(losses)], places[len(losses) :]
    colours = np.log10(np.maximum(losses, 1e-3 * landscape.tolerance))
    bar = {"title": f"log₁₀ {_plain(landscape)}"}
    marker: dict[str, Any] = {"size": 4, "color": colours, "colorscale": "Magma", "colorbar": bar}
    traces: list[Any] = [
        go.Scattergl(x=points[:, 0], y=points[:, 1], mode="markers", marker=marker, name="kept grid points",
                     text=[f"{loss:.3g}" for loss in losses], hovertemplate="%{text}")
    ]  # fmt: skip
    for name, place, colour in zip(landscape.net_names, nets, NET_COLOURS, strict=False):
        dot = {"size": 14, "color": colour, "line": {"color": "black", "width": 1}}
        traces.append(go.Scatter(x=[place[0]], y=[place[1]], mode="markers", marker=dot, name=name))
    hidden = {"visible": False}
    return _to_html(traces, {"xaxis": hidden, "yaxis": {**hidden, "scaleanchor": "x"}, "legend": {"orientation": "h"}})


def plain_label(landscape: Landscape, axis: int) -> str:
    """An axis label without mathematical type."""
    return re.sub(r"\$c_(\d)\$", r"c\1", landscape.labels[axis])


def _plain(landscape: Landscape) -> str:
    return "J / Var(f*)" if "Var" in landscape.quantity else "J"


def _map(landscape: Landscape, plane: Array, *, visible: bool, most: int) -> list[Any]:
    import plotly.graph_objects as go

    low, high = landscape.log_range
    border = float(np.log10(landscape.tolerance))
    down, across = (max(1, -(-size // most)) for size in plane.shape)
    common = {
        "x": landscape.axes[0][::across],
        "y": landscape.axes[1][::down],
        "z": plane[::down, ::across].astype(np.float32),
        "visible": visible,
    }
    bar = {"title": f"log₁₀ {_plain(landscape)}"}
    line = {"start": border, "end": border, "size": 1, "coloring": "none"}
    return [
        go.Heatmap(**common, colorscale="Magma", zmin=low, zmax=high, zsmooth="best", colorbar=bar),
        go.Contour(
            **common, contours=line, line={"color": "white", "width": 2}, showscale=False, showlegend=visible, name="ε"
        ),
    ]


def _nets(landscape: Landscape, heights: list[float]) -> list[Any]:
    import plotly.graph_objects as go

    traces: list[Any] = []
    for name, place, height, colour in zip(landscape.net_names, landscape.nets, heights, NET_COLOURS, strict=False):
        marker = {"size": 7, "color": colour, "line": {"color": "black", "width": 1}}
        traces.append(go.Scatter3d(x=[place[0]], y=[place[1]], z=[height], mode="markers", name=name, marker=marker))
    return traces


def _points(landscape: Landscape) -> Any:
    """The kept grid points as dots: the study's picture, off until it is asked for."""
    import plotly.graph_objects as go

    values = landscape.relative if landscape.dimension == 3 else landscape.relative[landscape.nearest(3, 0.0)]
    kept = np.flatnonzero(values <= landscape.tolerance)
    kept = kept[:: max(1, -(-len(kept) // _MOST_POINTS))]
    third, second, first = np.unravel_index(kept, values.shape)
    colours = np.log10(np.maximum(values.reshape(-1)[kept], 1e-3 * landscape.tolerance))
    marker = {"size": 2.5, "color": colours, "colorscale": "Magma"}
    return go.Scatter3d(
        x=landscape.axes[0][first], y=landscape.axes[1][second], z=landscape.axes[2][third], mode="markers",
        marker=marker, name="kept grid points", visible="legendonly",
    )  # fmt: skip


def _scene(landscape: Landscape, height: str) -> dict[str, Any]:
    return {
        "xaxis_title": plain_label(landscape, 0),
        "yaxis_title": plain_label(landscape, 1),
        "zaxis_title": height,
        "aspectmode": "cube",
    }
