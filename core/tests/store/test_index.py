"""The index is as good as the runs or is not used: missing, cut short, changed or out of date, it misleads nobody."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from identify_core.findings import Finding
from identify_core.store import RunAppender, RunSummary, Store

Write = Callable[..., RunSummary]


def listed(store: Store) -> list[tuple[str, str, str]]:
    """All that a listing shows; numbers as text, because NaN does not equal itself."""
    return [(run.id, run.status, repr(run.scalars)) for run in store.runs()]


@pytest.fixture
def runs(store: Store, write_run: Write) -> list[RunSummary]:
    return [write_run(name, scalars={"loss": float(number)}) for number, name in enumerate("abcd")]


def test_a_listing_is_the_same_without_an_index_and_makes_one(store: Store, runs: list[RunSummary]) -> None:
    index = store.path / "runs.index"
    expected = listed(store)
    before = sorted(index.read_bytes().split())
    index.unlink()
    assert listed(store) == expected
    assert sorted(index.read_bytes().split()) == before


def test_a_damaged_index_changes_nothing(store: Store, runs: list[RunSummary]) -> None:
    index, draws = store.path / "runs.index", random.Random(0)
    expected, whole = listed(store), index.read_bytes()
    for damage in ("flip", "cut", "noise") * 10:
        content = bytearray(whole)
        if damage == "flip":
            content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        elif damage == "cut":
            del content[draws.randrange(len(content)) :]
        else:
            content[:] = draws.randbytes(len(content))
        index.write_bytes(content)
        assert store.find("@last").id == runs[-1].id
        assert listed(store) == expected
        assert listed(store) == expected


@pytest.mark.parametrize("stand_in", ["link", "folder", "fifo"])
def test_something_else_in_its_place_is_no_obstacle(
    store: Store, runs: list[RunSummary], stand_in: str, tmp_path: Path
) -> None:
    index, expected = store.path / "runs.index", listed(store)
    index.unlink()
    (tmp_path / "thesis").write_text("precious")
    if stand_in == "link":
        index.symlink_to(tmp_path / "thesis")
    elif stand_in == "folder":
        index.mkdir()
    else:
        os.mkfifo(index)
    assert listed(store) == expected
    assert store.find("@last").id == runs[-1].id
    assert (tmp_path / "thesis").read_text() == "precious"


def test_what_changed_or_went_or_came_since_is_seen(store: Store, runs: list[RunSummary], write_run: Write) -> None:
    changed, gone, damaged, kept = runs
    store.runs()
    RunAppender(store, changed).write_finding("new", Finding(scalars={"size": 2}), evaluator="", options={})
    store.remove(gone)
    (damaged.folder / "run.json").write_text("{")
    came = write_run("e")
    found = {run.id: run for run in store.runs()}
    assert found.keys() == {changed.id, damaged.id, kept.id, came.id}
    assert found[changed.id].scalars["new/size"] == 2
    assert found[damaged.id].status == "damaged"
    assert repr(found[kept.id].document) == repr(kept.document)
    (came.folder / "run.json").write_text("{")
    assert store.find("@last").id == kept.id


def test_what_acts_on_a_run_reads_the_run(
    store: Store, runs: list[RunSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = store.path / "runs.index"
    index.unlink()
    monkeypatch.setattr("identify_core.store.index._checksum", lambda text: b"00000000")
    store.runs()
    index.write_bytes(index.read_bytes().replace(b'"finished"', b'"failed"'))
    assert {run.status for run in store.runs()} == {"failed"}  # the made-up lines are taken for good ...
    for reference in (runs[-1].id, runs[-1].name, "@last"):
        assert store.find(reference).status == "finished"  # ... and not by what is done with a run


def test_it_does_not_grow_without_end(store: Store, runs: list[RunSummary]) -> None:
    for _ in range(12):
        for run in runs:
            os.utime(run.folder / "run.json")
        store.runs()
    for run in runs[1:]:
        store.remove(run)
    store.runs()
    assert len((store.path / "runs.index").read_bytes().split(b"\n")) < 30


def test_what_json_cannot_hold_comes_back(store: Store, write_run: Write) -> None:
    run = write_run(scalars={"loss": float("inf"), "word": "nan"})
    assert [repr(each.scalars) for each in store.runs()] == [repr(run.scalars)]
    assert [repr(each.scalars) for each in store.runs()] == [repr(run.scalars)]  # of the index that the first has made


def test_a_store_that_may_not_be_written_is_listed(
    store: Store, runs: list[RunSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = listed(store)
    (store.path / "runs.index").unlink()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("identify_core.store.folder.Folder.write", refuse)
    monkeypatch.setattr("identify_core.store.index._append", refuse)
    assert listed(store) == expected
    assert not (store.path / "runs.index").exists()
