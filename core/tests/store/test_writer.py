"""What a run writes is what a reader gets, staged or committed; and nothing counts before the commit."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from identify_core.data import Latents, Samples
from identify_core.errors import StoreError
from identify_core.findings import Finding, LabelledArray, Table
from identify_core.store import RunSummary, RunWriter, Store, StoredRun

Write = Callable[..., RunSummary]

texts = st.text(st.characters(codec="utf-8"), max_size=8)
labels = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(["nan", "inf", "\\nan"])
numbers = hnp.arrays(st.sampled_from(["f4", "f8", "i8", "b1"]), hnp.array_shapes(max_dims=3, max_side=4, min_side=0))
tables = st.integers(1, 3).flatmap(
    lambda width: st.builds(
        Table,
        columns=st.lists(texts, min_size=width, max_size=width),
        rows=st.lists(st.lists(scalars, min_size=width, max_size=width), max_size=3),
        caption=texts,
        units=st.dictionaries(texts, texts, max_size=2),
    )
)
findings = st.builds(
    Finding,
    summary=texts,
    scalars=st.dictionaries(texts, scalars, max_size=4),
    tables=st.dictionaries(texts, tables, max_size=2),
    arrays=st.dictionaries(
        labels,
        numbers.map(lambda a: LabelledArray(values=a, dimensions=tuple("abc"[: a.ndim]), summary="s")),
        max_size=2,
    ),
    conventions=st.dictionaries(texts, texts, max_size=2),
    warnings=st.lists(texts, max_size=2),
    name=texts,
)


def described(finding: Finding) -> str:
    """Everything of a finding as text, which tells 1 from 1.0 and counts nan as equal to nan."""
    return repr(
        (
            finding.summary,
            dict(finding.scalars),
            {name: (t.columns, t.rows, t.caption, dict(t.units)) for name, t in finding.tables.items()},
            {
                n: (a.values.dtype.str, a.values.tobytes(), a.dimensions, a.summary)
                for n, a in sorted(finding.arrays.items())
            },
            dict(finding.conventions),
            finding.warnings,
            finding.name,
        )
    )


@settings(max_examples=40, deadline=None)
@given(found=st.dictionaries(labels, findings, max_size=2), options=st.dictionaries(texts, scalars, max_size=2))
def test_findings_come_back(tmp_path_factory: Any, found: dict[str, Finding], options: dict[str, Any]) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    with RunWriter.create(store, name="a", plugin="b") as writer:
        for label, finding in found.items():
            writer.write_finding(label, finding, evaluator="p:e", options=options)
        writer.commit()
    stored = store.open("@last").findings
    assert list(stored) == list(found)
    for label, finding in found.items():
        assert described(stored[label].finding) == described(finding)
        assert (stored[label].evaluator, repr(stored[label].options)) == ("p:e", repr(options))


@settings(max_examples=25, deadline=None)
@given(
    history=st.dictionaries(labels, st.tuples(st.integers(0, 5), st.none() | st.integers(1, 3)), max_size=3),
    widths=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    rows=st.integers(1, 5),
)
def test_histories_and_latents_come_back(
    tmp_path_factory: Any, history: dict[str, tuple[int, int | None]], widths: list[int], rows: int
) -> None:
    generator = np.random.default_rng(0)
    logged = {
        name: (np.arange(s), generator.normal(size=(s,) if r is None else (s, r))) for name, (s, r) in history.items()
    }
    values = [generator.normal(size=(rows, d)).astype("f4") for d in widths]
    uniform = len(set(widths)) == 1
    given_values: Any = torch.from_numpy(np.stack(values)) if uniform else [torch.from_numpy(v) for v in values]
    ids = np.array([f"ä{i}" for i in range(rows)])
    store = Store(tmp_path_factory.mktemp("store"))
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_history(logged)
        writer.write_latents(Latents(name="h", values=given_values, split="own", ids=ids, summary="top"))
        writer.commit()
    run = store.open("@last")
    assert set(run.history()) == set(logged)
    for name, (steps, series) in run.history().items():
        assert steps.tobytes() == logged[name][0].tobytes()
        assert (series.shape, series.tobytes()) == (logged[name][1].shape, logged[name][1].tobytes())
    latents = run.latents["h"]
    assert latents.shape == (len(widths), rows, widths[0] if uniform else None)
    assert latents.sizes == tuple((rows, d) for d in widths)
    assert latents.ids.tolist() == ids.tolist()
    for replicate, expected in enumerate(values):
        np.testing.assert_array_equal(latents.values(replicate), expected)
        np.testing.assert_array_equal(latents.rows(replicate, 1, 3), expected[1:3])


def check_content(run: StoredRun, samples: Samples, finding: Finding) -> None:
    """What `write_run` wrote."""
    assert run.spec_text == 'name = "shells"\n'
    np.testing.assert_array_equal(run.ids, samples.ids)
    assert {name: rows.tolist() for name, rows in run.splits.items()} == {
        "train": list(range(12)),
        "test": [19, 13, 15],
    }
    assert run.factors["angle"].kind == "circular"
    np.testing.assert_array_equal(run.factors["angle"].values, samples.factors["angle"].values)
    assert run.facts == {"noise": 0.5, "source": "drawn", "largest": float("inf")}
    assert run.fingerprint == samples.fingerprint
    np.testing.assert_array_equal(run.row_fingerprints, samples.row_fingerprints)
    latents = run.latents["hidden-1"]
    assert (latents.split, latents.identified_up_to, latents.dtype) == ("test", "linear", "float32")
    assert latents.ids.tolist() == [119, 113, 115]
    np.testing.assert_array_equal(latents.values(1), np.arange(9.0, 18).reshape(3, 3))
    assert list(run.weights()) == ["parameters/0.weight", "buffers/mean"]
    assert run.weights()["buffers/mean"].shape == (2, 1)
    assert described(run.findings["subspace"].finding) == described(finding)
    assert run.document["warnings"] == ["slow"]
    assert run.summary.scalars["subspace/dimension"] == 2


def test_a_committed_run_reads_as_it_was_written(
    store: Store, write_run: Write, samples: Samples, finding: Finding
) -> None:
    run = store.open(write_run().id)
    assert (run.status, run.summary.committed) == ("finished", True)
    check_content(run, samples, finding)


def test_a_staged_run_reads_the_same_and_counts_as_interrupted(
    store: Store, write_run: Write, samples: Samples, finding: Finding
) -> None:
    summary = write_run(commit=False)
    assert (summary.status, summary.committed) == ("interrupted", False)
    check_content(StoredRun.open(summary.folder), samples, finding)


def test_a_run_is_running_while_it_is_written_and_resumes_where_it_was(store: Store) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer:
        assert store.find("@last").status == "running"
        writer.write_spec("seed = 1")
        (writer.scratch / "checkpoint").write_text("42")
        with pytest.raises(StoreError, match="is running, not interrupted or failed"):
            RunWriter.resume(store, writer.id)
        created = writer.document["created"]
    assert store.find("@last").status == "interrupted"
    with RunWriter.resume(store, "@last") as writer:
        assert store.find("@last").status == "running"
        assert (writer.scratch / "checkpoint").read_text() == "42"
        folder = writer.commit()
    run = store.find("@last")
    assert (run.status, run.created, run.folder) == ("finished", created, folder)
    assert sorted(os.listdir(folder)) == ["arrays.zarr", "drawn.json", "figures", "run.json", "spec.toml"]
    assert os.listdir(store.path / "staging") == []
    with pytest.raises(StoreError, match="is finished, not interrupted or failed"):
        RunWriter.resume(store, run.id)


def test_a_failed_run_stays_staged_and_can_be_resumed(store: Store) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_spec("seed = 1")
        writer.write_document({"status": "failed", "failure": "diverged"})
    assert store.find("@last").status == "failed"
    with RunWriter.resume(store, "@last") as writer:
        assert writer.document["status"] == "running"


def test_writing_again_replaces(store: Store) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_weights({"parameters/old": np.zeros((2, 3)), "parameters/both": np.zeros((2, 3))})
        writer.write_weights({"parameters/both": np.ones((2, 5))})
        writer.write_finding(
            "f", Finding(arrays={"a": LabelledArray(values=[1.0], dimensions=["x"])}), evaluator="", options={}
        )
        writer.write_finding("f", Finding(summary="new"), evaluator="", options={})
        writer.commit()
    run = store.open("@last")
    assert {name: values.shape for name, values in run.weights().items()} == {"parameters/both": (2, 5)}
    assert run.findings["f"].finding.summary == "new"
    assert not run.findings["f"].finding.arrays


def test_a_writer_does_not_hand_out_its_own_fields(store: Store) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer, pytest.raises(ValueError, match="'id' is set by the"):
        writer.write_document({"id": "x"})


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        ({"split": "nowhere"}, "are of the split 'nowhere', which the samples do not have"),
        ({"split": "train"}, "have 3 rows for 12 sample ids"),
        ({"split": "own", "ids": np.arange(2)}, "have 3 rows for 2 sample ids"),
        ({"split": "test", "values": [np.zeros((3, 1)), np.zeros((2, 1))]}, r"different numbers of rows: \[2, 3\]"),
    ],
)
def test_latents_that_do_not_line_up_are_refused(
    store: Store, samples: Samples, latents: dict[str, Any], message: str
) -> None:
    defaults = {"name": "h", "values": np.zeros((2, 3, 1)), "ids": None, "identified_up_to": "", "summary": ""}
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_samples(samples)
        with pytest.raises(StoreError, match=message):
            writer.write_latents(SimpleNamespace(**(defaults | latents)))  # type: ignore[arg-type]


def test_two_weights_of_one_name_are_refused(store: Store) -> None:
    with (
        RunWriter.create(store, name="a", plugin="b") as writer,
        pytest.raises(StoreError, match="two weights are called"),
    ):
        writer.write_weights({"parameters/a": np.zeros(2), "buffers/a": np.zeros(2)})


def test_asking_for_a_replicate_that_is_not_there_says_which_are(store: Store, write_run: Write) -> None:
    with pytest.raises(StoreError, match="have replicates 0 to 1, not 2"):
        store.open(write_run().id).latents["hidden-1"].values(2)


def test_a_commit_that_fails_leaves_the_run_staged(store: Store, monkeypatch: Any) -> None:
    real = os.replace

    def full(source: Any, target: Any, **relative: Any) -> None:
        if source == writer.id:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target, **relative)

    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_spec("seed = 1")
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", full)
            with pytest.raises(StoreError, match=r"cannot finish the run at .*: the disk is full"):
                writer.commit()
        assert writer.document["status"] == "running"
    assert store.find("@last").status == "interrupted"
    with RunWriter.resume(store, "@last") as writer:
        writer.commit()
    assert store.find("@last").status == "finished"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc to tell which file a descriptor is")
def test_everything_reaches_the_disk_before_the_rename_and_checkpoints_last_until_after_it(
    store: Store, monkeypatch: Any
) -> None:
    events: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        events.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        real_sync(descriptor)

    def replace(source: Any, target: Any, **relative: Any) -> None:
        if source == writer.id:
            events.append("rename" if (writer.folder / "scratch" / "checkpoint").exists() else "too late")
        real_replace(source, target, **relative)

    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_weights({"parameters/w": np.ones(3)})
        (writer.scratch / "checkpoint").write_text("")
        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(os, "replace", replace)
        writer.commit()
    before, after = events[: events.index("rename")], events[events.index("rename") + 1 :]
    assert {"c.0", "w", "weights", "arrays.zarr", "zarr.json", writer.id} <= set(before)
    assert "checkpoint" not in before
    assert after[:2] == ["runs", "staging"]
    assert not (writer.folder / "scratch").exists()


def test_the_document_on_disk_is_plain_json(write_run: Write) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    run = write_run()
    document = json.loads((run.folder / "run.json").read_text(), parse_constant=refuse)
    assert document["findings"]["subspace"]["scalars"] == {
        "dimension": 2,
        "loss": "nan",
        "verdict": "\\nan",
        "holds": True,
        "nothing": None,
    }
    assert set(document["arrays"]) >= {"samples/ids", "latents/hidden-1", "weights/0.weight", "findings/subspace/grid"}


@pytest.mark.parametrize(
    ("node", "read"),
    [
        ("latents/hidden-1", lambda run: run.latents),
        ("samples", lambda run: run.facts),
        ("weights/0.weight", lambda run: run.weights()),
        ("findings/subspace", lambda run: run.findings["subspace"]),
    ],
)
def test_attributes_that_are_lost_are_said(write_run: Write, store: Store, node: str, read: Any) -> None:
    run = write_run()
    file = run.folder / "arrays.zarr" / node / "zarr.json"
    file.write_text(
        "{"
        if node in ("samples", "weights/0.weight")
        else json.dumps(json.loads(file.read_text()) | {"attributes": {}})
    )
    with pytest.raises(StoreError, match=r"of the run .* cannot be read"):
        read(store.open(run.id))


def test_a_spec_that_is_lost_is_said(write_run: Write, store: Store) -> None:
    run = write_run()
    (run.folder / "spec.toml").unlink()
    with pytest.raises(StoreError, match=r"the spec of the run .* cannot be read"):
        _ = store.open(run.id).spec_text


def test_an_id_that_is_taken_is_drawn_again(store: Store, monkeypatch: Any) -> None:
    ids = iter(["20260101-000000-a-0000", "20260101-000000-a-0000", "20260101-000000-a-0000", "20260101-000000-a-0001"])
    monkeypatch.setattr("identify_core.store.writer.make_run_id", lambda name, now: next(ids))
    with RunWriter.create(store, name="a", plugin="b") as first:
        first.commit()
    (store.path / "staging" / ".new-20260101-000000-a-0000").mkdir()
    with RunWriter.create(store, name="a", plugin="b") as second:
        assert (first.id, second.id) == ("20260101-000000-a-0000", "20260101-000000-a-0001")


def test_a_run_that_cannot_begin_leaves_nothing(store: Store, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("identify_core.store.writer.write_record", fail)
        with pytest.raises(StoreError, match=r"cannot begin a run at .*: the disk is full"):
            RunWriter.create(store, name="a", plugin="b")
    assert os.listdir(store.path / "staging") == []


def test_a_run_whose_process_ended_before_its_spec_was_written_never_began(store: Store) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer:
        assert store.find(writer.id).status == "running"
    (store.path / "staging" / "20260101-000000-b-0000").mkdir()  # as a kill in its very first moment leaves it
    assert {run.status for run in store.runs()} == {"never began"}
    for run in store.runs():
        with pytest.raises(
            StoreError, match=f"the run {run.id} never began: its process ended before its spec"
        ) as told:
            RunWriter.resume(store, run.id)
        assert "identify runs prune" in str(told.value.hint)
        store.remove(run)
    assert store.runs() == []


def test_a_staged_run_with_a_link_in_it_is_not_resumed(store: Store, tmp_path: Path) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.write_spec("seed = 1")
        (writer.scratch / "checkpoint.safetensors").symlink_to(tmp_path / "thesis")
    with pytest.raises(StoreError, match=r"scratch/checkpoint.safetensors in it is a link, which no store holds"):
        RunWriter.resume(store, writer.id)
    assert not (tmp_path / "thesis").exists()
