"""A store lists every run, finds the one that is meant, and deletes nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from identify_core.errors import StoreError
from identify_core.store import RunSummary, RunWriter, Store, StoredRun
from identify_core.store.folder import Folder

Write = Callable[..., RunSummary]


def rewrite(run: RunSummary, **fields: Any) -> None:
    """Change run.json by hand, into one of the format without a digest; a field that is None is left out."""
    file = run.folder / "run.json"
    document = json.loads(file.read_text()) | {"format": 1, "sha256": None} | fields
    file.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


class TestMaking:
    def test_a_store_is_made_once_and_kept(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "deep" / "store").create()
        marker = (store.path / "store.json").read_text()
        assert store.create().runs() == []
        assert (store.path / "store.json").read_text() == marker

    def test_a_folder_with_other_things_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(StoreError, match=r"is not a store: it has no store\.json but holds 'thesis.tex'"):
            Store(tmp_path).create()
        assert os.listdir(tmp_path) == ["thesis.tex"]

    def test_two_that_make_one_at_once_both_have_it(self, tmp_path: Path) -> None:
        (tmp_path / "staging").mkdir()  # as far as the other one got
        assert Store(tmp_path).create().runs() == []

    def test_a_store_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "store").write_text("")
        with pytest.raises(StoreError, match="cannot make a store at"):
            Store(tmp_path / "store").create()
        with pytest.raises(StoreError, match="is not a store: it is a file"):
            Store(tmp_path / "store").runs()

    def test_a_store_that_may_not_be_written(self, tmp_path: Path, monkeypatch: Any) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(StoreError, match=r"cannot make a store at .*: it is read-only") as caught:
            Store(tmp_path / "store").create()
        assert "--store" in caught.value.hint


class TestOpening:
    def test_no_store(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="there is no store at"):
            Store(tmp_path / "nowhere").runs()

    def test_a_folder_that_is_no_store(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"is not a store: it has no store\.json"):
            Store(tmp_path).runs()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"format": 3}', "has format 3, written by a newer version of identify; this one reads up to 2"),
            ("{", "is damaged: it is not JSON"),
            ('{"format": "1"}', "has no valid format number but '1'"),
            ('{"format": true}', "has no valid format number but True"),
            ("{}", "has no valid format number but None"),
        ],
    )
    def test_a_marker_that_is_not_understood(self, store: Store, content: str, message: str) -> None:
        (store.path / "store.json").write_text(content)
        for use in (store.runs, store.create, lambda: store.find("@last")):
            with pytest.raises(StoreError, match=message):
                use()

    def test_a_marker_that_cannot_be_read(self, store: Store) -> None:
        (store.path / "store.json").unlink()
        (store.path / "store.json").mkdir()
        with pytest.raises(StoreError, match=r"store\.json cannot be read: it is not a regular file"):
            store.check()

    def test_a_folder_that_cannot_be_listed(self, store: Store) -> None:
        shutil.rmtree(store.path / "runs")
        (store.path / "runs").write_text("")
        with pytest.raises(StoreError, match="cannot be listed: Not a directory"):
            store.runs()


class TestListing:
    def test_runs_come_oldest_first_and_staged_ones_among_them(self, store: Store, write_run: Write) -> None:
        runs = [write_run(commit=commit) for commit in (True, False, True)]
        assert [run.id for run in store.runs()] == [run.id for run in runs]
        assert [run.status for run in store.runs()] == ["finished", "interrupted", "finished"]

    @pytest.mark.parametrize(
        ("damage", "problem"),
        [
            (lambda run: (run.folder / "run.json").unlink(), r"it has no run\.json"),
            (lambda run: (run.folder / "run.json").write_text("{"), r"its run\.json is damaged"),
            (lambda run: (run.folder / "run.json").write_bytes(b"\xff\xfe{"), r"its run\.json is damaged"),
            (lambda run: (run.folder / "run.json").write_text("3"), "holds a JSON int instead of an object"),
            (lambda run: rewrite(run, format=None), "has no format number"),
            (lambda run: rewrite(run, format=3), "it has format 3, written by a newer version"),
            (lambda run: rewrite(run, plugin=None), "plugin: it is missing"),
            (lambda run: rewrite(run, status="well"), "status: it is 'well' instead of one of 'running', 'finished'"),
            (lambda run: rewrite(run, findings=[]), "findings: it is a list instead of a table"),
            (lambda run: rewrite(run, findings={"a": 1}), r"findings\['a'\]: it is a whole number instead of a table"),
            (lambda run: rewrite(run, warnings={}), "warnings: it is a table instead of a list"),
            (lambda run: rewrite(run, id="another"), "its run.json says 'another'"),
        ],
    )
    def test_a_damaged_run_is_listed_with_its_reason_and_the_others_stay(
        self, store: Store, write_run: Write, damage: Any, problem: str
    ) -> None:
        first, broken, last = write_run("first"), write_run("broken"), write_run("last")
        damage(broken)
        listed = {run.id: run for run in store.runs()}
        assert [listed[run.id].status for run in (first, broken, last)] == ["finished", "damaged", "finished"]
        with pytest.raises(StoreError, match=problem):
            StoredRun(listed[broken.id])
        assert store.find("@last").id == last.id
        assert store.find(broken.id).status == "damaged"

    def test_run_json_that_is_a_folder(self, store: Store, write_run: Write) -> None:
        run = write_run()
        (run.folder / "run.json").unlink()
        (run.folder / "run.json").mkdir()
        assert "cannot be read: it is not a regular file" in store.find(run.id).problem

    def test_a_run_that_has_only_begun_is_running(self, store: Store) -> None:
        (store.path / "staging" / "20260101-000000-a-0000").mkdir()
        with store.lock("20260101-000000-a-0000"):
            assert [run.status for run in store.runs()] == ["running"]
        assert [run.status for run in store.runs()] == ["never began"]

    def test_a_kill_between_the_last_write_and_the_rename_reads_as_interrupted(
        self, store: Store, write_run: Write
    ) -> None:
        run = write_run(commit=False)
        rewrite(run, status="finished")
        assert store.find(run.id).status == "interrupted"

    def test_comparisons_are_kept_apart(self, store: Store, write_run: Write) -> None:
        run = write_run()
        with RunWriter.create(store, name="a", plugin="", kind="comparison") as writer:
            assert [each.status for each in store.comparisons()] == ["running"]
            folder = writer.commit()
        assert folder.parent.name == "comparisons"
        assert [each.id for each in store.runs()] == [run.id]
        assert [each.id for each in store.comparisons()] == [writer.id]
        assert store.find("@last", kind="comparison").id == writer.id

    def test_foreign_files_are_no_runs(self, store: Store) -> None:
        (store.path / "runs" / ".DS_Store").write_text("")
        (store.path / "runs" / "notes.txt").write_text("")
        assert store.runs() == []


class TestFinding:
    def test_every_way_to_name_a_run(self, store: Store, write_run: Write) -> None:
        first, last = write_run("first"), write_run("second", commit=False)
        for reference in (
            first.id,
            first.id[:-2],
            "first",
            first.id[-4:],
            f"first-{first.id[-4:]}",
            "@last",
            "@last~0",
        ):
            assert store.find(reference).id == first.id
        assert store.find("@last").id == store.find("@last", statuses=("finished",)).id == first.id
        assert store.find("@last", statuses=("interrupted",)).id == last.id

    def test_the_last_is_the_one_that_was_committed_last_whatever_the_clock_says(
        self, store: Store, write_run: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = []
        for year in (2026, 1999, 2031, 2020):
            with monkeypatch.context() as patched:
                patched.setattr(
                    "identify_core.store.writer.utc_now", lambda year=year: datetime(year, 1, 1, tzinfo=UTC)
                )
                runs.append(write_run(str(year)))
        write_run("not committed", commit=False)
        for index in (True, False):
            for back, run in enumerate(reversed(runs)):
                assert store.find(f"@last~{back}").id == run.id
            store.remove(runs.pop())
            assert store.find("@last").id == runs[-1].id
            if index:
                (store.path / "runs.index").unlink()
        assert store.find("@last~1").name == "2026"

    def test_an_exact_name_wins_over_the_beginning_of_another_id(self, store: Store, write_run: Write) -> None:
        first = write_run("first")
        other = write_run(first.id[:8])
        assert store.find(first.id[:8]).id == other.id

    def test_what_means_several_lists_them(self, store: Store, write_run: Write) -> None:
        runs = [write_run("same"), write_run("same")]
        for reference in ("same", "20"):
            with pytest.raises(StoreError, match=f"{reference!r} means 2 runs:") as caught:
                store.find(reference)
            assert all(run.id in caught.value.message for run in runs)

    def test_what_means_none_says_so(self, store: Store, write_run: Write) -> None:
        with pytest.raises(StoreError, match=r"no run 'nothing' is in the store at .*, and none at all"):
            store.find("nothing")
        run = write_run()
        with pytest.raises(StoreError, match=f"; the latest is {run.id}"):
            store.find("nothing")

    def test_counting_back_too_far(self, store: Store, write_run: Write) -> None:
        write_run()
        with pytest.raises(StoreError, match=r"(?m)'@last~1' goes back too far: .* has 1 run$"):
            store.find("@last~1")

    def test_the_last_of_none(self, store: Store, write_run: Write) -> None:
        with pytest.raises(StoreError, match=r"(?m)^there is no @last: the store at .* has no run$") as caught:
            store.find("@last")
        assert caught.value.hint == "`identify run` makes one"
        write_run()
        with pytest.raises(StoreError, match=r"(?m)^there is no @last~1: .* has no run that is interrupted or failed$"):
            store.find("@last~1", statuses=("interrupted", "failed"))
        with pytest.raises(StoreError, match=r"(?m)has no comparison$"):
            store.find("@last", kind="comparison")

    @pytest.mark.parametrize("reference", ["@first", "@last~", "@last~x", "@last~-1", "@", "@last~²", "@last1"])
    def test_other_words_with_an_at_sign(self, store: Store, reference: str) -> None:
        with pytest.raises(StoreError, match="is not a reference: there are @last"):
            store.find(reference)

    def test_a_run_of_another_status(self, store: Store, write_run: Write) -> None:
        run = write_run(commit=False)
        with pytest.raises(StoreError, match="is interrupted, not finished"):
            store.find(run.id, statuses=("finished",))

    @pytest.mark.parametrize("reference", ["../runs", "a/b", "..", "/etc/passwd", "a\\b", ".git", "", "x/../../y"])
    def test_what_could_reach_outside_never_reaches_the_file_system(
        self, store: Store, reference: str, monkeypatch: Any
    ) -> None:
        def touch(*_: Any, **__: Any) -> None:
            raise AssertionError("the file system was touched")

        monkeypatch.setattr(os, "scandir", touch)
        for use in (store.find, store.open, store.lock_path):
            with pytest.raises(StoreError, match="is not a run id"):
                use(reference)


class TestRemoving:
    def test_it_is_gone_and_nothing_is_left(self, store: Store, write_run: Write) -> None:
        kept, gone, staged = write_run(), write_run(), write_run(commit=False)
        store.remove(gone)
        store.remove(staged)
        assert [run.id for run in store.runs()] == [kept.id]
        assert os.listdir(store.path / "staging") == []
        assert store.leftovers() == []

    def test_a_run_that_is_written_stays(self, store: Store) -> None:
        with RunWriter.create(store, name="a", plugin="b"):
            with pytest.raises(StoreError, match="is being written by process"):
                store.remove(store.find("@last"))
            assert store.find("@last").status == "running"

    def test_a_link_goes_alone(self, store: Store, write_run: Write, tmp_path: Path) -> None:
        run = write_run()
        outside = tmp_path / run.id
        os.rename(run.folder, outside)
        run.folder.symlink_to(outside)
        assert store.open(run.id).spec_text == (outside / "spec.toml").read_text()
        store.remove(store.find(run.id))
        assert store.runs() == []
        assert (outside / "arrays.zarr" / "zarr.json").exists()

    def test_links_inside_a_run_are_not_followed(self, store: Store, write_run: Write, tmp_path: Path) -> None:
        run = write_run()
        (tmp_path / "precious").mkdir()
        (tmp_path / "precious" / "thesis").write_text("")
        (run.folder / "link").symlink_to(tmp_path / "precious")
        store.remove(run)
        assert (tmp_path / "precious" / "thesis").exists()

    def test_a_summary_of_elsewhere_deletes_nothing(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "thesis").mkdir()
        with pytest.raises(StoreError, match="is not a folder of the store"):
            store.remove(RunSummary(id="thesis", folder=tmp_path / "thesis", committed=True, status="finished"))
        assert (tmp_path / "thesis").is_dir()

    def test_a_damaged_run_can_be_removed(self, store: Store, write_run: Write) -> None:
        run = write_run()
        (run.folder / "run.json").write_text("{")
        store.remove(store.find(run.id))
        assert store.runs() == []

    def test_a_removal_that_is_cut_short_is_a_leftover(self, store: Store, write_run: Write, monkeypatch: Any) -> None:
        run = write_run()

        def fail(*_: Any, **__: Any) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr(Folder, "_empty", fail)
            with pytest.raises(StoreError, match=r"cannot delete the run at .*: Input/output error"):
                store.remove(run)
        assert store.runs() == []
        assert len(store.leftovers()) == 1
        for path in store.leftovers():
            store.delete_leftover(path)
        assert os.listdir(store.path / "staging") == []


class TestLeftovers:
    def test_only_what_no_run_needs(self, store: Store, write_run: Write) -> None:
        finished = write_run()
        write_run(commit=False)
        (finished.folder / "scratch").mkdir()
        (finished.folder / ".new-1234").mkdir()
        (finished.folder / ".run.json.1234").write_text("")
        shutil.copytree(
            finished.folder / "arrays.zarr/findings/subspace", finished.folder / "arrays.zarr/findings/subspace~2"
        )
        store.lock_path(finished.id).write_text("")
        (store.path / "staging" / ".new-20260101-000000-a-0000").mkdir()
        assert {path.name for path in store.leftovers()} == {
            "scratch",
            "subspace~2",
            ".new-1234",
            ".new-20260101-000000-a-0000",
            ".run.json.1234",
            f"{finished.id}.lock",
        }

    def test_nothing_of_a_run_that_is_being_added_to(self, store: Store, write_run: Write) -> None:
        run = write_run()
        (run.folder / ".new-1234").mkdir()
        with store.lock(run.id):
            assert store.leftovers() == []
        assert len(store.leftovers()) == 2
