"""A figure as files: a PNG, and for an interactive one a page that opens offline next to one copy of plotly.js."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from identify_core.errors import StoreError
from identify_core.findings import Figure
from identify_core.optional_packages import optional_package
from identify_core.store.folder import Folder
from identify_core.store.layout import FIGURES, encode_name

_PLOTLY = "plotly.min.js"
_BEGIN, _END = "<!-- figure -->\n", "\n<!-- /figure -->"
_DPI = 160
# The page's own scripts and plotly.js next to it run; nothing is fetched from anywhere else, and no form is sent.
_POLICY = (
    "default-src 'none'; script-src 'self' file: 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
)


def describe_figure(label: str, figure: Figure) -> dict[str, Any]:
    """What run.json says about a figure: whose it is, its caption, and its files relative to the run's folder."""
    stem = _stem(label, figure)
    return {
        "label": label,
        "name": figure.name,
        "caption": figure.caption,
        "static": f"{FIGURES}/{stem}.png",
        "interactive": f"{FIGURES}/{stem}.html" if figure.interactive is not None else None,
    }


def without_figure(document: Mapping[str, Any], entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures that run.json lists, without one that has the same files as `entry`."""
    return [other for other in document.get("figures", []) if other["static"] != entry["static"]]


def write_figure_files(folder: Folder, label: str, figure: Figure) -> list[str]:
    """Write a figure's files into the folder of a run, each atomically.

    Returns:
        The places of all files that may have changed.
    """
    stem = _stem(label, figure)
    picture = io.BytesIO()
    figure.static.savefig(picture, format="png", dpi=_DPI)
    with folder.make(FIGURES) as figures:
        figures.write(f"{stem}.png", picture.getvalue())
        page = f"{stem}.html"
        if figure.interactive is None:
            figures.remove(page)
            return [f"{FIGURES}/{name}" for name in (f"{stem}.png", page)]
        if figures.kind(_PLOTLY) != "file":
            figures.write(_PLOTLY, _plotly_script().encode())
        figures.write(page, _page(figure).encode())
    return [f"{FIGURES}/{name}" for name in (f"{stem}.png", page, _PLOTLY)]


def read_fragment(page: Path) -> str:
    """The HTML fragment that an interactive figure was made of.

    Raises:
        StoreError: the page is missing or was not written by `write_figure_files`.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StoreError(f"the figure {page} cannot be read: {error}") from error
    _, begin, rest = text.partition(_BEGIN)
    fragment, end, _ = rest.rpartition(_END)
    if not begin or not end:
        raise StoreError(f"the figure {page} is truncated or was not written by identify")
    return fragment


def _stem(label: str, figure: Figure) -> str:
    return encode_name(f"{label}-{figure.name}" if label else figure.name)


def _plotly_script() -> str:
    return str(optional_package("plotly.offline", purpose="an interactive figure", extra="plotly").get_plotlyjs())


def _page(figure: Figure) -> str:
    title, caption = html.escape(figure.name), html.escape(figure.caption)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{title}</title>\n'
        f'<script src="{_PLOTLY}"></script>\n'
        "<style>body{margin:1.5rem auto;max-width:72rem;font-family:system-ui,sans-serif;color:#222}"
        "figcaption{margin-top:.75rem;line-height:1.4}</style></head>\n"
        f'<body><figure style="margin:0">{_BEGIN}{figure.interactive}{_END}'
        f"<figcaption>{caption}</figcaption></figure></body></html>\n"
    )
