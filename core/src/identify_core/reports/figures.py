"""The house style of figures: one look for all plugins, made without pyplot, saved with its caption inside the file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from identify_core.components import NAME_PATTERN
from identify_core.errors import StoreError, UsageError
from identify_core.findings import Figure
from identify_core.store.folder import Folder
from identify_core.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.image import AxesImage

# Okabe & Ito, "Color Universal Design" (2008), by contrast on white; their yellow is left out: lines in it vanish.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
"""Colours of curves and groups, one after the other; told apart with most kinds of colour blindness."""
INK = "#22272e"
"""The colour of text and axes."""
MUTED = "#69707a"
"""The colour of what stands back: chance, references, notes."""
GRID = "#e3e5e8"
"""The colour of grid lines."""
SEQUENTIAL = "viridis"
"""The colour map of values from low to high."""
DIVERGING = "RdBu_r"
"""The colour map of values on both sides of a middle."""

FORMATS = ("png", "svg", "pdf", "html")

STYLE: dict[str, Any] = {
    "figure.facecolor": "white",
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "savefig.facecolor": "white",
    "savefig.dpi": 200,
    "font.family": "DejaVu Sans",  # matplotlib's own: the same picture on every machine
    "font.size": 9,
    "text.color": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-3, 4),
    "axes.formatter.use_mathtext": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes3d.grid": True,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "patch.linewidth": 0.6,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": GRID,
    "legend.fancybox": False,
    "legend.fontsize": 8,
    "image.cmap": SEQUENTIAL,
    "contour.negative_linestyle": "solid",
    "svg.fonttype": "path",
    "svg.hashsalt": "identify",  # element ids, and with them the bytes, are the same at every drawing
    "pdf.fonttype": 42,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside the block; matplotlib's settings are put back afterwards."""
    import matplotlib
    from cycler import cycler

    settings: Any = STYLE | {"axes.prop_cycle": cycler(color=PALETTE)}
    with matplotlib.rc_context(settings):
        yield


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float | None = None,
    height: float | None = None,
    projection: Literal["3d", "polar"] | None = None,
    title: str = "",
    **subplots: Any,
) -> tuple[MatplotlibFigure, Any]:
    """A figure in the house style with a grid of axes, without pyplot and so without global state.

    Call it, and draw, inside `with house_style():`; lines and legends take their looks when they are drawn.

    Args:
        rows: rows of axes.
        columns: columns of axes.
        width: inches; by default 6.4 for one column of axes and 3.6 for each of several.
        height: inches; by default 4 for one row of axes and 3.2 for each of several.
        projection: `"3d"` or `"polar"` for every axes.
        title: a title above all axes.
        subplots: passed on to `Figure.subplots`, such as `sharex=True` or `squeeze=False`.

    Returns:
        The figure and what `Figure.subplots` returns: one axes, or an array of them.
    """
    from matplotlib.figure import Figure as Canvas

    with house_style():
        size = (
            width if width is not None else (6.4 if columns == 1 else 3.6 * columns),
            height if height is not None else (4.0 if rows == 1 else 3.2 * rows),
        )
        figure = Canvas(figsize=size, layout="constrained")
        axes = figure.subplots(rows, columns, subplot_kw={"projection": projection}, **subplots)
        if title:
            figure.suptitle(title, x=0.01, ha="left")
    return figure, axes


def heat_map(
    axes: Axes,
    values: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    label: str = "",
    written: Callable[[float], str] | None = None,
    colours: Any = SEQUENTIAL,
    **image: Any,
) -> AxesImage:
    """Draw a matrix as coloured cells, without grid lines; NaN leaves a cell empty.

    Args:
        axes: of `new_figure`.
        values: (n, m).
        low: what the first colour stands for; the smallest value by default.
        high: what the last colour stands for; the largest value by default.
        rows: names of the n rows; by default they are numbered as matplotlib does it.
        columns: names of the m columns, written upwards.
        label: of a colour bar; empty for none.
        written: what is written into a cell of a value, in white on the dark half of the colours; None for nothing.
        colours: a colour map of matplotlib or its name.
        image: passed on to `Axes.imshow`, such as `aspect="auto"`.

    Returns:
        The image.

    Example:
        >>> from identify_core import heat_map, house_style, new_figure
        >>> with house_style():
        ...     figure, axes = new_figure()
        ...     image = heat_map(axes, [[0.0, 1.0]], rows=["z"], columns=["shape", "size"], written="{:.1f}".format)
        >>> [text.get_text() for text in axes.texts], image.get_clim()
        (['0.0', '1.0'], (0.0, 1.0))
    """
    shown = np.ma.masked_invalid(np.asarray(values, dtype=float))
    drawn = axes.imshow(shown, **{"cmap": colours, "interpolation": "nearest", "vmin": low, "vmax": high} | image)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if rows:
        axes.set_yticks(range(len(rows)), rows)
    if columns:
        axes.set_xticks(range(len(columns)), columns, rotation=90)
    if written is not None:
        middle = sum(drawn.get_clim()) / 2
        for i, j in np.argwhere(~np.ma.getmaskarray(shown)):
            value = float(shown[i, j])
            colour = "white" if value < middle else INK
            axes.text(j, i, written(value), ha="center", va="center", fontsize=7, color=colour)
    if label:
        bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.02, label=label)
        bar.outline.set_visible(False)
    return drawn


def save_figure(figure: Figure, folder: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write `figure` as `<name>.<format>` into `folder`, its caption and the writing program inside each file.

    `html` is the interactive view as a page that works offline; it is skipped for a figure that has none. Dates are
    left out: the same figure gives the same bytes.

    Args:
        figure: what to write; its name must be lower-case words joined by hyphens, as it becomes a file name.
        folder: made where it does not exist.
        formats: some of `FORMATS`.

    Returns:
        The files written, in the order of `formats`.

    Raises:
        UsageError: a format that is not in `FORMATS`, or a name that is not a plain file name.
        StoreError: a file cannot be written.
    """
    if not NAME_PATTERN.fullmatch(figure.name):
        raise UsageError(
            f"the figure name {figure.name!r} cannot become a file name: it must be lower-case words joined by hyphens",
            hint="rename the figure in the plugin that draws it",
        )
    for each in formats:
        if each not in FORMATS:
            raise UsageError(f"figures are not written as {each!r}", hint=f"the formats are {', '.join(FORMATS)}")
    written: list[Path] = []
    try:
        with Folder.open(folder, make=True) as opened:
            for each in formats:
                if each == "html" and figure.interactive is None:
                    continue
                opened.write(f"{figure.name}.{each}", _content(figure, each))
                written.append(folder / f"{figure.name}.{each}")
    except OSError as error:
        raise StoreError(
            f"the figure {figure.name!r} cannot be written to {folder}: {error.strerror or error}",
            hint="check that the folder is writable and the disk is not full",
        ) from error
    return written


def _content(figure: Figure, kind: str) -> bytes:
    if kind == "html":
        from identify_core.reports.interactive import standalone_page

        return standalone_page(figure).encode()
    drawn = io.BytesIO()
    with house_style():
        figure.static.savefig(drawn, format=kind, metadata=_metadata(figure, kind))
    return drawn.getvalue()


def _metadata(figure: Figure, kind: str) -> dict[str, Any]:
    program = f"identify-core {__version__}"
    if kind == "png":
        return {"Title": figure.name, "Description": figure.caption, "Software": program}
    if kind == "svg":
        return {"Title": figure.name, "Description": figure.caption, "Creator": program, "Date": None}
    return {"Title": figure.name, "Subject": figure.caption, "Creator": program, "CreationDate": None}


def classical_scaling(distances: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """Points of the plane whose distances are nearest to given ones, up to a rotation or reflection.

    Args:
        distances: (n, n), symmetric, finite.

    Returns:
        Coordinates (n, 2), and the share of the squared distances that they show, between 0 and 1.

    Source: Torgerson, Psychometrika 17 (1952).
    """
    count = len(distances)
    centre = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    top = np.argsort(values)[::-1][:2]
    positive = values.clip(min=0)
    total = positive.sum()
    share = float(positive[top].sum() / total) if total > 0 else 1.0
    return vectors[:, top] * np.sqrt(positive[top]), share
