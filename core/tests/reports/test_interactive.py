"""Interactive views: packed without loss, plotly.js once, and pages whose policy forbids the network."""

from __future__ import annotations

import base64
import gzip
import re
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from identify_core.errors import UsageError
from identify_core.findings import Figure
from identify_core.reports import interactive

Draw = Callable[..., Figure]


@given(st.text())
def test_packing_loses_nothing_and_needs_no_escaping(content: str) -> None:
    packed = interactive.pack(content)
    assert re.fullmatch(r"[A-Za-z0-9+/=]*", packed)
    assert gzip.decompress(base64.b64decode(packed)).decode() == content
    assert interactive.pack(content) == packed


def test_a_page_runs_its_own_script_and_no_other() -> None:
    page = interactive.document(title="<t>", style="p{}", body=Markup("<p>x</p>"), script="1")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1]
    assert "http" not in policy[1]
    nonce = re.search(r"nonce-(\w+)", policy[1])
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">1</script>' in page
    assert "<title>&lt;t&gt;</title>" in page


def test_the_nonce_cannot_be_known_inside_the_body() -> None:
    def nonce(words: str) -> str:
        found = re.search(
            r"nonce-(\w+)", interactive.document(title="", style="", body=Markup("<p>{}</p>").format(words), script="")
        )
        assert found is not None
        return found[1]

    assert nonce("a") != nonce("b")
    assert nonce(nonce("a")) != nonce("a")


def test_a_view_is_a_page_of_its_own_with_plotly_inside(draw: Draw) -> None:
    pytest.importorskip("plotly")
    page = interactive.standalone_page(draw(name="iso-surface", caption="<b>ε</b>", interactive="<div>view</div>"))
    assert "<title>iso surface</title>" in page
    assert "&lt;b&gt;ε&lt;/b&gt;" in page
    assert "<b>" not in page
    packed = dict(re.findall(r'type="application/gzip;base64" id="([\w-]+)">([^<]*)<', page))
    assert set(packed) == {"plotly", "view-0"}
    assert gzip.decompress(base64.b64decode(packed["view-0"])) == b"<div>view</div>"
    assert b"plotly.js v" in gzip.decompress(base64.b64decode(packed["plotly"]))[:200]


def test_a_still_figure_has_no_page(draw: Draw) -> None:
    with pytest.raises(ValueError, match="'slice' has no interactive view"):
        interactive.standalone_page(draw())


def test_a_missing_plotly_is_said_with_the_command(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    interactive.plotly_script.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(UsageError, match="an interactive figure needs plotly") as caught:
        interactive.standalone_page(draw(interactive="<div></div>"))
    assert caught.value.hint == "pip install 'identify-core[plotly]'"
