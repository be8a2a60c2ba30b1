"""The page in a real browser: its own script runs, a store's does not, tables sort, interactive views are drawn."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.findings import Figure, Finding, Table
from identify_core.reports import write_report
from identify_core.reports.figures import save_figure
from identify_core.store import StoredRun

MakeRun = Callable[..., StoredRun]
Draw = Callable[..., Figure]

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    # where a machine must have it, its absence is a failure and not a skip
    pytest.mark.skipif(PROGRAM is None and not os.environ.get("CI"), reason="no Chromium on the PATH"),
    pytest.mark.skipif(os.name != "posix", reason="the browser is spoken to through inherited pipes"),
]

EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
# The view says what it reaches of the page around it and of the network.
PROBE = """<div id="p"></div><script>
let reach = "";
try { parent.document.title = "owned"; reach = "page"; } catch { reach = "no page"; }
Plotly.newPlot("p", [{type: "scattergl", y: [1, 2]}]).then(() => fetch("data:text/plain,x"))
  .then(() => "network", () => "no network")
  .then((network) => {
    const drawn = document.querySelector(".main-svg") ? "drawn" : "not drawn";
    parent.postMessage(`${drawn}, ${reach}, ${network}`, "*");
  });
</script>"""


class Browser:
    """A headless Chromium, spoken to in its DevTools protocol through two pipes."""

    def __init__(self, folder: Path) -> None:
        read_end, self._out = os.pipe()
        self._in, write_end = os.pipe()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{read_end} 4>&{write_end}', str(PROGRAM), *flags],
            pass_fds=(read_end, write_end),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )
        os.close(read_end)
        os.close(write_end)
        self._rest = b""
        self._calls = 0
        self._session: dict[str, str] = {}
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        self.call("Network.enable")
        self.call("Page.enable")

    def open(self, page: Path) -> None:
        self.call("Page.navigate", url=page.as_uri())
        while self._receive().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": parameters, **self._session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._calls:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        os.close(self._out)  # Chromium ends when its pipe does
        self._process.wait(timeout=20)
        os.close(self._in)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._in, 2**20)
            assert piece, "the browser ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        return message


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    assert PROGRAM, "CI is set and there is no Chromium on the PATH: `apt-get install chromium`, or leave CI unset"
    (tmp_path / "profile").mkdir()
    opened = Browser(tmp_path / "profile")
    yield opened
    opened.close()


def test_the_script_runs_tables_sort_and_nothing_of_the_store_runs(
    make_run: MakeRun, tmp_path: Path, browser: Browser
) -> None:
    rows = [("b", 2.0), (EVIL, float("nan")), ("a10", 10.0), ("a9", float("-inf")), ("c", None)]
    finding = Finding(summary=EVIL, tables={"t": Table(columns=("name", "value"), rows=rows)})
    run = make_run({EVIL[:40]: finding}, history={"loss": (np.arange(3), np.ones(3))}, name=EVIL)
    browser.open(write_report(run, tmp_path / "page.html"))
    assert browser.evaluate("document.title") == f"{EVIL} · identify"
    assert browser.evaluate("document.getElementById('theme').hidden") is False

    def click(heading: int) -> list[str]:
        browser.evaluate(f"document.querySelectorAll('thead button')[{heading}].click()")
        cells = "[...document.querySelectorAll('tbody td:first-child')].map((cell) => cell.textContent)"
        order: list[str] = browser.evaluate(cells)
        return order[:5]

    # numbers by value, what has none last both ways; text by its numbers too
    assert click(1)[:3] == ["a9", "b", "a10"]
    assert click(1)[:3] == ["a10", "b", "a9"]
    assert click(0)[1:] == ["a9", "a10", "b", "c"]
    sorted_by = "[...document.querySelectorAll('thead th')].map((each) => each.getAttribute('aria-sort'))"
    assert browser.evaluate(sorted_by) == ["ascending", None]
    assert all(url.startswith(("file:", "data:image/png")) for url in browser.requests)


def test_an_interactive_view_is_drawn_and_reaches_neither_the_page_nor_the_network(
    make_run: MakeRun, draw: Draw, tmp_path: Path, browser: Browser
) -> None:
    run = make_run({"a": Finding(summary="x")}, {"a": draw(interactive=PROBE)})
    browser.open(write_report(run, tmp_path / "page.html"))
    heard = browser.evaluate(
        """new Promise((resolve) => {
          addEventListener("message", (event) => resolve(event.data));
          setTimeout(() => resolve("nothing was heard"), 30_000);
          document.querySelector("button[data-opens]").click();
        })"""
    )
    assert heard == "drawn, no page, no network"
    assert browser.evaluate("document.querySelector('button[data-opens]').textContent") == "Still picture"
    assert browser.evaluate("document.title") == "shells · identify"
    assert all(url.startswith(("file:", "data:image/png")) for url in browser.requests)


def test_a_wide_picture_opens_in_full_size(make_run: MakeRun, draw: Draw, tmp_path: Path, browser: Browser) -> None:
    wide = draw("wide")
    wide.static.set_size_inches(14, 2)
    run = make_run({"a": Finding(summary="x"), "b": Finding()}, {"a": wide, "b": draw("narrow")})
    browser.open(write_report(run, tmp_path / "page.html"))
    assert browser.evaluate("document.querySelectorAll('button[data-enlarges]').length") == 1
    width = "document.querySelector('figure img').getBoundingClientRect().width"
    assert browser.evaluate(width) < 900
    browser.evaluate("document.querySelector('button[data-enlarges]').click()")
    assert browser.evaluate("document.querySelector('dialog[open] img').getBoundingClientRect().width") == 1400
    browser.evaluate("document.querySelector('dialog').click()")
    assert browser.evaluate("new Promise((r) => setTimeout(() => r(document.querySelector('dialog')), 100))") is None


def test_a_saved_interactive_view_is_drawn_by_itself(draw: Draw, tmp_path: Path, browser: Browser) -> None:
    pytest.importorskip("plotly")
    (page,) = save_figure(draw(interactive=PROBE), tmp_path, ("html",))
    browser.open(page)
    # the view may have spoken before this listens: then its frame is made again
    heard = browser.evaluate(
        """new Promise((resolve) => {
          addEventListener("message", (event) => resolve(event.data));
          setTimeout(() => resolve("nothing was heard"), 30_000);
          openView(document.querySelector("main"));
        })"""
    )
    assert heard == "drawn, no page, no network"


def test_a_page_fits_a_telephone_and_its_picture_a_screen(
    make_run: MakeRun, draw: Draw, tmp_path: Path, browser: Browser
) -> None:
    tall = draw("tall", interactive=PROBE)
    tall.static.set_size_inches(6, 14)
    rows = [("a long name of a representation", 0.1234567, "x" * 60)] * 3
    finding = Finding(summary=f"{EVIL} " * 3, tables={"t": Table(columns=("name", "value", "words"), rows=rows)})
    page = write_report(make_run({"a": finding}, {"a": tall}), tmp_path / "page.html")
    for width in (400, 1280):
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        browser.open(page)
        assert browser.evaluate("document.querySelector('.hero img').getBoundingClientRect().height") <= 480
        browser.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        browser.evaluate("document.querySelector('button[data-opens]').click()")
        frame = "document.querySelector('iframe')?.getBoundingClientRect()"
        assert browser.evaluate(f"new Promise((r) => setTimeout(() => r({frame}.width), 3000))") <= width


def test_the_still_picture_is_there_before_any_script(
    make_run: MakeRun, draw: Draw, tmp_path: Path, browser: Browser
) -> None:
    page = write_report(make_run({"a": Finding(summary="x")}, {"a": draw(interactive=PROBE)}), tmp_path / "page.html")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(page)
    assert browser.evaluate("document.querySelector('.hero img').naturalWidth") > 100
    assert browser.evaluate("document.querySelector('.view').childElementCount") == 0


def test_a_link_of_the_contents_opens_its_section(make_run: MakeRun, tmp_path: Path, browser: Browser) -> None:
    browser.open(write_report(make_run({"a": Finding(summary="x")}), tmp_path / "page.html"))
    assert browser.evaluate("document.getElementById('finding-a').open") is False
    browser.evaluate("document.querySelector('nav a[href=\"#finding-a\"]').click()")
    opened = "new Promise((r) => setTimeout(() => r(document.getElementById('finding-a').open), 200))"
    assert browser.evaluate(opened) is True
