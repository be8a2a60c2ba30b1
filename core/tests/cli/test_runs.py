"""`identify runs`: what a person reads and a program parses, and what happens when something is wrong."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from identify_core.cli.invocation import Invocation
from identify_core.cli.runs import command
from identify_core.errors import IdentifyError, StoreError, UsageError
from identify_core.findings import Finding, LabelledArray, Table
from identify_core.store import RunSummary, RunWriter, Store

Write = Callable[..., RunSummary]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").create()


@pytest.fixture
def write_run(store: Store) -> Write:
    def write(name: str = "shells", plugin: str = "toy", *, commit: bool = True, **fields: Any) -> RunSummary:
        finding = Finding(
            summary="The set is a surface.",
            scalars={"dimension": 2, "loss": float("nan")},
            tables={"axes": Table(columns=("axis", "size"), rows=[("a", 1.5)], caption="Half axes.")},
            arrays={"grid": LabelledArray(values=np.eye(3), dimensions=("u", "v"))},
        )
        with RunWriter.create(store, name=name, plugin=plugin) as writer:
            writer.write_spec(f'name = "{name}"\n')
            writer.write_document({"seed": 7, "provenance": {"python": "3.11"}, "warnings": ["slow"], **fields})
            writer.write_history({"loss": (np.arange(3), np.ones((3, 2)))})
            writer.write_finding("subspace", finding, evaluator="toy:subspace", options={})
            if commit:
                writer.commit()
        return store.find(writer.id)

    return write


def identify_runs(store: Store, *arguments: object, **more: Any) -> Result:
    """Run `identify runs ...`; expected errors are raised."""
    result = CliRunner().invoke(
        command,
        [*map(str, arguments), "--store", str(store.path)],
        obj=Invocation(),
        catch_exceptions=False,
        standalone_mode=False,
        **more,
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


class TestList:
    def test_every_run_is_a_row_with_its_answer(self, store: Store, write_run: Write) -> None:
        finished, interrupted, broken = write_run("first"), write_run(commit=False), write_run("third")
        (broken.folder / "run.json").write_text("{")
        lines = identify_runs(store, "ls").stdout.splitlines()
        assert lines[2].split() == [finished.id, "finished", "toy", "first", *["The", "set", "is", "a", "surface."]]
        assert lines[3].startswith(interrupted.id)
        assert "interrupted" in lines[3]
        assert lines[4].split()[:2] == [broken.id, "damaged"]
        assert "its run.json is damaged" in lines[4]

    def test_json_says_the_same(self, store: Store, write_run: Write) -> None:
        run = write_run()
        document = json.loads(identify_runs(store, "ls", "--json").stdout)
        assert document["schema"] == "identify/runs/1"
        (listed,) = document["runs"]
        assert (listed["id"], listed["status"], listed["folder"]) == (run.id, "finished", str(run.folder))
        assert listed["scalars"] == {"subspace/dimension": 2, "subspace/loss": "nan"}

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            ([], ["b", "a", "ab"]),
            (["--plugin", "other"], ["a"]),
            (["--status", "finished"], ["b", "ab"]),
            (["--status", "finished", "--status", "interrupted"], ["b", "a", "ab"]),
            (["--name", "a*"], ["a", "ab"]),
            (["--sort", "name"], ["a", "ab", "b"]),
            (["--reverse"], ["ab", "a", "b"]),
            (["--limit", "2"], ["a", "ab"]),
            (["--limit", "2", "--sort", "name", "--reverse"], ["ab", "a"]),
        ],
    )
    def test_filters_and_order(self, store: Store, write_run: Write, options: list[str], names: list[str]) -> None:
        write_run("b")
        write_run("a", plugin="other", commit=False)
        write_run("ab")
        document = json.loads(identify_runs(store, "ls", "--json", *options).stdout)
        assert [run["name"] for run in document["runs"]] == names

    def test_nothing_is_said_on_stderr(self, store: Store, write_run: Write) -> None:
        assert (identify_runs(store, "ls").stdout, identify_runs(store, "ls").stderr) == ("", "no runs yet\n")
        write_run()
        assert identify_runs(store, "ls", "--name", "x").stderr == "no run or comparison matches\n"

    def test_no_store_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="there is no store at"):
            identify_runs(Store(tmp_path / "nowhere"), "ls")


class TestShow:
    def test_the_answer_comes_first_and_says_where_the_rest_is(self, store: Store, write_run: Write) -> None:
        run = write_run(failures={"nullity": "no Jacobian"})
        lines = identify_runs(store, "show", run.id).stdout.splitlines()
        assert lines[0] == "subspace  The set is a surface."
        assert lines[1].strip() == "! slow"
        assert "! nullity failed: no Jacobian" in lines
        assert any(line.startswith(f"{run.id} (finished): shells") for line in lines)
        command = f"identify --store {shlex.quote(str(store.path))}"
        assert lines[-1] == f"everything: {command} runs show {run.id} --full; report: {command} report {run.id}"
        assert len(lines) < 12

    def test_it_shows_where_a_run_came_from_what_it_holds_and_what_was_found(
        self, store: Store, write_run: Write
    ) -> None:
        run = write_run(failures={"nullity": "no Jacobian"}, components=[{"kind": "model", "name": "toy:net"}])
        output = identify_runs(store, "show", run.id, "--full").stdout
        text = " ".join(output.split())
        for words in (
            f"{run.id} finished",
            "seed 7",
            "python 3.11",
            "model toy:net",
            "! slow",
            "! nullity failed: no Jacobian",
            "history/loss/values 3 × 2 float64 step, replicate",
            "subspace The set is a surface.",
            "dimension 2",
            "Half axes.",
        ):
            assert words in text
        assert max(map(len, output.splitlines())) < 200

    def test_the_latest_is_shown_by_default_and_staged_ones_can_be(self, store: Store, write_run: Write) -> None:
        staged = write_run(commit=False)
        assert f"{staged.id} (interrupted)" in identify_runs(store, "show").stdout
        run = write_run()
        assert f"{run.id} (finished)" in identify_runs(store, "show").stdout
        assert f"{staged.id} (interrupted)" in identify_runs(store, "show", staged.id).stdout

    def test_json_holds_the_document_and_the_arrays(self, store: Store, write_run: Write) -> None:
        run = write_run()
        shown = json.loads(identify_runs(store, "show", "@last", "--json").stdout)
        assert (shown["schema"], shown["id"], shown["document"]["seed"]) == ("identify/run/1", run.id, 7)
        assert shown["arrays"][0] == {
            "path": "findings/subspace/grid",
            "shape": [3, 3],
            "dtype": "float64",
            "dimensions": ["u", "v"],
            "claim": "",
        }
        assert shown["problems"] == []

    def test_the_spec_alone(self, store: Store, write_run: Write) -> None:
        write_run()
        assert identify_runs(store, "show", "--spec").stdout == 'name = "shells"\n'

    def test_what_cannot_be_read_is_a_warning(self, store: Store, write_run: Write) -> None:
        run = write_run()
        (run.folder / "arrays.zarr/history/loss/steps/zarr.json").unlink()
        result = identify_runs(store, "show", "--full")
        assert "history/loss/values" in result.stdout
        assert "warning: history/loss/steps: zarr.json is missing" in result.stderr

    def test_a_damaged_run_is_an_error(self, store: Store, write_run: Write) -> None:
        run = write_run()
        (run.folder / "run.json").write_text("{")
        with pytest.raises(StoreError, match=r"cannot be read: its run\.json is damaged"):
            identify_runs(store, "show", run.id)


class TestRemove:
    def test_it_asks_first(self, store: Store, write_run: Write) -> None:
        run = write_run()
        for answer in ("n\n", ""):
            with pytest.raises(click.Abort):
                identify_runs(store, "rm", run.id, input=answer)
        assert store.runs()
        result = identify_runs(store, "rm", run.id, input="y\n")
        assert result.stdout.splitlines()[-1] == f"removed {run.id}"  # before it, older clicks show what was typed
        assert "Delete 1 run for good?" not in result.stdout
        assert "Delete 1 run for good?" in result.stderr
        assert store.runs() == []

    def test_all_are_looked_up_before_the_first_goes(self, store: Store, write_run: Write) -> None:
        run = write_run()
        with pytest.raises(StoreError, match="no run and no comparison 'nothing'"):
            identify_runs(store, "rm", run.id, "nothing", "--yes")
        assert [each.id for each in store.runs()] == [run.id]

    def test_several_at_once_each_once(self, store: Store, write_run: Write) -> None:
        first, second = write_run("a"), write_run("b")
        result = identify_runs(store, "rm", "a", "b", "@last", "--yes", "--json")
        assert json.loads(result.stdout)["runs"] == [first.id, second.id]
        assert store.runs() == []

    def test_a_path_is_refused(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "thesis").mkdir()
        for reference in ("../../thesis", str(tmp_path / "thesis"), ".."):
            with pytest.raises(StoreError, match="is not a run id"):
                identify_runs(store, "rm", reference, "--yes")
        assert (tmp_path / "thesis").is_dir()


class TestPrune:
    def test_only_what_dead_processes_left(self, store: Store, write_run: Write) -> None:
        finished, interrupted = write_run(), write_run(commit=False)
        failed = write_run(commit=False, status="failed")
        store.lock_path(finished.id).write_text("")
        with RunWriter.create(store, name="running", plugin="toy") as writer:
            dry = identify_runs(store, "prune", "--dry-run").stdout
            assert len(store.runs()) == 4
            assert dry.replace("would remove", "removed") == identify_runs(store, "prune", "--yes").stdout
            assert dry.splitlines()[:2] == [
                f"would remove {interrupted.id}  interrupted",
                f"would remove {failed.id}  failed",
            ]
            assert [run.id for run in store.runs()] == [finished.id, writer.id]
            assert identify_runs(store, "prune").stderr == "nothing to prune\n"
            writer.commit()
        assert os.listdir(store.path / "staging") == []

    def test_it_asks_before_it_takes_a_run_that_could_be_resumed(self, store: Store, write_run: Write) -> None:
        write_run(commit=False)
        with pytest.raises(click.Abort):
            identify_runs(store, "prune", input="n\n")
        assert len(store.runs()) == 1

    def test_leftovers_are_listed_and_asked_for_too(self, store: Store, write_run: Write) -> None:
        run = write_run()
        left = run.folder / ".new-0123"
        left.mkdir()
        result = CliRunner().invoke(
            command, ["prune", "--store", str(store.path)], obj=Invocation(), standalone_mode=True, input="n\n"
        )
        assert f"{left}  left over" in result.stderr
        assert "Delete 1 leftover for good?" in result.stderr
        assert left.is_dir()
        assert identify_runs(store, "prune", input="y\n").stdout == f"removed {left}\n"
        assert not left.exists()

    def test_a_run_that_is_resumed_while_it_asks_is_left_alone(
        self, store: Store, write_run: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resumed, other = write_run(commit=False), write_run(commit=False)
        taken = []
        monkeypatch.setattr(click, "confirm", lambda *_, **__: taken.append(RunWriter.resume(store, resumed.id)))
        result = identify_runs(store, "prune")
        assert f"left alone: the run {resumed.id} is being written by process" in result.stderr
        assert result.stdout == f"removed {other.id}  interrupted\n"
        taken[0].commit()

    def test_json(self, store: Store, write_run: Write) -> None:
        run = write_run(commit=False)
        document = json.loads(identify_runs(store, "prune", "--dry-run", "--json").stdout)
        assert (document["schema"], document["dry_run"], document["runs"]) == ("identify/pruned/1", True, [run.id])
        assert store.runs()


class TestVerify:
    def test_all_runs_by_default_and_the_status_says_it(self, store: Store, write_run: Write) -> None:
        good, bad, staged = write_run(), write_run(), write_run(commit=False)
        assert identify_runs(store, "verify").return_value == 0
        (bad.folder / "arrays.zarr/history/loss/values/c.0.0").write_bytes(b"")
        (bad.folder / "spec.toml").unlink()
        result = identify_runs(store, "verify")
        assert result.return_value == 4
        lines = result.stdout.splitlines()
        assert lines[0] == f"{good.id}  ok"
        assert lines[1] == f"{bad.id}  damaged"
        assert len([line for line in lines if line.startswith("  ")]) == 2
        assert lines[-1] == f"{staged.id}  ok so far; not finished, so there are no checksums yet"
        assert identify_runs(store, "verify", good.id).return_value == 0

    def test_json(self, store: Store, write_run: Write) -> None:
        run = write_run()
        (run.folder / "spec.toml").unlink()
        result = identify_runs(store, "verify", "--json")
        document = json.loads(result.stdout)
        assert document["schema"] == "identify/verification/1"
        assert list(document["runs"]) == [run.id]
        assert len(document["runs"][run.id]) == 1


class TestExport:
    def test_to_a_file(self, store: Store, write_run: Write, tmp_path: Path) -> None:
        write_run()
        result = identify_runs(store, "export", "--to", tmp_path / "loss.csv", "--only", "history/loss")
        assert result.stdout == f"{tmp_path / 'loss.csv'}\n"
        assert (tmp_path / "loss.csv").read_text().splitlines()[:2] == ["step,replicate-0,replicate-1", "0,1.0,1.0"]
        with pytest.raises(UsageError, match="exists"):
            identify_runs(store, "export", "--to", tmp_path / "loss.csv", "--only", "history/loss")
        identify_runs(store, "export", "--to", tmp_path / "loss.csv", "--only", "history/loss", "--force")

    def test_the_last_is_the_last_that_finished(self, store: Store, write_run: Write, tmp_path: Path) -> None:
        finished = write_run("whole")
        write_run("half", commit=False)
        result = identify_runs(store, "export", "--to", tmp_path / "out" / "folder")
        assert finished.id in (tmp_path / "out" / "folder" / "run.json").read_text()
        assert result.stdout == f"{tmp_path / 'out' / 'folder'}\n"
        identify_runs(store, "export", "half", "--to", tmp_path / "half")  # named, it is meant

    def test_json_and_what_is_left_out(self, store: Store, tmp_path: Path) -> None:
        with RunWriter.create(store, name="a", plugin="b") as writer:
            writer.write_weights({"parameters/a": np.ones((1, 2), dtype="c16")})
            writer.commit()
        result = identify_runs(store, "export", "@last", "--to", tmp_path / "a.safetensors")
        assert "warning: weights/a is left out: safetensors holds no complex128" in result.stderr
        target = tmp_path / "b.safetensors"
        document = json.loads(identify_runs(store, "export", "@last", "--to", target, "--json").stdout)
        assert (document["path"], document["keys"]) == (str(target), [])
        assert list(document["left_out"]) == ["weights/a"]


def test_errors_have_the_exit_status_of_the_store(store: Store) -> None:
    with pytest.raises(IdentifyError) as caught:
        identify_runs(store, "show", "@last")
    assert caught.value.exit_code == 4
