"""Two at once, stopped at the moments that matter: each keeps what is its own, and nothing is left over."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

import pytest

from identify_core.errors import StoreError
from identify_core.findings import Finding
from identify_core.store import RunAppender, RunSummary, RunWriter, Store, verify_run
from identify_core.store.scratch import scratch_for

Write = Callable[..., RunSummary]


def remove_leftovers(store: Store) -> None:
    for path in store.leftovers():
        store.delete_leftover(path)


def test_the_same_evaluation_twice_at_once_has_two_scratch_folders(store: Store, write_run: Write) -> None:
    run = write_run()
    with scratch_for(store, run.id, "work") as first:
        (first / "grid").write_text("mine")
        with scratch_for(store, run.id, "work") as second:
            assert second != first
            assert list(second.iterdir()) == []
        assert not second.exists()
        assert (first / "grid").read_text() == "mine"
    assert os.listdir(store.path / "staging") == []


def test_scratch_that_is_in_use_is_no_leftover_and_survives_rm(store: Store, write_run: Write) -> None:
    run = write_run()
    with scratch_for(store, run.id, "work") as scratch:
        assert store.leftovers() == []
        (scratch / "grid").write_text("mine")
        store.remove(run)
        assert (scratch / "grid").exists()
    assert os.listdir(store.path / "staging") == os.listdir(store.path / "runs") == []


def test_scratch_of_an_evaluation_that_failed_is_taken_over_pruned_or_goes_with_the_run(
    store: Store, write_run: Write
) -> None:
    run = write_run()

    def fail() -> None:
        with suppress(RuntimeError), scratch_for(store, run.id, "work") as scratch:
            (scratch / "grid").write_text("half")
            raise RuntimeError

    fail()
    with scratch_for(store, run.id, "work") as scratch:
        assert (scratch / "grid").read_text() == "half"
    fail()
    (left,) = store.leftovers()
    assert left.name.startswith(f".scratch-{run.id}-work")
    remove_leftovers(store)
    fail()
    store.remove(run)
    assert os.listdir(store.path / "staging") == []


def test_scratch_with_a_link_in_it_is_not_used(store: Store, write_run: Write) -> None:
    run = write_run()
    with suppress(RuntimeError), scratch_for(store, run.id, "work") as scratch:
        (scratch / "grid").symlink_to(store.path.parent / "thesis")
        raise RuntimeError
    with pytest.raises(StoreError, match=r"grid in it is a link"), scratch_for(store, run.id, "work"):
        pass


def test_a_leftover_that_is_used_again_meanwhile_stays(store: Store, write_run: Write) -> None:
    run = write_run()
    with pytest.raises(RuntimeError), scratch_for(store, run.id, "work"):
        raise RuntimeError
    (left,) = store.leftovers()
    with scratch_for(store, run.id, "work") as scratch:
        store.delete_leftover(left)
        assert scratch.is_dir()


def test_a_finding_that_is_just_being_added_is_no_leftover(
    store: Store, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prune lists while the group is there and run.json does not name it yet, and deletes after it does."""
    from identify_core.store import append

    run = write_run()
    real, listed = append.write_record, []

    def prune_first(*arguments: object) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("identify_core.store.locks.is_alive", lambda path: False)
            listed.extend(store.leftovers())
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(append, "write_record", prune_first)
    RunAppender(store, run).write_finding("new", Finding(summary="new"), evaluator="", options={})
    assert "new" in {path.name for path in listed}
    for path in listed:
        store.delete_leftover(path)
    assert store.open(run.id).findings["new"].finding.summary == "new"
    assert verify_run(store.find(run.id)) == []


def test_a_run_that_is_removed_between_a_finding_and_its_report_leaves_no_ghost(store: Store, write_run: Write) -> None:
    run = write_run()
    appender = RunAppender(store, run)
    appender.write_finding("new", Finding(), evaluator="", options={})

    def render(folder: object) -> str:
        raise AssertionError("there is nothing to render")

    store.remove(run)
    with pytest.raises(StoreError, match="was removed meanwhile"):
        appender.write_report(render)
    assert os.listdir(store.path / "runs") == os.listdir(store.path / "staging") == []


def test_two_take_over_a_run_and_one_is_told(store: Store, write_run: Write) -> None:
    staged = write_run(commit=False)
    with RunWriter.resume(store, staged.id), pytest.raises(StoreError, match="is running, not interrupted or failed"):
        RunWriter.resume(store, staged.id)


def test_a_run_that_is_taken_over_is_not_pruned(store: Store, write_run: Write) -> None:
    staged = write_run(commit=False)
    with RunWriter.resume(store, staged.id) as writer:
        with pytest.raises(StoreError, match="is being written by process"):
            store.remove(staged)  # as prune does with what it listed a moment ago
        writer.commit()
    assert not store.remove(staged)
    assert store.find(staged.id).status == "finished"
    assert verify_run(store.find(staged.id)) == []


def test_commits_wait_for_one_another(store: Store, write_run: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identify_core.store.catalogue._WAIT_TO_COMMIT", 0.0)
    with store.counted_commit("run") as number:
        assert number == 1
        with pytest.raises(StoreError, match="another process is finishing a run in the store at"):
            write_run()
    assert [write_run().document["sequence"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("what", ["latents", "splits", "factors", "row_fingerprints", "history", "weights"])
def test_a_run_that_is_removed_while_it_is_read_is_not_taken_for_an_empty_one(
    store: Store, write_run: Write, what: str
) -> None:
    run = store.open(write_run().id)
    store.remove(run.summary)

    def read() -> None:
        found = getattr(run, what)
        found()

    with pytest.raises(StoreError, match=f"the run {run.id} is not there any more: it was removed"):
        read()
