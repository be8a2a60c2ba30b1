"""The page of a run: complete, offline, bounded, and nothing of a store can become markup in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.errors import StoreError
from identify_core.findings import Figure, Finding, LabelledArray, Table
from identify_core.reports import gallery, write_report
from identify_core.store import StoredRun
from identify_core.store.folder import Folder
from identify_core.store.layout import RUN_FILE
from identify_core.store.records import write_record

MakeRun = Callable[..., StoredRun]
Draw = Callable[..., Figure]

EVIL = "\"'></script></style></title><script>document.title='owned'</script><img src=x onerror=alert(1)>"


class _Page(HTMLParser):
    """Tags with attributes, and the visible text, of the whole page and of its main part."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.main = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words += data
            self.main += data if "main" in self.open else ""

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(run: StoredRun, folder: Path, **more: Any) -> _Page:
    page = _Page(write_report(run, folder / "page.html", **more).read_text(encoding="utf-8"))
    assert page.open == []
    return page


CONVERGENCE = Finding(
    summary="Two of three replicates converged.",
    scalars={"median-loss": 1.5e-7, "worst-loss": float("inf")},
    tables={"replicates": Table(columns=("replicate", "loss"), rows=[(0, 1e-8), (1, 3.0)], caption="Ends.")},
    arrays={"losses": LabelledArray(values=np.zeros((3, 4)), dimensions=("replicate", "step"), summary="J.")},
    conventions={"loss": "mean over samples"},
    warnings=("Replicate 1 diverged.",),
)


def test_the_page_is_read_from_the_top(make_run: MakeRun, draw: Draw, tmp_path: Path) -> None:
    history = {"loss": (np.arange(4), np.ones((4, 3)))}
    run = make_run(
        {"convergence": CONVERGENCE},
        {"convergence": draw()},
        history=history,
        options={"every": 3},
        document={"warnings": ["Hot."]},
    )
    page = page_of(run, tmp_path)
    for expected in ("shells", "finished", "took 1 min 23 s", "seed 7", run.id):
        assert expected in page.words
    places = [
        page.main.index(expected)
        for expected in (
            "How much of what 3 replicates learned is determined, given the dataset toy:lines",
            "Two of three replicates converged.",
            "Loss along a line.",
            "What to distrust",
            "Replicate 1 diverged.",
            "Hot.",
            "1.5 · 10⁻⁷",
            "Ends.",
            "mean over samples",
            "every",
            "J. (replicate 3 × step 4, float64)",
            "How training went",
            "What was asked",
            "learning_rate = 0.001",
            "Where it came from",
        )
    ]
    assert places == sorted(places)


def test_all_but_the_top_is_closed(make_run: MakeRun, draw: Draw, tmp_path: Path) -> None:
    run = make_run({"a": CONVERGENCE, "b": CONVERGENCE}, {"a": draw("one"), "b": draw("two")})
    page = page_of(run, tmp_path)
    assert [each["id"] for each in page.all("section")] == ["question", "answer", "hero", "distrust"]
    closed = [each for each in page.all("details") if each.get("class") == "section"]
    assert [each["id"] for each in closed] == ["finding-a", "finding-b", "asked", "provenance"]
    assert not any("open" in each for each in page.all("details"))
    style = (tmp_path / "page.html").read_text(encoding="utf-8").partition("</style>")[0]
    assert ".hero .paper img { max-height: 480px;" in style


def test_the_headline_answers(make_run: MakeRun, draw: Draw, tmp_path: Path) -> None:
    findings = {"a": Finding(summary="The first."), "b": Finding(summary="J is 1e-06 here.", conventions={"J": "loss"})}
    run = make_run(findings, {"a": draw("one"), "b": draw("two", "Second.")}, document={"headline": "b"})
    page = page_of(run, tmp_path)
    assert page.main.index("J is 10⁻⁶ here.") < page.main.index("J: loss") < page.main.index("Second.")
    assert page.main.index("Second.") < page.main.index("The first.")


def test_warnings_of_several_replicates_are_one_line(make_run: MakeRun, tmp_path: Path) -> None:
    warnings = tuple(f"walkers from replicate {r} crossed" for r in (1, 6, 8))
    words = page_of(make_run({"a": Finding(summary="x", warnings=warnings)}), tmp_path).words
    assert "a: walkers from replicates 1, 6, 8 crossed" in words


def test_a_long_table_stands_behind_a_line(make_run: MakeRun, tmp_path: Path) -> None:
    table = Table(columns=("pair", "value"), rows=[(f"p{i}", i / 45) for i in range(45)])
    page = page_of(make_run({"a": Finding(summary="x", tables={"pairs": table})}), tmp_path)
    assert "The table, 45 rows" in page.words
    assert [each for each in page.all("details") if each.get("class") == "behind"]


def test_nothing_of_a_store_becomes_markup(make_run: MakeRun, draw: Draw, tmp_path: Path) -> None:
    finding = Finding(
        summary=EVIL,
        scalars={EVIL: EVIL},
        tables={EVIL: Table(columns=(EVIL,), rows=[(EVIL,)], caption=EVIL, units={EVIL: EVIL})},
        arrays={"a": LabelledArray(values=np.zeros(2), dimensions=(EVIL,), summary=EVIL)},
        conventions={EVIL: EVIL},
        warnings=(EVIL,),
    )
    history = {EVIL[:60]: (np.arange(3), np.ones(3))}
    run = make_run(
        {"evil<b>.1": finding, **{f"many<b>.{i}": finding for i in range(5)}},
        {"evil<b>.1": draw(caption=EVIL, interactive=EVIL)},
        history,
        name=EVIL,
        spec=f"# {EVIL}\n" + "x = '''" + EVIL.replace("'", "") + "'''\n",
        document={"warnings": [EVIL], "failures": {EVIL: EVIL}, "provenance": {EVIL: [EVIL]}, "reason": EVIL},
        evaluator=EVIL,
        options={EVIL: [EVIL]},
    )
    page = page_of(run, tmp_path)
    running = [each for each in page.all("script") if "type" not in each]
    assert len(running) == 1
    assert len(page.all("img")) == 1
    assert page.all("b") == []
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.words.count("document.title='owned'") >= 20


def test_the_page_loads_nothing(make_run: MakeRun, draw: Draw, tmp_path: Path) -> None:
    fragment = "<div id='p'></div><script src='https://example.org/x.js'></script>"
    run = make_run({"convergence": CONVERGENCE}, {"convergence": draw(interactive=fragment)})
    page = page_of(run, tmp_path)
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name) or ""
            assert value.startswith(("data:image/png;base64,", "#")) or not value, (tag, value)
        assert tag not in ("link", "iframe", "object", "embed", "base")
    style = re.search(r"<style>(.*?)</style>", (tmp_path / "page.html").read_text(encoding="utf-8"), re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_pictures_have_their_caption_as_alternative_text_and_plotly_comes_once(
    make_run: MakeRun, draw: Draw, tmp_path: Path
) -> None:
    figures = {
        "a": draw("one", "First & best.", "<div>1</div>"),
        "b": draw("two", "Second.", "<div>2</div>"),
        "gone": draw("three", "Third."),
    }
    page = page_of(make_run({"a": CONVERGENCE, "b": CONVERGENCE}, figures), tmp_path)
    assert [each["alt"] for each in page.all("img")] == ["First & best.", "Second.", "Third."]
    packed = [each["id"] for each in page.all("script") if "type" in each]
    assert packed == ["plotly", "view-finding-a-finding-one", "view-finding-b-finding-two"]
    places = [each["data-view"] for each in page.all("div") if "data-view" in each]
    assert places == packed[1:]
    assert len([each for each in page.all("button") if "data-opens" in each]) == 2


def test_a_page_without_interactive_views_has_no_plotly(make_run: MakeRun, draw: Draw, tmp_path: Path) -> None:
    run = make_run({"a": CONVERGENCE}, {"a": draw()}, {"loss": (np.arange(99_999), np.random.rand(99_999, 5))})
    write_report(run, tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 300_000


def test_without_plotly_the_picture_says_what_is_missing(
    make_run: MakeRun, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run({"a": CONVERGENCE}, {"a": draw(interactive="<div></div>")})
    monkeypatch.setattr(gallery, "has_plotly", lambda: False)
    page = page_of(run, tmp_path)
    assert "Its interactive view needs plotly: pip install 'identify-core[plotly]'" in page.words
    assert len(page.all("script")) == 1


def test_what_is_too_large_is_named_instead(
    make_run: MakeRun, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run({"a": CONVERGENCE}, {"a": draw(interactive="<div></div>")})
    monkeypatch.setattr(gallery, "LIMIT", 10)
    page = page_of(run, tmp_path)
    assert page.all("img") == []
    assert "It is too large for this page: a-slice.png" in page.words
    assert "Its interactive view is too large for this page: a-slice.html" in page.words


def test_many_findings_of_one_evaluator_are_one_table(make_run: MakeRun, tmp_path: Path) -> None:
    findings = {f"distance.h-0-h-{i}": Finding(scalars={"distance": float(i)}) for i in range(5)}
    page = page_of(make_run(findings), tmp_path)
    assert "5 findings of one evaluator." in page.words
    assert len([each for each in page.all("details") if each.get("class") == "section"]) == 3  # one of them
    assert [each["data-value"] for each in page.all("td") if "data-value" in each] == [
        "0.0",
        "1.0",
        "2.0",
        "3.0",
        "4.0",
    ]


def test_a_failed_evaluator_and_a_reason_are_shown(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(document={"failures": {"trace": "ValueError: left the class"}, "reason": "the disk was full"})
    words = page_of(run, tmp_path, status="failed").words
    assert "its answer is missing: ValueError: left the class" in words
    assert "the disk was full" in words
    assert "failed" in words


def test_a_warning_of_a_finding_is_not_repeated_by_the_run(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run({"a": CONVERGENCE}, document={"warnings": ["a: Replicate 1 diverged."]})
    assert page_of(run, tmp_path).words.count("Replicate 1 diverged.") == 1


def test_a_run_without_findings_says_what_to_do(make_run: MakeRun, tmp_path: Path) -> None:
    words = page_of(make_run(), tmp_path).words
    assert "holds no finding" in words
    assert "How training went" not in words


def test_every_link_of_the_contents_leads_somewhere(make_run: MakeRun, tmp_path: Path) -> None:
    page = page_of(make_run({"α b/c.d": CONVERGENCE, "a_b": CONVERGENCE, "a b": CONVERGENCE}), tmp_path)
    anchors = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(anchors) == len(set(anchors))
    assert {str(each["href"])[1:] for each in page.all("a")} <= set(anchors)


def _point_figure_to(run: StoredRun, field: str, path: str) -> StoredRun:
    document = json.loads((run.folder / RUN_FILE).read_text()) | {"sha256": "0" * 64}
    document["figures"][0][field] = path
    write_record(Folder.open(run.folder), RUN_FILE, document)  # by somebody who renews the digest, too
    return StoredRun.open(run.folder)


@pytest.mark.parametrize("field", ["static", "interactive"])
@pytest.mark.parametrize("path", ["../run.json", "figures/../run.json", "/etc/passwd", "figures/../../x.png"])
def test_a_figure_outside_the_runs_folder_is_refused(
    make_run: MakeRun, draw: Draw, tmp_path: Path, field: str, path: str
) -> None:
    run = make_run({"a": CONVERGENCE}, {"a": draw(interactive="<p>")})
    with pytest.raises(StoreError, match="is not a place inside the run's folder"):
        write_report(_point_figure_to(run, field, path), tmp_path / "page.html")


def test_a_link_out_of_the_figures_folder_is_refused(make_run: MakeRun, draw: Draw, tmp_path: Path) -> None:
    run = make_run({"a": CONVERGENCE}, {"a": draw()})
    picture = run.folder / "figures" / "a-slice.png"
    picture.rename(tmp_path / "elsewhere.png")
    picture.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(StoreError, match="not in its figures folder"):
        write_report(run, tmp_path / "page.html")


@pytest.mark.parametrize("content", [None, b"", b"<script>alert(1)</script>", b"\x89PNG\r\n\x1a\n"])
def test_a_picture_that_is_missing_or_no_png_is_said(
    make_run: MakeRun, draw: Draw, tmp_path: Path, content: bytes | None
) -> None:
    run = make_run({"a": CONVERGENCE}, {"a": draw()})
    picture = run.folder / "figures" / "a-slice.png"
    picture.unlink()
    if content is not None:
        picture.write_bytes(content)
    with pytest.raises(StoreError, match=r"the figure a-slice\.png of the run .* cannot be read") as caught:
        write_report(run, tmp_path / "page.html")
    assert "identify plot" in caught.value.hint


def test_a_place_that_cannot_be_written_is_said(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="the report cannot be written") as caught:
        write_report(make_run(), tmp_path / "file" / "page.html")
    assert "--output" in caught.value.hint


def test_the_page_appears_whole(make_run: MakeRun, tmp_path: Path) -> None:
    path = write_report(make_run(), tmp_path / "new" / "page.html")
    assert path == tmp_path / "new" / "page.html"
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]
