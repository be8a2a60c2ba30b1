"""Interactive views that work offline: plotly.js packed into a page once, each view in a frame that reaches nothing.

A view is a fragment of HTML with scripts, made by a plugin and kept in a store. It runs in a sandboxed frame of its own
origin: it sees neither the page around it nor the network.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.resources import files
from importlib.util import find_spec

from markupsafe import Markup

from identify_core.findings import Figure
from identify_core.optional_packages import optional_package
from identify_core.reports.templating import render


def asset(name: str) -> str:
    """The text of a file that ships next to this module."""
    return files("identify_core.reports").joinpath("assets", name).read_text(encoding="utf-8")


def has_plotly() -> bool:
    """Whether plotly is installed, without importing it."""
    return find_spec("plotly") is not None


@cache
def plotly_script() -> str:
    """The packed plotly.js of the installed plotly.

    Raises:
        UsageError: plotly is not installed.
    """
    return pack(optional_package("plotly.offline", purpose="an interactive figure", extra="plotly").get_plotlyjs())


def pack(content: str) -> str:
    """Text as base64 of gzip, the same bytes each time.

    Chrome 80, Safari 16.4 and Firefox 113 unpack gzip by themselves, and base64 needs no escaping.
    """
    return base64.b64encode(gzip.compress(content.encode(), compresslevel=9, mtime=0)).decode("ascii")


def document(*, title: str, style: str, body: Markup, script: str) -> str:
    """A complete page that loads nothing: its policy allows the inlined styles, its one script and embedded images.

    The script's nonce is a digest of the page itself, so nothing inside the body can know it in advance. Evaluation is
    allowed because plotly's WebGL traces compile their shaders' callers; only that one script could use it.
    """
    nonce = hashlib.sha256(body.encode()).hexdigest()[:32]
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}' 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return render(
        "document.html", policy=policy, title=title, style=Markup(style), body=body, nonce=nonce, script=Markup(script)
    )


def standalone_page(figure: Figure) -> str:
    """The interactive view of one figure as a page of its own, plotly.js inside.

    Raises:
        ValueError: the figure has no interactive view.
        UsageError: plotly is not installed.
    """
    if figure.interactive is None:
        raise ValueError(f"the figure {figure.name!r} has no interactive view")
    body = render("view.html", caption=figure.caption, plotly=plotly_script(), view=pack(figure.interactive))
    return document(title=figure.name.replace("-", " "), style=asset("view.css"), body=body, script=asset("view.js"))
