"""The cache of a run: every flipped byte in its figures and its page is found, and what is damaged is drawn again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure as MatplotlibFigure

from identify_core.findings import Figure
from identify_core.store import RunAppender, RunSummary, Store, verify_run
from identify_core.store.cache import check_cache, note_drawn
from identify_core.store.folder import Folder
from identify_core.testing import toy_plugin
from identify_core.testing.fixtures import CommandLine, Project

Write = Callable[..., RunSummary]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a.png").write_bytes(bytes(range(40)))
    (tmp_path / "report.html").write_text("<p>page</p>")
    opened = Folder.open(tmp_path)
    note_drawn(opened)
    return opened


def test_what_was_drawn_is_noted_and_in_order(folder: Folder) -> None:
    assert check_cache(folder) == {}


@pytest.mark.parametrize("name", ["figures/a.png", "report.html", "drawn.json"])
def test_every_flipped_byte_is_found(folder: Folder, name: str) -> None:
    whole = folder.read(name)
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        folder.write(name, bytes(flipped))
        assert list(check_cache(folder)) == [name]


def test_a_missing_file_a_link_and_a_new_figure(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "figures" / "b.png").write_bytes(b"b")
    note_drawn(folder, ["figures/b.png"])
    assert check_cache(folder) == {}
    (tmp_path / "figures" / "b.png").unlink()
    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").symlink_to("/etc/hostname")
    problems = check_cache(folder)
    assert problems["figures/b.png"] == "it is missing"
    assert "it is a link" in problems["report.html"]
    note_drawn(folder, ["figures/b.png"])
    assert "figures/b.png" not in check_cache(folder)


def test_a_manifest_names_nothing_outside_of_the_cache(folder: Folder) -> None:
    from identify_core.store.records import write_record

    write_record(folder, "drawn.json", {"files": {"../../etc/passwd": "0"}})
    assert check_cache(folder) == {"drawn.json": "it does not name files of the cache with their checksums"}


def test_a_run_without_a_manifest_has_none_to_hold_it_against(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("page")
    assert check_cache(Folder.open(tmp_path)) == {}


def test_a_committed_run_and_one_that_is_added_to_are_in_order(write_run: Write, store: Store) -> None:
    run = write_run()
    assert (run.folder / "drawn.json").is_file()
    assert verify_run(run) == []
    drawing = MatplotlibFigure()
    RunAppender(store, run).write_figure("subspace", Figure(name="more", caption="More.", static=drawing))
    assert verify_run(store.find(run.id)) == []
    (run.folder / "figures" / "subspace-more.png").write_bytes(b"x")
    assert verify_run(store.find(run.id)) == [
        "figures/subspace-more.png: it changed since it was drawn: the checksum differs"
    ]


def test_verify_draws_again_what_is_damaged(project: Project, identify: CommandLine) -> None:
    shutil.copy(toy_plugin.__file__, project.path / "toy.py")
    identify("--plugin-file", "toy.py", "run", "toy", "--quiet")
    run = project.store.open("@last")
    pictures = sorted((run.folder / "figures").glob("*.png"))
    assert pictures
    damaged = [*pictures, run.folder / "report.html"]
    for file in damaged:
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    shown = identify("--plugin-file", "toy.py", "runs", "verify", "@last").stdout
    assert shown.startswith(f"{run.id}  ok")
    for file in damaged:
        assert f"{file.relative_to(run.folder).as_posix()}: it was damaged, and is drawn again" in shown
    assert verify_run(run.summary) == []
    (run.folder / "report.html").write_text("")  # a page needs no plugin
    assert identify.json("runs", "verify", "@last")["mended"] == {run.id: ["report.html"]}
    pictures[0].write_bytes(b"")
    shown = identify("runs", "verify", "@last", status=4).stdout
    assert f"{pictures[0].name}: it changed since it was drawn" in shown
    assert "it cannot be drawn again: " in shown


def test_a_damaged_array_is_told_and_nothing_is_drawn_from_it(project: Project, identify: CommandLine) -> None:
    run = project.run("toy")
    picture = next((run.folder / "figures").glob("*.png"))
    picture.write_bytes(b"")
    chunk = next(
        file
        for file in (run.folder / "arrays.zarr" / "latents").rglob("*")
        if file.is_file() and file.name != "zarr.json"
    )
    chunk.write_bytes(b"\1" * chunk.stat().st_size)
    shown = identify("runs", "verify", "@last", status=4).stdout
    assert "the checksum differs" in shown
    assert "drawn again" not in shown
    assert picture.read_bytes() == b""


def test_an_interactive_page_may_fetch_nothing(write_run: Write, store: Store) -> None:
    """Its own scripts and plotly.js next to it run; images, fonts and requests from elsewhere are forbidden."""
    run = write_run()
    interactive = "<div>view</div><script>void 0</script>"
    figure = Figure(name="page", caption="A page.", static=MatplotlibFigure(), interactive=interactive)
    RunAppender(store, run).write_figure("subspace", figure)
    page = (run.folder / "figures" / "subspace-page.html").read_text(encoding="utf-8")
    head, _, body = page.partition("<title>")
    assert "default-src 'none'" in head
    assert "connect-src" not in head
    assert "http" not in head.replace("http-equiv", "")
    assert interactive in body
