"""Adding to a whole run: all or nothing, one after the other, and the checksums stay true."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure as MatplotlibFigure

from identify_core.errors import StoreError, UsageError
from identify_core.findings import Figure, Finding, LabelledArray
from identify_core.store import RunAppender, RunSummary, Store, StoredRun, append, export_run, verify_run
from identify_core.store.figures import read_fragment

Write = Callable[..., RunSummary]


def finding(value: float) -> Finding:
    return Finding(summary=f"It is {value}.", arrays={"a": LabelledArray(values=[value], dimensions=["x"])})


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a run with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def add(store: Store, run: RunSummary, label: str, value: float, *, replace: bool = False) -> None:
    RunAppender(store, run, replace=replace).write_finding(
        label, finding(value), evaluator="p:e", options={"value": value}
    )


def test_a_finding_is_added_and_the_run_stays_true(store: Store, write_run: Write) -> None:
    run = write_run()
    add(store, run, "later", 1.5)
    found = store.open(run.id)
    assert list(found.findings) == ["subspace", "later"]
    assert found.findings["later"].finding.arrays["a"].values.tolist() == [1.5]
    assert found.findings["later"].options == {"value": 1.5}
    assert found.status == "finished"
    assert verify_run(found.summary) == []
    assert os.listdir(store.path / "staging") == []


def test_a_label_that_exists_is_kept_unless_it_may_be_replaced(store: Store, write_run: Write) -> None:
    run = write_run()
    before = snapshot(run.folder)
    with pytest.raises(StoreError, match="already has a finding 'subspace'"):
        add(store, run, "subspace", 1.0)
    assert snapshot(run.folder) == before
    for value in (2.0, 3.0):
        add(store, run, "subspace", value, replace=True)
        found = store.open(run.id)
        assert list(found.findings) == ["subspace"]
        assert found.findings["subspace"].finding.arrays["a"].values.tolist() == [value]
        assert verify_run(found.summary) == []
    assert len(os.listdir(run.folder / "arrays.zarr" / "findings")) == 2  # the group's metadata and the one finding


@pytest.mark.parametrize("step", ["write_finding_group", "placing", "replaced_checksums", "write_record"])
@pytest.mark.parametrize("replace", [False, True])
def test_a_failure_at_any_step_loses_nothing(
    store: Store, write_run: Write, monkeypatch: Any, step: str, replace: bool
) -> None:
    run = write_run()
    label = "subspace" if replace else "new"
    before = snapshot(run.folder)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(append, step, fail)
        with pytest.raises(StoreError, match=r"cannot add to the run at .*: the disk is full"):
            add(store, run, label, 1.0, replace=replace)
    after = snapshot(run.folder)
    assert {name: after.get(name) for name in before} == before
    assert store.open(run.id).findings["subspace"].finding.summary == "The set is a surface."
    add(store, run, label, 2.0, replace=replace)  # what the failure left behind is not an obstacle
    assert verify_run(store.find(run.id)) == []
    assert store.open(run.id).findings[label].finding.summary == "It is 2.0."


def test_two_that_add_at_once_both_land(store: Store, write_run: Write) -> None:
    run = write_run()
    errors = []

    def work(label: str) -> None:
        try:
            add(store, run, label, 1.0)
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"f{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(store.open(run.id).findings) == {"subspace", "f0", "f1", "f2", "f3"}
    assert verify_run(store.find(run.id)) == []


def picture(interactive: str | None = None) -> Figure:
    figure = MatplotlibFigure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return Figure(name="surface", caption="A <surface>.", static=figure, interactive=interactive)


def test_figures_are_files_that_run_json_lists(store: Store, write_run: Write) -> None:
    pytest.importorskip("plotly")
    run = write_run()
    appender = RunAppender(store, run)
    appender.write_figure("subspace", picture("<div>\nplot</div>"))
    entries = store.find(run.id).document["figures"]
    assert entries == [
        {
            "label": "subspace",
            "name": "surface",
            "caption": "A <surface>.",
            "static": "figures/subspace-surface.png",
            "interactive": "figures/subspace-surface.html",
        }
    ]
    assert (run.folder / entries[0]["static"]).read_bytes().startswith(b"\x89PNG")
    page = run.folder / entries[0]["interactive"]
    assert read_fragment(page) == "<div>\nplot</div>"
    assert "A &lt;surface&gt;." in page.read_text()
    assert "http" not in page.read_text().replace("http-equiv", "")
    assert (run.folder / "figures" / "plotly.min.js").stat().st_size > 1e6
    appender.write_figure("subspace", picture())
    assert [entry["interactive"] for entry in store.find(run.id).document["figures"]] == [None]
    assert not page.exists()
    with pytest.raises(StoreError, match=r"the figure .* cannot be read"):
        read_fragment(page)
    page.write_text("<html>")
    with pytest.raises(StoreError, match="is truncated or was not written by identify"):
        read_fragment(page)


def test_a_replaced_finding_takes_its_figures_with_it(store: Store, write_run: Write) -> None:
    run = write_run()
    RunAppender(store, run).write_figure("subspace", picture())
    add(store, run, "subspace", 1.0, replace=True)
    assert store.find(run.id).document["figures"] == []


def test_an_interactive_figure_without_plotly_says_what_to_install(
    store: Store, write_run: Write, monkeypatch: Any
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    with pytest.raises(UsageError, match="an interactive figure needs plotly, which is not installed"):
        RunAppender(store, write_run()).write_figure("subspace", picture("<div></div>"))


def test_a_report_is_replaced(store: Store, write_run: Write) -> None:
    run = write_run()
    for text in ("one", "two"):
        RunAppender(store, run).write_report(lambda _, text=text: text)
        assert (run.folder / "report.html").read_text() == text


def test_only_whole_runs_are_added_to(store: Store, write_run: Write) -> None:
    with pytest.raises(StoreError, match="is interrupted; findings are added to finished runs"):
        RunAppender(store, write_run(commit=False))
    run = write_run()
    appender = RunAppender(store, run)
    (run.folder / "run.json").write_text("{")
    with pytest.raises(StoreError, match=r"cannot be added to: its run\.json is damaged"):
        appender.write_figure("subspace", picture())
    with pytest.raises(StoreError, match=r"is damaged: its run\.json is damaged.*; findings are added to finished"):
        RunAppender(store, store.find(run.id))


def test_a_reader_sees_the_old_or_the_new_finding_while_it_is_replaced(
    store: Store, write_run: Write, tmp_path: Path
) -> None:
    run = write_run()
    add(store, run, "subspace", 0.0, replace=True)
    reader = store.open(run.id)
    before = reader.findings
    listed = store.find(run.id)
    add(store, run, "subspace", 1.0, replace=True)
    assert before["subspace"].finding.arrays["a"].values.tolist() == [1.0]
    assert verify_run(listed) == []  # against what is there now, not what was when it was listed
    assert reader.outlined_findings()["subspace"].finding.summary == "It is 1.0."
    assert "findings/subspace/a" in export_run(StoredRun(listed), tmp_path / "run.npz").keys
    stop = threading.Event()
    seen: list[list[float]] = [[], []]
    wrong: list[Exception] = []

    def read(values: list[float]) -> None:
        try:
            while not stop.is_set():
                finding = store.open(run.id).findings["subspace"].finding
                values.extend(finding.arrays["a"].values)
                assert finding.summary == f"It is {values[-1]}."
        except (StoreError, AssertionError, IndexError) as error:
            wrong.append(error)

    threads = [threading.Thread(target=read, args=(values,)) for values in seen]
    for thread in threads:
        thread.start()
    for value in range(2, 12):
        add(store, run, "subspace", float(value), replace=True)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert all(values == sorted(values) and values for values in seen)
    assert verify_run(store.find(run.id)) == []


def test_the_figures_are_those_of_the_finding_that_was_written_last(store: Store, write_run: Write) -> None:
    run = write_run()
    first, second = (RunAppender(store, run, replace=True) for _ in range(2))
    for number, appender in enumerate((first, second)):
        appender.write_finding("subspace", Finding(summary=str(number)), evaluator="", options={})
    second.write_figure("subspace", picture())
    written = (run.folder / "figures" / "subspace-surface.png").stat().st_mtime_ns
    first.write_figure("subspace", picture())
    assert (run.folder / "figures" / "subspace-surface.png").stat().st_mtime_ns == written
    assert [entry["label"] for entry in store.find(run.id).document["figures"]] == ["subspace"]


def test_nothing_is_added_to_a_run_that_was_removed_meanwhile(store: Store, write_run: Write) -> None:
    run = write_run()
    appender = RunAppender(store, run)
    store.remove(run)
    for use in (
        lambda: appender.write_finding("new", Finding(), evaluator="", options={}),
        lambda: appender.write_figure("subspace", picture()),
        lambda: appender.write_report(lambda folder: ""),
    ):
        with pytest.raises(StoreError, match=f"the run {run.id} was removed meanwhile; nothing is added to it"):
            use()
    assert store.runs() == []
    assert os.listdir(store.path / "runs") == os.listdir(store.path / "staging") == []


def test_nothing_is_added_to_a_run_that_is_a_link(store: Store, write_run: Write, tmp_path: Path) -> None:
    run = write_run()
    run.folder.rename(tmp_path / run.id)
    run.folder.symlink_to(tmp_path / run.id)
    with pytest.raises(StoreError, match=r"is a link to .*; it can be read, but nothing is written there"):
        RunAppender(store, store.find(run.id))
